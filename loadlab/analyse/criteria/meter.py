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


_COLUMNS: dict[str, tuple[tuple[str, np.ufunc], ...]] = {
    "count": (("count", np.add),),
    "rps": (("count", np.add), ("failures", np.add)),
    "error_ratio": (("count", np.add), ("failures", np.add)),
    "mean": (("timed", np.add), ("sum_ms", np.add)),
    "min": (("timed", np.add), ("min_ms", np.fmin)),
    "max": (("timed", np.add), ("max_ms", np.fmax)),
    "quantile": (("timed", np.add), ("min_ms", np.fmin), ("max_ms", np.fmax)),
}
"""What is added up for a measure: first the samples."""


class RequestMeter:
    """Response times, failures and rates of requests. A window that grows costs no more for each further second."""

    def __init__(self, criterion: Criterion, source: RequestSource) -> None:
        self.needed = needed_samples(criterion)
        self._measure = criterion.quantity.measure
        self._quantile = criterion.quantity.quantile or 0.0
        self._seconds = source.seconds
        self._window = HistogramWindow(source.seconds)
        self._columns = _COLUMNS[self._measure]
        self._grown: tuple[int, int, list[float]] | None = None

    def measure(self, first: int, stop: int) -> Measured:
        """See Meter."""
        samples, *further = self._add_up(first, stop)
        count, measure = int(samples), self._measure
        if measure == "count":
            return Measured(count, count)
        if measure == "rps":
            return Measured((count - further[0]) / (stop - first), count)
        if not count:
            return Measured(math.nan, 0, FEW)
        state = MEASURED if count >= self.needed else FEW
        if measure in ("error_ratio", "mean"):
            return Measured(further[0] / count, count, state)
        if measure in ("min", "max"):
            return Measured(further[0], count, state)
        value = self._window.quantile(self._quantile, first, stop) if state == MEASURED else math.nan
        low, high = further  # as in every table, the estimate lies inside the exact extremes
        return Measured(min(max(value, low), high), count, state)

    def _add_up(self, first: int, stop: int) -> list[float]:
        """The columns over the seconds from `first` to before `stop`: sums, of extremes the extreme."""
        begin, values = first, None
        if self._grown is not None and self._grown[0] == first and first < self._grown[1] <= stop:
            _, begin, values = self._grown
        if begin < stop:
            added = [function.reduce(self._seconds.between(name, begin, stop)) for name, function in self._columns]
            if values is None:
                values = added
            else:
                pairs = zip(self._columns, values, added, strict=True)
                values = [function(before, more) for (_, function), before, more in pairs]
        self._grown = (first, stop, values or [])
        return values or []

    def leave(self, second: int) -> None:
        """See Meter."""
        self._window.leave(second)
        if self._grown is not None and second < self._grown[1]:
            self._grown = None


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
