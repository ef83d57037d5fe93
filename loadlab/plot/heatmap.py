"""The figure of how response times are distributed over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    LogColorMapper,
    NumeralTickFormatter,
)
from bokeh.models.annotations import ColorBar
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from loadlab.plot.text import format_count, format_ms
from loadlab.plot.theme import log_ticks, no_data, style_color_bar
from loadlab.plot.time_axis import TIME_TOOLTIP, TimeAxis, new_time_figure, to_milliseconds

MAX_TIME_BINS = 240
"""Time bins of a heatmap at most; of more, neighbours are added up, so that counts stay exact."""

_PALETTE = Viridis256[88:208]
"""The part of viridis whose darkest has a contrast of 3:1 to a dark surface, and whose lightest is seen on a light."""


def latency_heatmap(
    heat: pd.DataFrame, *, axis: TimeAxis | None = None, resolution: pd.Timedelta | None = None
) -> figure:
    """How many requests had which response time, over time: darker to lighter cells on a logarithmic axis.

    `heat` has a row for each cell with requests: time (start of the bin), low_ms and high_ms (> 0), count. `resolution`
    is the length of a bin, by default the shortest distance of two times, or a second where there is only one.
    """
    title = "Requests by response time"
    heat = heat[heat["count"] > 0]
    if heat.empty:
        return no_data(title, "no request has a response time")
    width = resolution or _shortest_distance(heat["time"])
    axis = axis or TimeAxis.covering(heat["time"], width)
    cells, width = _coarsen(heat, width)
    busiest = int(cells["count"].max())
    plot = new_time_figure(
        title,
        f"Requests by response time, from {format_ms(heat['low_ms'].min())} to {format_ms(heat['high_ms'].max())}, "
        f"over time; at most {format_count(busiest)} in a cell.",
        axis,
        y_label="response time (ms)",
        height=280,
        y_axis_type="log",
        y_range=DataRange1d(range_padding=0),
    )
    plot.yaxis.ticker = log_ticks(heat["low_ms"].min(), heat["high_ms"].max())
    left = to_milliseconds(cells["time"])
    source = ColumnDataSource(
        {
            "time": left,
            "end": left + np.timedelta64(round(width.total_seconds() * 1000), "ms"),
            "low_ms": cells["low_ms"].to_numpy(),
            "high_ms": cells["high_ms"].to_numpy(),
            "count": cells["count"].to_numpy(),
        }
    )
    mapper = LogColorMapper(palette=_PALETTE, low=1, high=max(busiest, 2))
    quads = plot.quad(
        left="time",
        right="end",
        bottom="low_ms",
        top="high_ms",
        source=source,
        fill_color={"field": "count", "transform": mapper},
        line_color=None,
        name="requests",
    )
    plot.add_tools(
        HoverTool(
            renderers=[quads],
            tooltips=[
                TIME_TOOLTIP,
                ("from", "@low_ms{0,0.[000]} ms"),
                ("to", "@high_ms{0,0.[000]} ms"),
                ("requests", "@count{0,0}"),
            ],
            formatters={"@time": "datetime"},
        )
    )
    bar = ColorBar(color_mapper=mapper, width=12, formatter=NumeralTickFormatter(format="0,0"))
    style_color_bar(bar)
    plot.add_layout(bar, "right")
    return plot


def _shortest_distance(times: pd.Series[Any]) -> pd.Timedelta:
    distances = times.drop_duplicates().sort_values().diff().dropna()
    return pd.Timedelta(distances.min()) if len(distances) else pd.Timedelta(seconds=1)


def _coarsen(heat: pd.DataFrame, width: pd.Timedelta) -> tuple[pd.DataFrame, pd.Timedelta]:
    """`heat` with at most MAX_TIME_BINS time bins, and their width."""
    first = heat["time"].min()
    bins = (heat["time"].max() - first) // width + 1
    factor = -(-bins // MAX_TIME_BINS)
    if factor == 1:
        return heat, width
    coarse = width * factor
    times = first + (heat["time"] - first) // coarse * coarse
    cells = heat.assign(time=times).groupby(["time", "low_ms", "high_ms"], as_index=False)[["count"]].sum()
    return cells, coarse
