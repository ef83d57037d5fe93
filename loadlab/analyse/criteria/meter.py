"""Measures the quantity of a criterion over a range of seconds."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from loadlab.analyse.confidence import required_samples
from loadlab.analyse.criteria.seconds import HistogramWindow
from loadlab.analyse.criteria.signals import Level
from loadlab.analyse.criteria.sources import ErrorSource, MetricSource, RequestSource, UserSource
from loadlab.spec import Criterion

MEASURED, FEW, MISSING, ABSENT = range(4)
"""What `Measured.state` says: there is a value; too few samples for one; data is missing; the object was not there."""


class Measured(NamedTuple):
    """A value in the unit of the criterion, the samples that it rests on, and whether it can be judged."""

    value: float
    samples: int
    state: int = MEASURED


class Meter(Protocol):
    """Measures over any range of whole seconds."""

    needed: int
    """The fewest samples that a value has to rest on."""

    def measure(self, first: int, stop: int) -> Measured:
        """The quantity in the seconds from `first` to before `stop`."""

    def leave(self, second: int) -> None:
        """What lies from `second` on is about to change."""


def needed_samples(criterion: Criterion) -> int:
    """The fewest requests that a window must hold to be judged.

    For a quantile those that give it a 95 % interval. For a share r of failures 1/r: with fewer a single failure alone
    would decide. For times one.
    """
    quantity = criterion.quantity
    if quantity.measure == "quantile":
        return required_samples(quantity.quantile or 0.5)
    if quantity.measure == "error_ratio":
        share = criterion.threshold
        return math.ceil(1 / share - 1e-9) if 0 < share < 1 else 1
    return 1 if quantity.measure in ("mean", "min", "max") else 0


class RequestMeter:
    """Response times, failures and rates of requests."""

    def __init__(self, criterion: Criterion, source: RequestSource) -> None:
        self.needed = needed_samples(criterion)
        self._measure = criterion.quantity.measure
        self._quantile = criterion.quantity.quantile or 0.0
        self._seconds = source.seconds
        self._window = HistogramWindow(source.seconds)

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        seconds, measure = self._seconds, self._measure
        if measure in ("rps", "count", "error_ratio"):
            count = int(seconds.between("count", first, stop).sum())
            if measure == "count":
                return Measured(count, count)
            failures = int(seconds.between("failures", first, stop).sum())
            if measure == "rps":
                return Measured((count - failures) / (stop - first), count)
            ratio = failures / count if count else math.nan
            return Measured(ratio, count, MEASURED if count >= self.needed else FEW)
        timed = int(seconds.between("timed", first, stop).sum())
        if not timed:
            return Measured(math.nan, 0, FEW)
        state = MEASURED if timed >= self.needed else FEW
        if measure == "mean":
            return Measured(float(seconds.between("sum_ms", first, stop).sum()) / timed, timed, state)
        low = float(np.fmin.reduce(seconds.between("min_ms", first, stop)))
        if measure == "min":
            return Measured(low, timed, state)
        high = float(np.fmax.reduce(seconds.between("max_ms", first, stop)))
        if measure == "max":
            return Measured(high, timed, state)
        value = self._window.quantile(self._quantile, first, stop) if state == MEASURED else math.nan
        return Measured(min(max(value, low), high), timed, state)  # as in every table, inside the exact extremes

    def leave(self, second: int) -> None:
        """See Meter."""
        self._window.leave(second)


class CountMeter:
    """Failures of a kind."""

    needed = 0

    def __init__(self, source: ErrorSource) -> None:
        self._seconds = source.seconds

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        count = int(self._seconds.between("count", first, stop).sum())
        return Measured(count, count)

    def leave(self, second: int) -> None:
        """See Meter."""


class UserMeter:
    """The mean number of users."""

    needed = 0

    def __init__(self, source: UserSource) -> None:
        self._seconds = source.seconds

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        return Measured(float(self._seconds.between("level", first, stop).mean()), stop - first)

    def leave(self, second: int) -> None:
        """See Meter."""


class MetricMeter:
    """The total of a counter, or with the unit "/s" its rate; the mean of a gauge."""

    needed = 0

    def __init__(self, criterion: Criterion, source: MetricSource) -> None:
        self._per_second = criterion.unit == "/s"
        self._source = source

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        seconds, kinds = self._source.seconds, self._source.kinds
        length = stop - first
        if kinds == {"count"}:
            total = float(seconds.between("counted", first, stop).sum())
            return Measured(total / length if self._per_second else total, length)
        if kinds != {"gauge"} or not seconds.between("told", first, stop).all():
            return Measured(math.nan, 0, MISSING)
        return Measured(float(seconds.between("level", first, stop).mean()), length)

    def leave(self, second: int) -> None:
        """See Meter."""


class LevelMeter:
    """The mean of one object's signal, as long as the object is there."""

    needed = 0

    def __init__(self, level: Level, *, whole: bool) -> None:
        self.level = level
        self._whole = whole

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        level = self.level
        begin, end = max(first, level.first), min(stop, level.stop)
        if end <= begin or ((begin, end) != (first, stop) and not self._whole):
            return Measured(math.nan, 0, ABSENT)
        values = level.values[begin - level.first : end - level.first]
        mean = float(values.mean())
        return Measured(mean, end - begin, MISSING if math.isnan(mean) else MEASURED)

    def leave(self, second: int) -> None:
        """See Meter."""
