"""What criteria come to, worked out from raw rows with plain loops: the other side of the comparison.

Knows nothing of loadlab.analyse; quantiles are those of the sorted times, told by their bucket as loadlab.schema says.
"""

from __future__ import annotations

import fnmatch
import math
from typing import NamedTuple

from criteria_runs import RawRun
from raw_samples import bucket

from loadlab import schema
from loadlab.spec import Criterion

SAMPLES = {0.5: 6, 0.9: 36, 0.95: 72, 0.99: 368, 0.75: 13}
"""From the docstring of `required_samples`: the least n with q**n <= 2.5 %."""


class Answer(NamedTuple):
    status: str
    value: float | None
    first_broken: int | None


def answer(run: RawRun, criterion: Criterion) -> Answer:
    """The status, the worst value and the first broken second, counted from the start of the run."""
    first, stop = (0, run.steady[1]) if criterion.from_start else run.steady
    objects = sorted({row["object"] for row in run.signals}) if criterion.quantity.measure == "signal" else [""]
    answers = [_answer(run, criterion, first, stop, name) for name in objects]
    failed = [found for found in answers if found.status == "failed"]
    if failed:
        return min(failed, key=lambda found: found.first_broken or 0)
    invalid = [found for found in answers if found.status == "invalid"]
    return invalid[0] if invalid else max(answers, key=lambda found: _badness(criterion, found.value or 0.0))


def _answer(run: RawRun, criterion: Criterion, first: int, stop: int, about: str) -> Answer:
    width = criterion.over_s or (10 if criterion.for_s or criterion.change else None)
    wait = int(criterion.stop_after_s or 10) if criterion.stop else 0
    if width is None:
        return _whole(run, criterion, first, stop, about, wait)
    width = int(width)
    windows = [(end - width, end) for end in range(first + width, stop + 1)]
    values = {end: measure(run, criterion, begin, end, about) for begin, end in windows}
    if criterion.change:
        values = _changes(criterion, values)
    values = {end: value for end, value in values.items() if end - 1 - first >= wait}
    if not values:
        return Answer("invalid", None, None)
    broken = {end: _is_broken(criterion, value) for end, value in values.items()}
    known = [value for value in values.values() if value is not None]
    worst = max(known, key=lambda value: _badness(criterion, value)) if known else None
    needed = int(criterion.for_s or 1)
    surely = _lasting({end for end, found in broken.items() if found}, needed)
    perhaps = _lasting({end for end, found in broken.items() if found is not False}, needed)
    if surely is not None:
        return Answer("failed", worst, surely - 1)
    if perhaps is not None or len(values) < needed:
        return Answer("invalid", worst, None)
    return Answer("passed", worst, None)


def _whole(run: RawRun, criterion: Criterion, first: int, stop: int, about: str, wait: int) -> Answer:
    value = measure(run, criterion, first, stop, about)
    measure_, comparison = criterion.quantity.measure, criterion.comparison
    counts = measure_ in ("count", "errors") or (criterion.quantity.name == "checkouts" and not criterion.unit)
    must_grow = counts and not (comparison in ("<", "<=") or (comparison == "==" and criterion.threshold == 0))
    if criterion.stop and not must_grow:
        for end in range(first + wait + 1, stop + 1):
            early = measure(run, criterion, first, end, about)
            if _is_broken(criterion, early):
                return Answer("failed", early, end - 1)
    if value is None:
        return Answer("invalid", None, None)
    if not _is_broken(criterion, value):
        return Answer("passed", value, None)
    if must_grow:
        return Answer("failed", value, stop - 1)
    ends = range(first + 1, stop + 1)
    return Answer(
        "failed",
        value,
        next(end for end in ends if _is_broken(criterion, measure(run, criterion, first, end, about))) - 1,
    )


def _lasting(ends: set[int], needed: int) -> int | None:
    """The first of `ends` with `needed` of them in a row up to it."""
    return next((end for end in sorted(ends) if all(end - back in ends for back in range(needed))), None)


def _changes(criterion: Criterion, values: dict[int, float | None]) -> dict[int, float | None]:
    changes: dict[int, float | None] = {}
    for end, value in values.items():
        before = [values[each] for each in values if end - int(criterion.within_s or 0) < each <= end]
        if len(before) == 1:
            continue
        known = [each for each in before if each is not None]
        if value is None:
            changes[end] = None
            continue
        base = max(known) if criterion.change == "drops" else min(known)
        if base == 0 and value > 0:
            changes[end] = None
            continue
        change = 0.0 if base == 0 else 1 - value / base if criterion.change == "drops" else value / base - 1
        broken = change > criterion.threshold or (criterion.comparison == ">=" and change == criterion.threshold)
        changes[end] = change if broken or len(known) == len(before) else None
    return changes


def _is_broken(criterion: Criterion, value: float | None) -> bool | None:
    if value is None:
        return None
    threshold = criterion.threshold
    holds = {
        "<": value < threshold,
        "<=": value <= threshold,
        ">": value > threshold,
        ">=": value >= threshold,
        "==": value == threshold,
        "!=": value != threshold,
    }[criterion.comparison]
    if criterion.change:
        return holds
    high_is_good = criterion.quantity.measure in ("rps", "count")
    low_is_good = criterion.quantity.measure in ("quantile", "mean", "min", "max", "error_ratio", "errors")
    alarm = criterion.for_s and (
        (high_is_good and "<" in criterion.comparison) or (low_is_good and ">" in criterion.comparison)
    )
    return holds if alarm else not holds


def _badness(criterion: Criterion, value: float) -> float:
    if criterion.comparison in ("==", "!="):
        return abs(value - criterion.threshold) * (1 if criterion.comparison == "==" else -1)
    sign = 1 if "<" in criterion.comparison else -1
    if criterion.change or (
        criterion.for_s and _is_broken(criterion, 1e9 if ">" in criterion.comparison else -1.0)
    ):  # the comparison says what is bad
        sign = -sign
    return sign * value


def measure(run: RawRun, criterion: Criterion, first: int, stop: int, about: str) -> float | None:
    """The quantity over some seconds; None where it cannot be told."""
    if any(second in run.missing for second in range(first, stop)):
        return None
    quantity = criterion.quantity
    inside = range(first, stop)
    if quantity.measure == "errors":
        wanted = (quantity.name or "*").lower()
        rows = [row for row in run.errors if row["second"] in inside and fnmatch.fnmatch(row["kind"].lower(), wanted)]
        return sum(row["count"] for row in rows)
    if quantity.measure == "users":
        return sum(row["users"] for row in run.users if row["second"] in inside) / len(inside)
    if quantity.measure == "metric":
        rows = [row for row in run.metrics if row["second"] in inside and row["name"] == quantity.name]
        total = sum(row["value"] for row in rows)
        return total / len(inside) if quantity.name == "online" or criterion.unit == "/s" else total
    if quantity.measure == "signal":
        factor = 1000 if criterion.unit == "millicores" else 1
        own = {row["second"]: row["value"] * factor for row in run.signals if row["object"] == about}
        return sum(own[max(told for told in own if told <= second)] for second in inside) / len(inside)
    return _measure_requests(run, criterion, inside)


def _measure_requests(run: RawRun, criterion: Criterion, inside: range) -> float | None:
    quantity = criterion.quantity
    rows = [
        row
        for row in run.requests
        if row["second"] in inside
        and quantity.request_type in ("", row["request_type"])
        and (not quantity.name or row["name"] == quantity.name or fnmatch.fnmatchcase(row["name"], quantity.name))
    ]
    failures = sum(row["failed"] for row in rows)
    if quantity.measure == "count":
        return len(rows)
    if quantity.measure == "rps":
        return (len(rows) - failures) / len(inside)
    if quantity.measure == "error_ratio":
        needed = math.ceil(round(1 / criterion.threshold, 6)) if 0 < criterion.threshold < 1 else 1
        return failures / len(rows) if len(rows) >= needed else None
    times = sorted(row["ms"] for row in rows if not math.isnan(row["ms"]))
    if not times:
        return None
    if quantity.measure != "quantile":
        return {"mean": math.fsum(times) / len(times), "min": times[0], "max": times[-1]}[quantity.measure]
    if len(times) < SAMPLES[quantity.quantile]:
        return None
    exact = times[max(1, math.ceil(quantity.quantile * len(times))) - 1]
    told = 2 * schema.GAMMA ** bucket(exact) / (schema.GAMMA + 1)
    return min(max(told, times[0]), times[-1])
