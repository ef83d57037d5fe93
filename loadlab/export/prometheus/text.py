"""Families as text: the Prometheus text format 0.0.4, or OpenMetrics 1.0.

Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/. They differ in what a counter is called in its TYPE line, in
the escapes of HELP, in UNIT and EOF, and in timestamps, which are seconds in OpenMetrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from io import BytesIO

from loadlab.export.prometheus.family import Family, Labels, Series, readable


def render(families: Iterable[Family], *, openmetrics: bool) -> bytes:
    """The text of `families`, in their order, UTF-8."""
    out = BytesIO()
    for family in families:
        out.write("".join(_head(family, openmetrics)).encode("utf-8"))
        for series in family.series:
            out.write("".join(_lines(family, series)).encode("utf-8"))
    if openmetrics:
        out.write(b"# EOF\n")
    return out.getvalue()


def _head(family: Family, openmetrics: bool) -> Iterator[str]:
    name = family.name if openmetrics or family.kind != "counter" else f"{family.name}_total"
    text = _escape(family.help) if openmetrics else _escape_help(family.help)
    yield f"# HELP {name} {text}\n"
    yield f"# TYPE {name} {family.kind}\n"
    if openmetrics and family.unit:
        yield f"# UNIT {name} {family.unit}\n"


def _lines(family: Family, series: Series) -> Iterator[str]:
    times = [""] if series.times is None else [f" {time}" for time in series.times.tolist()]
    if family.kind != "histogram":
        name = f"{family.name}_total" if family.kind == "counter" else family.name
        start = f"{name}{_labels(series.labels)} "
        for time, value in zip(times, series.values.tolist(), strict=True):
            yield f"{start}{number(value)}{time}\n"
        return
    assert series.sums is not None
    bounds = [*map(number, family.bounds), "+Inf"]
    starts = [f"{family.name}_bucket{_labels((*series.labels, ('le', bound)))} " for bound in bounds]
    count, total = (f"{family.name}_{what}{_labels(series.labels)} " for what in ("count", "sum"))
    for time, below, spent in zip(times, series.values.tolist(), series.sums.tolist(), strict=True):
        for start, value in zip(starts, below, strict=True):
            yield f"{start}{value}{time}\n"
        yield f"{count}{below[-1]}{time}\n{total}{number(spent)}{time}\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}" if labels else ""


def number(value: float) -> str:
    """A number that reads back to the same."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _escape(text: str) -> str:
    """Of a label's value, and of HELP in OpenMetrics."""
    return _escape_help(text).replace('"', '\\"')


def _escape_help(text: str) -> str:
    return readable(text).replace("\\", "\\\\").replace("\n", "\\n")
