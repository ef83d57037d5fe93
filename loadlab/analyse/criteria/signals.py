"""The values of a signal, second by second, of each object that it is told of."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.bins import epoch_seconds
from loadlab.analyse.criteria.pattern import Pattern, texts
from loadlab.analyse.criteria.sources import ALL_TIME, _suggest
from loadlab.analyse.criteria.units import conversion
from loadlab.spec import Quantity

KEPT_INTERVALS = 3
"""A value stands for so many sampling intervals, if no other comes; then it is missing."""

UNKNOWN_INTERVAL_S = 60.0
"""The sampling interval of a signal of which no object has two values."""


class Level:
    """One object's value in each second from `first` on, NaN where it is missing; before and after it is not there."""

    def __init__(self, first: int, values: NDArray[np.float64]) -> None:
        self.first = first
        self.values = values

    @property
    def stop(self) -> int:
        """One past the last second."""
        return self.first + len(self.values)

    def differs_from(self, before: Level | None) -> int:
        """The first second in which this is not the same as `before`; beyond all when there is none."""
        if before is None or before.first != self.first:
            return ALL_TIME
        length = min(len(before.values), len(self.values))
        one, other = before.values[:length], self.values[:length]
        unlike = np.flatnonzero(~((one == other) | (np.isnan(one) & np.isnan(other))))
        if len(unlike):
            return self.first + int(unlike[0])
        return self.first + length if len(before.values) != len(self.values) else 2**62


class SignalSource:
    """The objects that a signal is told of, in the unit of a criterion.

    Each value stands until the next one comes, for KEPT_INTERVALS sampling intervals at most (the median time between
    two values of an object), and the first one for one interval before it too.
    """

    table = "signals"

    def __init__(self, quantity: Quantity, unit: str) -> None:
        self.levels: dict[str, Level] = {}
        self._name = quantity.name
        self._unit = unit
        self._pattern = Pattern(quantity.name)
        self._names: set[str] = set()
        self._wrong_units: set[str] = set()
        self._samples: dict[str, dict[int, list[float]]] = {}
        self._staged: dict[str, Level] | None = None

    def stage(self, rows: pd.DataFrame) -> int | None:
        """See Source."""
        self._staged = None
        self._names |= set(texts(rows["metric"].drop_duplicates()).tolist())
        mask = self._pattern.rows(rows["metric"]) & np.isfinite(rows["value"].to_numpy(dtype=np.float64))
        if not mask.any():
            return None
        chosen = rows[mask]
        told = (texts(chosen[name]).tolist() for name in ("metric", "object", "unit"))
        for metric, about, unit, second, value in zip(
            *told, epoch_seconds(chosen["time"]).tolist(), chosen["value"].tolist(), strict=True
        ):
            factor = conversion(unit, self._unit)
            if factor is None:
                self._wrong_units.add(unit)
                continue
            key = about if metric == self._name else f"{metric} of {about}" if about else metric
            self._samples.setdefault(key, {}).setdefault(second, []).append(value * factor)
        self._staged = self._make_levels()
        changes = [level.differs_from(self.levels.get(key)) for key, level in self._staged.items()]
        return min(changes, default=None)

    def commit(self) -> None:
        """See Source."""
        if self._staged is not None:
            self.levels = self._staged
            self._staged = None

    def trouble(self) -> str:
        """See Source."""
        if self._wrong_units:
            found = ", ".join(repr(unit) if unit else "no unit" for unit in sorted(self._wrong_units))
            wanted = f"in {self._unit!r}" if self._unit else "without a unit"
            return f"The signal {self._name!r} is told in {found}, and the criterion is {wanted}."
        if not self.levels and any(self._pattern.matches(name) for name in self._names):
            return f"The signal {self._name!r} has no value that is a number."
        return "" if self.levels else _suggest(f"The run has no signal {self._name!r}", self._name, self._names)

    def uncovered(self, first: int, stop: int) -> int:
        """How many of the seconds from `first` to before `stop` no object has a value in."""
        covered = np.zeros(max(0, stop - first), dtype=bool)
        for level in self.levels.values():
            begin, end = max(first, level.first), min(stop, level.stop)
            if end > begin:
                covered[begin - first : end - first] |= ~np.isnan(level.values[begin - level.first : end - level.first])
        return int((~covered).sum())

    def _make_levels(self) -> dict[str, Level]:
        gaps = [np.diff(np.array(sorted(told))) for told in self._samples.values() if len(told) > 1]
        interval_s = float(np.median(np.concatenate(gaps))) if gaps else UNKNOWN_INTERVAL_S
        return {key: _level(told, interval_s) for key, told in self._samples.items()}


def _level(told: dict[int, list[float]], interval_s: float) -> Level:
    seconds: NDArray[np.int64] = np.array(sorted(told), dtype=np.int64)
    values: NDArray[np.float64] = np.array([np.mean(told[second]) for second in seconds.tolist()])
    kept_s = max(1, round(KEPT_INTERVALS * interval_s))
    first, stop = int(seconds[0]) - max(0, round(interval_s)), int(seconds[-1]) + kept_s
    every = np.arange(first, stop, dtype=np.int64)
    last = np.maximum(np.searchsorted(seconds, every, side="right") - 1, 0)
    return Level(first, np.where(every - seconds[last] < kept_s, values[last], np.nan))
