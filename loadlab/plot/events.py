"""Marks for what happened during a run: a line across the plot, a short label, a tooltip with the whole text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, HoverTool, Node, PlainText
from bokeh.models.annotations import Label
from bokeh.plotting import figure
from numpy.typing import NDArray

from loadlab.plot.lines import LegendEntry
from loadlab.plot.text import format_count, format_stage, plain_text
from loadlab.plot.theme import ALERT_COLOUR, FONT, OTHER_COLOUR
from loadlab.plot.time_axis import TIME_TOOLTIP, TimeAxis, to_milliseconds

ALERTS = frozenset(
    (
        "worker_lost",
        "master_lost",
        "region_lost",
        "lease_expired",
        "interrupted",
        "criterion_broken",
        "journal_failed",
        "names_folded",
        "warning",
    )
)
"""Event kinds (schema.EVENT_KINDS) that put a result in doubt; they are drawn solid and in the alert colour."""

_LOOKS = (
    ("events", False, OTHER_COLOUR, "dashed", 1.0),
    ("warnings", True, ALERT_COLOUR, "solid", 1.5),
)
_FOREMOST = ("note", "stage", "test_start", "test_stopping", "ramp_complete")
"""Kinds that lend their label to several events close to each other, after the alerts, in this order."""

_NEAREST = 0.025
"""Events closer than this share of the visible time get one label."""

_CROWDED = 0.08
"""After two labels closer than this share, the next stands at least so far away: more in a row would hide the curves.
"""

_LAST = 0.08
"""Share of the visible time at its end in which a label stands before its line: behind it there is no room."""


def draw_events(plot: figure, events: pd.DataFrame | None, axis: TimeAxis, *, labels: bool = True) -> list[LegendEntry]:
    """Marks `events` (schema table) inside the x range of `axis` and returns their legend entries.

    The label of a mark is short and plain (a string would be searched for TeX, and a typesetter fetched for it); the
    tooltip tells time and text. Labels that would cover each other are merged into
    the one that matters most and a count of the others.
    """
    if events is None or events.empty:
        return []
    marks = _marks(events)
    marks = marks[marks["time"].between(axis.start, axis.end)]
    entries: list[LegendEntry] = []
    for legend, alert, colour, dash, width in _LOOKS:
        chosen = marks[marks["alert"] == alert]
        if chosen.empty:
            continue
        source = ColumnDataSource(
            {
                "time": to_milliseconds(chosen["time"]),
                "text": chosen["text"].to_numpy(dtype=object),
            }
        )
        spans = plot.vspan(x="time", source=source, line_color=colour, line_dash=dash, line_width=width, name=legend)
        plot.add_tools(
            HoverTool(
                renderers=[spans],
                tooltips=[TIME_TOOLTIP, ("event", "@text")],
                formatters={"@time": "datetime"},
                point_policy="follow_mouse",
                visible=False,
            )
        )
        entries.append((legend, [spans]))
    if labels and not marks.empty:
        for label in _labels(marks, axis):
            plot.add_layout(label)
    return entries


def with_broken_criteria(events: pd.DataFrame, verdict: Mapping[str, Any]) -> pd.DataFrame:
    """`events` (schema table) and one more of kind 'criterion_broken' for the second in which each criterion first was.

    `verdict` is ``Verdict.to_dict()``.
    """
    broken = [each for each in verdict["criteria"] if each["first_broken"]]
    if not broken:
        return events
    marks = pd.DataFrame(
        {
            "time": pd.to_datetime([each["first_broken"] for each in broken], utc=True, format="ISO8601").as_unit("us"),
            "kind": "criterion_broken",
            "object": [each["criterion"] for each in broken],
            "text": [f"first broken: {each['criterion']}" for each in broken],
            "data": "{}",
            "region": "",
        }
    )
    return pd.concat([events.astype({"kind": "str", "region": "str"}), marks], ignore_index=True)


def _marks(events: pd.DataFrame) -> pd.DataFrame:
    """Columns time, alert, rank (the lower the more important), label, text; in the order of time."""
    ordered = events.sort_values("time", kind="stable")
    staged = int((ordered["kind"] == "stage").sum()) > 1
    rows = [
        (
            str(kind) in ALERTS,
            _rank(str(kind)),
            _label(str(kind), str(obj), str(text), str(data), str(region), staged=staged),
            plain_text(text or kind, 200),
        )
        for kind, obj, text, data, region in zip(
            *(ordered[column] for column in ("kind", "object", "text", "data", "region")), strict=True
        )
    ]
    marks = pd.DataFrame(rows, columns=["alert", "rank", "label", "text"])
    marks.insert(0, "time", ordered["time"].to_numpy())
    marks["time"] = pd.to_datetime(marks["time"], utc=True)
    return marks


def _rank(kind: str) -> int:
    if kind in ALERTS:
        return 0
    return 1 + (_FOREMOST.index(kind) if kind in _FOREMOST else len(_FOREMOST))


def _label(kind: str, obj: str, text: str, data: str, region: str, *, staged: bool) -> str:
    if kind == "stage":
        told = _numbers(data)
        index, users = told.get("index"), told.get("users")
        where = f" in {plain_text(region, 16)}" if region else ""
        if staged and isinstance(index, int) and isinstance(users, int | float):
            return format_stage(index, told.get("name") or "", users) + where
        return f"{format_count(users)} users{where}" if isinstance(users, int | float) else "stage"
    if kind in ("note", "warning") and text:
        return plain_text(text, 24)
    if kind == "criterion_broken" and obj:
        return f"broken: {plain_text(obj, 24)}"
    words = _SHORT.get(kind, kind.replace("_", " "))
    return f"{plain_text(obj, 16)} {words}" if kind.startswith("worker_") and obj else words


_SHORT: Mapping[str, str] = {
    "test_start": "start",
    "test_stopping": "stopping",
    "test_stop": "stop",
    "ramp_complete": "ramp done",
    "worker_joined": "joined",
    "worker_left": "left",
    "worker_lost": "lost",
    "worker_returned": "back",
}


def _numbers(data: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(data)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _labels(marks: pd.DataFrame, axis: TimeAxis) -> list[Label]:
    visible = (axis.end - axis.start).total_seconds() * 1000
    positions = to_milliseconds(marks["time"]).astype(np.int64)
    labels = []
    for group in _groups(positions / visible):
        leader = min(group, key=lambda row: marks["rank"].iloc[row])
        text = marks["label"].iloc[leader] + (f" (+{len(group) - 1} more)" if len(group) > 1 else "")
        at_the_end = positions[group[0]] > axis.end.timestamp() * 1000 - _LAST * visible
        labels.append(
            Label(
                x=float(positions[group[0]]),
                y=Node(target="frame", symbol="top"),
                text=PlainText(text=text),
                angle=90,
                angle_units="deg",
                text_align="right",
                text_baseline="bottom" if at_the_end else "top",
                x_offset=-3 if at_the_end else 3,
                y_offset=-4,
                text_font=FONT,
                text_font_size="11px",
            )
        )
    return labels


def _groups(positions: NDArray[np.float64]) -> list[list[int]]:
    """The rows that share a label. `positions`: ascending, in shares of the visible time."""
    groups: list[list[int]] = []
    in_a_row = 0
    for row, position in enumerate(positions):
        gap = position - positions[groups[-1][0]] if groups else np.inf
        if gap < (_NEAREST if in_a_row < 2 else _CROWDED):
            groups[-1].append(row)
            continue
        in_a_row = in_a_row + 1 if gap < _CROWDED else 1
        groups.append([row])
    return groups
