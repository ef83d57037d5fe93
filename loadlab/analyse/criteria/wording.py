"""What came of a criterion, as one sentence with the numbers."""

from __future__ import annotations

import math

import pandas as pd

from loadlab.analyse.criteria.outcome import Outcome, holds
from loadlab.analyse.validity.check import plural
from loadlab.spec import Criterion, format_duration, write_quantity, write_value

_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def describe(criterion: Criterion, outcome: Outcome, *, about: str, seconds: int, needed: int, missing: int) -> str:
    """The sentence of an outcome.

    `about` is the object of a signal, `seconds` how many were judged, `needed` the samples that a window needs,
    `missing` how many of the seconds lack data.
    """
    what = write_quantity(criterion.quantity) + (f" of {about}" if about else "")
    if outcome.status == "invalid":
        return _invalid(criterion, outcome, what, seconds, needed, missing)
    if criterion.change:
        return _change(criterion, outcome, what)
    if criterion.for_s is not None:
        return _for(criterion, outcome, what)
    limit = f"{criterion.comparison} {_threshold(criterion)}"
    value = format_measured(criterion, outcome.value)
    rests = f"{_samples(criterion, outcome)}"
    if criterion.window_s is None:
        if outcome.status == "passed":
            return f"{what} was {value}{rests} over {plural(seconds, 'second')}, and has to be {limit}."
        return f"{what} was {value}{rests}, and has to be {limit}; first broken at {_time(outcome)}."
    width = format_duration(criterion.window_s)
    windows = plural(outcome.judged, "window")
    if outcome.status == "passed":
        return (
            f"{what} has to be {limit} over any {width}, and was: the worst of {windows} had {value}{rests}, until "
            f"{_clock(outcome.at)}."
        )
    return (
        f"{what} was {value}{rests} in the worst {width}, until {_clock(outcome.at)}, and has to be {limit} over any "
        f"{width}; first broken at {_time(outcome)}."
    )


def describe_no_steady_state(criterion: Criterion, *, started: bool) -> str:
    """Why a run without a second to judge cannot be judged."""
    if not started:
        return "The test never started, so there is nothing to judge."
    if criterion.from_start:
        return "No whole second of the test was recorded, so there is nothing to judge."
    return (
        "No ramp was completed before the end, so there is no steady second to judge; 'from start' judges the ramp too."
    )


def format_measured(criterion: Criterion, value: float) -> str:
    """A measured value with its unit: three digits, or as many as it takes to tell on which side of the limit it is."""
    if math.isnan(value):
        return "unknown"
    whole = abs(value) >= 100 and not criterion.change
    wanted = holds(value, criterion.comparison, criterion.threshold)
    for digits in range(3, 18):
        rounded = float(round(value)) if whole and digits == 3 else float(f"{value:.{digits}g}")
        if holds(rounded, criterion.comparison, criterion.threshold) == wanted:
            break
    return write_value(rounded, _measure(criterion), criterion.unit)


def _measure(criterion: Criterion) -> str:
    return "error_ratio" if criterion.change else criterion.quantity.measure


def _threshold(criterion: Criterion) -> str:
    return write_value(criterion.threshold, _measure(criterion), criterion.unit)


def _samples(criterion: Criterion, outcome: Outcome) -> str:
    if criterion.quantity.measure in ("count", "errors", "users", "metric", "signal"):
        return ""
    return f" ({plural(outcome.samples, 'request')})"


def _for(criterion: Criterion, outcome: Outcome, what: str) -> str:
    """Says what breaks the criterion, whichever way it was written."""
    comparison = criterion.comparison if criterion.is_alarm else _OPPOSITE[criterion.comparison]
    bad = f"{comparison} {_threshold(criterion)}"
    long = format_duration(criterion.for_s or 0)
    window = f"over {format_duration(criterion.window_s or 0)}"
    value = format_measured(criterion, outcome.value)
    if outcome.status == "failed":
        return (
            f"{what} ({window}) was {bad} for {format_duration(outcome.longest_s)} without a break, which breaks the "
            f"criterion after {long}, at {_time(outcome)}; the worst was {value}."
        )
    longest = f"for {format_duration(outcome.longest_s)} at most" if outcome.longest_s else "never"
    return f"{what} ({window}) was {longest} {bad}, which it must not be for {long}; the worst was {value}."


def _change(criterion: Criterion, outcome: Outcome, what: str) -> str:
    verb = "dropped" if criterion.change == "drops" else "rose"
    within = format_duration(criterion.within_s or 0)
    share = format_measured(criterion, outcome.value)
    limit = f"{criterion.comparison} {_threshold(criterion)}"
    if outcome.status == "passed":
        moved = f"{verb} by {share} at most" if outcome.value > 0 else f"never {verb}"
        return f"{what} {moved} within {within}, and must not by {limit}."
    extreme = "highest" if criterion.change == "drops" else "lowest"
    now = outcome.base * (1 - outcome.value if criterion.change == "drops" else 1 + outcome.value)
    moved = f"to {_plain(criterion, now)} from {_plain(criterion, outcome.base)}"
    return (
        f"{what} {verb} by {share} within {within}, {moved}, the {extreme}, and must not by {limit}; first "
        f"broken at {_time(outcome)}."
    )


def _plain(criterion: Criterion, value: float) -> str:
    rounded = float(round(value)) if abs(value) >= 100 else float(f"{value:.3g}")
    unit = "ms" if criterion.quantity.measure in ("quantile", "mean") else ""
    return write_value(rounded, criterion.quantity.measure, unit)


def _invalid(criterion: Criterion, outcome: Outcome, what: str, seconds: int, needed: int, missing: int) -> str:
    limit = f"{what} cannot be judged:"
    window_s = criterion.window_s
    if outcome.reason == "few":
        if window_s is None:
            return f"{limit} it rests on {plural(outcome.samples, 'request')} and needs {needed:,}."
        of = outcome.judged + outcome.unjudged
        return (
            f"{limit} {outcome.unjudged:,} of {plural(of, 'window')} of {format_duration(window_s)} hold too few "
            f"requests; each needs {needed:,}."
        )
    if outcome.reason == "missing":
        if not missing:
            return f"{limit} not all that was recorded is a number."
        return f"{limit} of {plural(missing, 'second')} of the {seconds:,} nothing was recorded."
    if outcome.reason == "base":
        extreme = "highest" if criterion.change == "drops" else "lowest"
        return f"{limit} the {extreme} value that it is compared with is not above 0, and of that there is no share."
    if outcome.reason == "absent":
        return f"{limit} it was told of at other times only."
    wanted = (window_s or 1) + int(criterion.for_s or 1) - 1 + (1 if criterion.change else 0)
    wanted = max(wanted, criterion.left_alone_s + int(criterion.for_s or 1))
    where = "from the start" if criterion.from_start else "after the ramp"
    return f"{limit} it takes {wanted:,} s {where}, and there were {seconds:,}."


def _time(outcome: Outcome) -> str:
    return _clock(outcome.first_broken)


def _clock(second: int | None) -> str:
    return "an unknown time" if second is None else f"{pd.Timestamp(second, unit='s', tz='UTC'):%H:%M:%S} UTC"
