"""Figures without a time axis: the percentile spectrum, and response time against throughput."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from bokeh.models import ColumnDataSource, DataRange1d, FixedTicker, HoverTool, NumeralTickFormatter
from bokeh.models.renderers import DataRenderer
from bokeh.models.text import BaseText
from bokeh.plotting import figure

from loadlab.plot.lines import LegendEntry
from loadlab.plot.text import format_count, format_ms, format_number, format_stage, plain_text
from loadlab.plot.theme import (
    MARKERS,
    OTHER_COLOUR,
    SEQUENCE,
    SERIES_COLOURS,
    add_legend,
    log_ticks,
    new_figure,
    no_data,
)
from loadlab.plot.time_axis import TIME_TOOLTIP, to_milliseconds

MAX_DOTS = 2000
"""Dots of a scatter plot at most; of more bins an even sample is drawn, since keeping extremes would draw a false band.
"""

_NINES: dict[float | str, str | BaseText] = {
    0.0: "0 %",
    1.0: "90 %",
    2.0: "99 %",
    3.0: "99.9 %",
    4.0: "99.99 %",
    5.0: "99.999 %",
    6.0: "99.9999 %",
    7.0: "99.99999 %",
}
_HALF = -float(np.log10(0.5))


def percentile_spectrum(spectrum: pd.DataFrame, *, log: bool = False) -> figure:
    """The response time of each quantile, on an axis stretched towards 100 %: x = -log10(1 - q), as HdrHistogram has
    it.

    `spectrum` has a row a quantile: quantile (0 to 1), value_ms. The row of quantile 1 is drawn as a marker, "max".
    """
    title = "Percentile spectrum"
    spectrum = spectrum[spectrum["value_ms"] > 0 if log else spectrum["value_ms"].notna()].sort_values("quantile")
    inside = spectrum[spectrum["quantile"] < 1]
    if inside.empty:
        return no_data(title, "no request has a response time")
    highest = float(spectrum["value_ms"].iloc[-1])
    plot = new_figure(
        title,
        f"Response time of each percentile, up to {format_ms(highest)}.",
        x_label="percentile of requests",
        y_label="response time (ms)",
        height=320,
        x_range=DataRange1d(start=0),
        y_axis_type="log" if log else "linear",
        y_range=DataRange1d() if log else DataRange1d(start=0),
    )
    if log:
        plot.yaxis.ticker = log_ticks(float(spectrum["value_ms"].min()), highest)
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    places = -np.log10(1 - inside["quantile"].to_numpy())
    plot.xaxis.ticker = FixedTicker(ticks=[_HALF, *range(len(_NINES))])
    plot.xaxis.major_label_overrides = {**_NINES, _HALF: "50 %"}
    source = ColumnDataSource(
        {
            "place": places,
            "quantile": inside["quantile"].to_numpy(),
            "percent": inside["quantile"].to_numpy() * 100,
            "value_ms": inside["value_ms"].to_numpy(),
        }
    )
    rows = [("percentile", "@percent{0.[00000]} %"), ("response time", "@value_ms{0,0.[000]} ms")]
    line = plot.line("place", "value_ms", source=source, color=SERIES_COLOURS[0], line_width=2, name="percentiles")
    plot.add_tools(HoverTool(renderers=[line], tooltips=rows, mode="vline", line_policy="nearest", visible=False))
    entries: list[LegendEntry] = [("percentiles", [line])]
    maximum = spectrum[spectrum["quantile"] >= 1]
    if not maximum.empty:
        top = ColumnDataSource({"place": [places[-1] + _HALF], "value_ms": maximum["value_ms"].to_numpy()[-1:]})
        star = plot.scatter(
            "place", "value_ms", source=top, marker="diamond", size=11, color=SERIES_COLOURS[1], name="max"
        )
        plot.add_tools(HoverTool(renderers=[star], tooltips=[("max", "@value_ms{0,0.[000]} ms")], visible=False))
        entries.append(("max", [star]))
    add_legend(plot, entries)
    return plot


def latency_by_rps(timeline: pd.DataFrame, *, stage: str = "stage", quantile: str = "p95") -> figure:
    """Response time against throughput, a dot a bin, coloured and shaped by stage: where the knee is.

    `timeline` has a row a bin: time, rps, `<quantile>_ms` and the column `stage` (a number or name; missing outside of
    every stage's steady part, drawn as "ramp"). Of more than 2000 bins an even sample is drawn, and the title says so.
    """
    title = f"{quantile} response time by throughput"
    column = f"{quantile}_ms"
    dots = timeline[timeline[column].notna()]
    if dots.empty:
        return no_data(title, "no request has a response time")
    if len(dots) > MAX_DOTS:
        title += f" (a sample of {format_count(MAX_DOTS)} of {format_count(len(dots))} bins)"
        dots = dots.iloc[np.linspace(0, len(dots) - 1, MAX_DOTS).astype(np.int64)]
    plot = new_figure(
        title,
        f"{quantile} from {format_ms(dots[column].min())} to {format_ms(dots[column].max())}, throughput from "
        f"{format_number(dots['rps'].min())} to {format_number(dots['rps'].max())} requests a second.",
        x_label="throughput (successful requests a second)",
        y_label=f"{quantile} response time (ms)",
        height=340,
        x_range=DataRange1d(start=0),
        y_range=DataRange1d(start=0, only_visible=True),
    )
    for axis in plot.axis:
        axis.formatter = NumeralTickFormatter(format="0,0.[000]")
    rows = [
        TIME_TOOLTIP,
        ("stage", "@stage"),
        ("throughput", "@rps{0,0.[000]} /s"),
        (quantile, "@value_ms{0,0.[000]} ms"),
    ]
    entries: list[LegendEntry] = []
    for look in _stage_looks(dots[stage]):
        group = dots[dots[stage].isna()] if look.stage is None else dots[dots[stage] == look.stage]
        source = ColumnDataSource(
            {
                "time": to_milliseconds(group["time"]),
                "rps": group["rps"].to_numpy(),
                "value_ms": group[column].to_numpy(),
                "stage": np.full(len(group), look.label, dtype=object),
            }
        )
        drawn = plot.scatter(
            "rps",
            "value_ms",
            source=source,
            marker=look.marker,
            size=7,
            color=look.colour,
            fill_alpha=0.5,
            name=look.label,
        )
        entries.append((look.label, [drawn]))
    everything: list[DataRenderer] = [renderer for _, renderers in entries for renderer in renderers]
    plot.add_tools(HoverTool(renderers=everything, tooltips=rows, formatters={"@time": "datetime"}))
    add_legend(plot, entries)
    return plot


def stages_of_bins(times: pd.Series[Any], resolution: str, windows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The name of the stage in whose steady part each bin lies, None for a bin of none: what `latency_by_rps` takes.

    `times` are the starts of the bins, `windows` is ``analyse.stage_windows``. Whole bins only: one that is cut off by
    a ramp or by the end is no measurement of the stage.
    """
    stages = np.full(len(times), None, dtype=object)
    ends = times + pd.Timedelta(resolution)
    columns = (windows[column] for column in ("stage", "name", "users", "ramp_end", "end"))
    for number, name, users, begin, end in zip(*columns, strict=True):
        label = format_stage(number, name, users) if len(windows) > 1 else f"{users:g} users"
        stages[(times >= begin) & (ends <= end)] = label
    return stages


@dataclass(frozen=True)
class _StageLook:
    stage: object
    label: str
    colour: str
    marker: str


def _stage_looks(stages: pd.Series[Any]) -> list[_StageLook]:
    """How to draw each stage, in their order, and last the bins of none. Many stages get a sequence of colours."""
    present: list[Any] = list(stages.dropna().unique())  # in the order of time, as names have no other
    if not any(isinstance(stage, str) for stage in present):
        present.sort()
    colours: Sequence[str] = SERIES_COLOURS
    if len(present) > len(SERIES_COLOURS):
        colours = [SEQUENCE[round(place)] for place in np.linspace(0, len(SEQUENCE) - 1, len(present))]
    looks = [
        _StageLook(stage, _stage_label(stage), colour, marker)
        for stage, colour, marker in zip(present, colours, cycle(MARKERS))
    ]
    if stages.isna().any():
        looks.append(_StageLook(None, "ramp", OTHER_COLOUR, "x"))
    return looks


def _stage_label(stage: object) -> str:
    if isinstance(stage, int | float | np.number):
        return f"stage {stage:g}"
    return plain_text(stage, 24)
