"""DataFrames in, Bokeh figures out, in one theme.

Columns are those of `loadlab.schema` and of what `loadlab.analyse` returns. Every figure is drawn from plain numbers
and inert text: no HTML, no script and no template comes from the data.
"""

from __future__ import annotations

from loadlab.plot.distribution import latency_by_rps, percentile_spectrum, stages_of_bins
from loadlab.plot.events import with_broken_criteria
from loadlab.plot.generators import generator_figures, generator_health, users
from loadlab.plot.heatmap import latency_heatmap
from loadlab.plot.notebook import enable_notebook, show
from loadlab.plot.overview import overview, overview_figures, stack
from loadlab.plot.sparkline import sparkline_svg
from loadlab.plot.text import (
    MISSING,
    format_count,
    format_ms,
    format_number,
    format_percent,
    format_stage,
    plain_text,
)
from loadlab.plot.theme import no_data
from loadlab.plot.thinning import thin_min_max
from loadlab.plot.time_axis import TimeAxis
from loadlab.plot.timeline import errors, percentiles, throughput

__all__ = [
    "MISSING",
    "TimeAxis",
    "enable_notebook",
    "errors",
    "format_count",
    "format_ms",
    "format_number",
    "format_percent",
    "format_stage",
    "generator_figures",
    "generator_health",
    "latency_by_rps",
    "latency_heatmap",
    "no_data",
    "overview",
    "overview_figures",
    "percentile_spectrum",
    "percentiles",
    "plain_text",
    "show",
    "sparkline_svg",
    "stack",
    "stages_of_bins",
    "thin_min_max",
    "throughput",
    "users",
    "with_broken_criteria",
]
