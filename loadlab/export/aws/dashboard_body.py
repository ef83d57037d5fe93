"""The body of a dashboard: the same input gives the same text.

Its structure: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from loadlab.export.aws.naming import Dimensions
from loadlab.export.aws.target import Target

PERIOD_S = 60
HALF, WHOLE, HEIGHT = 12, 24, 6
"""Widths of a widget in the grid of 24 columns, and its height."""

MAX_METRICS = 100
"""Lines of a widget."""

SATURATED_PERCENT = 90
"""From where on a load generator is saturated, as validity has it."""

Line = list[Any]


class Mark(NamedTuple):
    """A run on the time axis, in ISO 8601 with Z; `end` is None while it goes on."""

    label: str
    start: str
    end: str | None


def dashboard_body(
    target: Target, region: str, marks: Sequence[Mark], own: Collection[str], signals: Collection[str]
) -> str:
    """The DashboardBody for what `target` sends. `own` and `signals` are the metric names of a run's business metrics
    and signals."""
    grid = _Grid(target, region, marks)
    grid.text(
        f"## Load tests of {_plain(target.service)} in {_plain(target.environment)}\n"
        "Made by loadlab, which overwrites changes. Bands are runs. Percentiles are within 1 % of the measured ones."
    )
    times = [grid.line("ResponseTime", stat, label=stat) for stat in ("p50", "p95", "p99")]
    grid.chart("Response time", times, "ms")
    rate = [
        grid.line("Requests", "Sum", key="requests", visible=False),
        grid.line("Failures", "Sum", key="failures", visible=False),
        grid.line("Users", "SampleCount", key="seconds", visible=False),  # a sample for each second that was recorded
        _expression("(requests - failures) / seconds", "successful"),
        _expression("failures / seconds", "failed"),
    ]
    grid.chart("Throughput", rate, "requests/s")
    ratio = [*rate[:2], _expression("100 * failures / requests", "failed")]
    grid.chart("Failed requests", ratio, "%", top=100)
    kinds = grid.search("Errors", "Sum", ("kind",))
    grid.chart("Errors by kind", [*kinds, grid.line("Errors", "Sum", label="all")], "errors a minute")
    grid.chart("Users", [grid.line("Users", "Average", label="users")], "users")
    cpu = [
        grid.line("GeneratorCPU", stat, label=label) for stat, label in (("Maximum", "highest"), ("Average", "mean"))
    ]
    limit = [{"value": SATURATED_PERCENT, "label": "saturated", "color": "#d13212"}]
    grid.chart("CPU of the load generators", cpu, "% of a core", horizontal=limit)
    if by_name := grid.search("ResponseTime", "p99", ("request_type", "name")):
        grid.chart("p99 of each request", by_name, "ms")
        grid.chart("Requests by name", grid.search("Requests", "Sum", ("request_type", "name")), "requests a minute")
    if signals:
        levels = [grid.line(name, stat) for name in sorted(signals) for stat in ("Maximum", "Average")]
        grid.chart("Saturation of the target", levels, "")
    if own:
        counted = [grid.line(name, "Sum" if name.startswith("metric.") else "Average") for name in sorted(own)]
        grid.chart("Business metrics", counted, "")
    return json.dumps({"start": "-PT3H", "periodOverride": "inherit", "widgets": grid.widgets})


class _Grid:
    """Widgets, two in a row."""

    def __init__(self, target: Target, region: str, marks: Sequence[Mark]) -> None:
        self.widgets: list[dict[str, Any]] = []
        self._target = target
        self._region = region
        self._bands = [_band(mark) for mark in marks]
        self._x = self._y = 0

    def text(self, markdown: str) -> None:
        """A text over the whole width."""
        self._place("text", WHOLE, 2, {"markdown": markdown})

    def chart(
        self,
        title: str,
        lines: Sequence[Line],
        unit: str,
        *,
        top: float | None = None,
        horizontal: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Lines over time from 0 on, with the runs as bands."""
        axis: dict[str, Any] = {"min": 0, "label": unit, "showUnits": False} | ({"max": top} if top else {})
        properties: dict[str, Any] = {
            "title": title,
            "view": "timeSeries",
            "stacked": False,
            "region": self._region,
            "period": PERIOD_S,
            "timezone": "+0000",
            "metrics": list(lines)[:MAX_METRICS],
            "yAxis": {"left": axis},
        }
        annotations = {"horizontal": list(horizontal), "vertical": self._bands}
        if used := {key: value for key, value in annotations.items() if value}:
            properties["annotations"] = used
        self._place("metric", HALF, HEIGHT, properties)

    def _place(self, kind: str, width: int, height: int, properties: dict[str, Any]) -> None:
        place = {"x": self._x, "y": self._y, "width": width, "height": height}
        self.widgets.append({"type": kind, **place, "properties": properties})
        self._x += width
        if self._x >= WHOLE:
            self._x, self._y = 0, self._y + height

    def line(self, name: str, stat: str, *, label: str = "", key: str = "", visible: bool = True) -> Line:
        """One metric without a request name."""
        look: dict[str, Any] = {"stat": stat}
        if label:
            look["label"] = label
        if key:
            look["id"] = key
        if not visible:
            look["visible"] = False
        dimensions = [text for pair in self._target.base for text in pair]
        return [self._target.namespace, name, *dimensions, look]

    def search(self, name: str, stat: str, extra: Sequence[str]) -> list[Line]:
        """All metrics with these further dimensions, also those that come later; none where a text cannot be quoted."""
        target = self._target
        if any(char in text for text in (target.namespace, *_texts(target.base)) for char in "'\"\\"):
            return []
        names = ",".join([f'"{target.namespace}"', *(key for key, _ in target.base), *extra])
        terms = [f'MetricName="{name}"', *(f'{key}="{value}"' for key, value in target.base)]
        found = f"SEARCH('{{{names}}} {' '.join(terms)}', '{stat}', {PERIOD_S})"
        return [_expression(found, " ".join(f"${{PROP('Dim.{key}')}}" for key in extra))]


def _texts(dimensions: Dimensions) -> list[str]:
    return [value for _, value in dimensions]


def _expression(expression: str, label: str) -> Line:
    return [{"expression": expression, "label": label}]


def _band(mark: Mark) -> Any:
    start = {"value": mark.start, "label": mark.label}
    return start if mark.end is None else [start, {"value": mark.end, "label": "end"}]


def _plain(text: str) -> str:
    """`text` without what Markdown would take for markup."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-!<>|" else char for char in text)
