"""Which criteria make sense: every sentence that the grammar allows and no run could keep, or none could break, is
refused here, whether it came as text or as an object."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from loadlab.spec.criterion import LATENCIES, MEASURES, OF_REQUESTS, Criterion, Quantity
from loadlab.spec.durations import format_duration

MAX_DURATION_S = 31 * 86400
"""The longest window."""

UNIT = re.compile(r"%|[^\W\d_][\w/%-]*|/[^\W\d_]+")
"""A unit of a signal."""

KEYWORDS = ("drops", "rises", "over", "for", "within", "from", "start", "else", "stop", "after")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

CHANGING = ("quantile", "mean", "rps", "count", "users", "metric", "signal")
"""What may be told to drop or rise by a share."""

_NONNEGATIVE = (*OF_REQUESTS, "errors", "users")
_GROWING = ("count", "errors")
_COUNTED = (*_GROWING, "users", "metric", "signal")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a criterion: in which `part` of its text, and the sentence that says it."""

    part: str
    text: str


def find_problem(criterion: Criterion) -> Problem | None:
    """The first thing that is wrong; None when the criterion makes sense."""
    return _wrong_quantity(criterion.quantity) or _wrong_value(criterion) or _wrong_times(criterion)


def _wrong_quantity(quantity: Quantity) -> Problem | None:
    measure = quantity.measure
    if measure not in MEASURES:
        return Problem("measure", f"one of {', '.join(MEASURES)}, and not {measure!r}")
    if measure == "quantile" and (quantity.quantile is None or not 0 < quantity.quantile < 1):
        return Problem("measure", "a percentile lies between p0 and p100, such as p50, p99 or p99.9")
    if measure != "quantile" and quantity.quantile is not None:
        return Problem("measure", f"{measure} takes no quantile")
    if measure in ("metric", "signal") and not quantity.name:
        return Problem("selector", f"{measure} needs the name of one: {measure}({_EXAMPLES[measure]})")
    if measure == "users" and quantity.name:
        return Problem("selector", "users are those of the whole test: there is nothing to select")
    if quantity.request_type and measure not in OF_REQUESTS:
        return Problem("selector", f"{measure} is not about requests and has no request type")
    return None


_EXAMPLES = {"metric": "checkouts", "signal": "pod_cpu"}


def _wrong_value(criterion: Criterion) -> Problem | None:
    measure, comparison, threshold = criterion.quantity.measure, criterion.comparison, criterion.threshold
    if not math.isfinite(threshold):
        return Problem("value", "a smaller number is expected here")
    if criterion.change:
        return _wrong_change(criterion)
    if comparison not in ("<", "<=", ">", ">=", "==", "!="):
        return Problem("comparison", "a comparison: <, <=, >, >=, == or !=")
    if not _is_unit_of(measure, criterion.unit):
        return Problem("value", f"{measure} has no unit {criterion.unit!r}")
    if measure == "error_ratio" and threshold > 1:
        return Problem("value", "a share of requests lies between 0 and 1, or 0% and 100%")
    if measure in _NONNEGATIVE and threshold < 0:
        return Problem("value", "this is never below 0")
    if measure in _GROWING and threshold != int(threshold):
        return Problem("value", "requests are counted in whole numbers")
    vacuous = _vacuous(measure, comparison, threshold)
    if vacuous:
        return Problem("comparison", vacuous)
    exact = comparison in ("==", "!=") and threshold != 0
    if exact and (measure not in _COUNTED or criterion.unit == "/s"):
        return Problem("comparison", "this is measured, and hardly ever exactly the same: write < or >")
    return None


def _is_unit_of(measure: str, unit: str) -> bool:
    if measure == "signal":
        return unit == "" or (UNIT.fullmatch(unit) is not None and unit not in KEYWORDS)
    if measure == "metric":
        return unit in ("", "/s")
    return unit == ("ms" if measure in LATENCIES else "/s" if measure == "rps" else "")


def _vacuous(measure: str, comparison: str, threshold: float) -> str:
    """Why no run could break this, or none could keep it."""
    if measure in _NONNEGATIVE and threshold == 0 and comparison in ("<", ">="):
        return "this is never below 0, so that every run " + ("breaks" if comparison == "<" else "keeps") + " it"
    if measure == "error_ratio" and threshold == 1 and comparison in (">", "<="):
        return "this is never above 100%, so that every run " + ("breaks" if comparison == ">" else "keeps") + " it"
    return ""


def _wrong_change(criterion: Criterion) -> Problem | None:
    measure, change = criterion.quantity.measure, criterion.change
    if change not in ("drops", "rises"):
        return Problem("comparison", "drops or rises")
    if measure not in CHANGING:
        why = {
            "min": "hangs on a single request; take a percentile, such as p50",
            "max": "hangs on a single request; take a percentile, such as p99",
        }.get(measure, "is 0 most of the time, and of 0 there is no share; write error_ratio < 5% over 30s")
        return Problem("measure", f"{'count(error:...)' if measure == 'errors' else measure} {why}")
    if criterion.comparison not in (">", ">="):
        return Problem("comparison", f"{change} takes > or >=, for it says what must not happen")
    if criterion.unit:
        return Problem("value", f"{change} is about a share of what it was, such as 50%")
    if criterion.threshold <= 0:
        return Problem("value", "a change above 0%")
    if change == "drops" and (criterion.threshold > 1 or (criterion.threshold == 1 and criterion.comparison == ">")):
        return Problem("value", "nothing drops by more than 100%")
    return None


def _wrong_times(criterion: Criterion) -> Problem | None:
    for part in ("over_s", "for_s", "within_s", "stop_after_s"):
        seconds = getattr(criterion, part)
        if seconds is None:
            continue
        if not (math.isfinite(seconds) and seconds == int(seconds) and seconds >= 1):
            return Problem(
                part, "a time of whole seconds, 1s or more, is expected: what is recorded is kept second by second"
            )
        if seconds > MAX_DURATION_S:
            return Problem(part, f"a time of {format_duration(MAX_DURATION_S)} at most is expected")
    if criterion.change and criterion.for_s is not None:
        return Problem("for_s", f"'{criterion.change}' takes 'within' and not 'for', for it happens within a time")
    if criterion.change and criterion.within_s is None:
        return Problem("end", f"'{criterion.change}' needs the time in which it happens: within 15m")
    if criterion.within_s is not None:
        if not criterion.change:
            return Problem("within_s", "within goes with drops or rises; write 'over' for a window")
        window_s = criterion.window_s or 0
        if criterion.within_s <= window_s:
            text = (
                f"a time is expected that is longer than the {window_s} s of each value; 'over 1s' makes these shorter"
            )
            return Problem("within_s", text)
    if criterion.stop_after_s is not None and not criterion.stop:
        return Problem("stop_after_s", "after goes with 'else stop'")
    return _wrong_stop(criterion)


def _wrong_stop(criterion: Criterion) -> Problem | None:
    """A number that grows through the run is below any limit at first."""
    measure, comparison = criterion.quantity.measure, criterion.comparison
    if not criterion.stop or criterion.window_s is not None or measure not in _GROWING:
        return None
    if comparison in ("<", "<=") or (comparison == "==" and criterion.threshold == 0):
        return None
    text = "this number grows through the run, so that its beginning would end the test; give it a window: over 30s"
    return Problem("stop", text)
