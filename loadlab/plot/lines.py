"""Several series over one time axis: the data source, the lines with their second cue, points that stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from bokeh.models import CDSView, ColumnDataSource, DataRange1d, HoverTool, IndexFilter
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from loadlab.plot.theme import DASHES, MARKERS, OTHER_COLOUR, OTHER_DASH, SERIES_COLOURS
from loadlab.plot.time_axis import TIME_TOOLTIP, to_milliseconds

LegendEntry: TypeAlias = "tuple[str, list[GlyphRenderer[Any]]]"


@dataclass(frozen=True)
class Series:
    """One line: its label, the column it draws, and how it is told from the others (colour, dash, marker, width)."""

    label: str
    column: str
    colour: str
    dash: str
    marker: str
    width: float = 1.5


def distinct_series(
    labels: Sequence[str], columns: Sequence[str], *, other: str | None = None, dashed: bool = False
) -> list[Series]:
    """A Series for each label and column in the theme's order; the column `other` gets the look of a remainder.

    The theme has five looks: give at most so many columns besides `other`. `dashed` tells lines without markers apart;
    with markers they are solid, since dashes get lost in a dense line.
    """
    looks = zip(cycle(SERIES_COLOURS), cycle(DASHES if dashed else ("solid",)), cycle(MARKERS), strict=False)
    return [
        Series(label, column, OTHER_COLOUR, OTHER_DASH, "x") if column == other else Series(label, column, *next(looks))
        for label, column in zip(labels, columns, strict=True)
    ]


def to_source(frame: pd.DataFrame, columns: Sequence[str]) -> ColumnDataSource:
    """`time` in UTC milliseconds and `columns` as plain numpy numbers, unchanged, a missing one as NaN."""
    data: dict[str, Any] = {"time": to_milliseconds(frame["time"])}
    for column in columns:
        data[column] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return ColumnDataSource(data)


def to_step_source(frame: pd.DataFrame, columns: Sequence[str], width: pd.Timedelta) -> ColumnDataSource:
    """A source for steps: as `to_source`, and the last row again one bin (`width`) later, where the last step ends.

    `middle` holds the middle of each step in milliseconds since the epoch, NaN for the row that ends the last one.
    """
    last = frame.iloc[[-1]].assign(time=frame["time"].iloc[-1] + width)
    source = to_source(pd.concat([frame, last], ignore_index=True), columns)
    starts = np.asarray(source.data["time"]).astype(np.int64)
    source.data["middle"] = np.append((starts[:-1] + starts[1:]) / 2, np.nan)
    return source


def draw_lines(plot: figure, source: ColumnDataSource, series: Sequence[Series]) -> list[LegendEntry]:
    """Draws `series`, each with a few markers of its own shape on it; a gap (NaN) breaks a line.

    A value between two gaps, which no line reaches, has a marker always. The first series is drawn on top of the
    others.
    """
    entries: list[LegendEntry] = []
    for place, one in reversed(list(enumerate(series))):
        line = plot.line(
            "time",
            one.column,
            source=source,
            name=one.label,
            color=one.colour,
            line_dash=one.dash,
            line_width=one.width,
        )
        marks = plot.scatter(
            "time",
            one.column,
            source=source,
            view=CDSView(filter=IndexFilter(indices=_marked(source.data[one.column], place / len(series)))),
            name=one.label,
            marker=one.marker,
            size=8,
            fill_color=one.colour,
            line_color="white",
            line_width=1,
        )
        entries.insert(0, (one.label, [line, marks]))
    return entries


def draw_steps(
    plot: figure, source: ColumnDataSource, series: Sequence[Series], *, y_range_name: str = "default"
) -> list[LegendEntry]:
    """Draws `series` as steps that hold from each time to the next: the source's last row must close the last step."""
    entries: list[LegendEntry] = []
    for one in series:
        step = plot.step(
            "time",
            one.column,
            source=source,
            name=one.label,
            mode="after",
            color=one.colour,
            line_dash=one.dash,
            line_width=one.width,
            y_range_name=y_range_name,
        )
        entries.append((one.label, [step]))
    return entries


def add_time_hover(
    plot: figure, source: ColumnDataSource, column: str, rows: Sequence[tuple[str, str]], *, at: str = "time"
) -> None:
    """Shows the exact numbers of the bin nearest to the cursor.

    Below the time come `rows` of (label, "@column{format} unit"); the labels are shown as text, never as HTML. `column`
    must have a number wherever the hover is to answer, and `at` is the column of the places to measure from ("middle"
    for steps). Call it when all is drawn: the y range follows what is drawn until now.
    """
    if isinstance(plot.y_range, DataRange1d):
        plot.y_range.renderers = [*plot.renderers]
    carrier = plot.line(at, column, source=source, line_alpha=0, name="hover")
    plot.add_tools(
        HoverTool(
            renderers=[carrier],
            tooltips=[TIME_TOOLTIP, *rows],
            formatters={"@time": "datetime"},
            mode="vline",
            line_policy="nearest",
            point_policy="follow_mouse",
            visible=False,
        )
    )


def _marked(values: Any, offset: float) -> list[int]:
    """Where to draw a marker: at a few finite values, the first `offset` (0 to 1) steps late, and at all that stand
    alone."""
    finite = np.isfinite(np.asarray(values, dtype=np.float64))
    padded = np.pad(finite, 1)
    alone = finite & ~padded[:-2] & ~padded[2:]
    places = np.flatnonzero(finite)
    step = max(1.0, len(places) / _MARKERS_ON_A_LINE)
    some = places[np.arange(step * offset, len(places), step).astype(np.int64)]
    return [int(place) for place in np.union1d(some, np.flatnonzero(alone))]


_MARKERS_ON_A_LINE = 12
