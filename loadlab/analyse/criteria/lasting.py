"""Criteria on how long something goes on, and on how much it changes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from loadlab.analyse.criteria.meter import Meter
from loadlab.analyse.criteria.outcome import (
    BROKEN,
    KEPT,
    LEFT_ALONE,
    NO_BASE,
    NOT_THERE,
    Outcome,
    Reason,
    holds,
    is_unknown,
)
from loadlab.analyse.criteria.seconds import BySecond
from loadlab.analyse.criteria.track import Recorded, Track
from loadlab.spec import Criterion


class ForTrack(Track):
    """A criterion that counts as broken when it is so at the end of each of `for_s` seconds running."""

    def breach(self) -> int | None:
        """See Track."""
        return self._first(_running(self._column("state") == BROKEN) >= self._needed_s)

    def outcome(self, recorded: Recorded) -> Outcome:
        """See Track. What cannot be judged is no trouble where even the worst would not have lasted long enough."""
        states = self._column("state")
        judged, unknown = int((states <= BROKEN).sum()), is_unknown(states)
        worst, longest_s = self._worst(), int(_running(states == BROKEN).max(initial=0))
        first_broken = self.breach()
        if first_broken is not None:
            return Outcome("failed", *worst, first_broken, judged, int(unknown.sum()), longest_s=longest_s)
        if int(_running((states == BROKEN) | unknown).max(initial=0)) >= self._needed_s:
            return Outcome("invalid", *worst, None, judged, int(unknown.sum()), self._why(states), longest_s)
        if judged + int(unknown.sum()) < self._needed_s:
            reason: Reason = "absent" if (states == NOT_THERE).any() else "short"
            return Outcome("invalid", *worst, None, judged, 0, reason, longest_s)
        return Outcome("passed", *worst, None, judged, 0, longest_s=longest_s)

    @property
    def _needed_s(self) -> int:
        return int(self.criterion.for_s or 1)

    def _is_broken(self, value: float) -> bool:
        holding = holds(value, self.criterion.comparison, self.criterion.threshold)
        return holding if self.criterion.is_alarm else not holding


class ChangeTrack(Track):
    """A criterion that compares each window with the highest (lowest) of the last `within_s` seconds."""

    def __init__(self, criterion: Criterion, meter: Meter) -> None:
        super().__init__(criterion, meter)
        self._levels = BySecond(level=math.nan, state=KEPT)
        self._falls = criterion.change == "drops"

    def outcome(self, recorded: Recorded) -> Outcome:
        """See Track."""
        found = super().outcome(recorded)
        base = math.nan if found.at is None else float(self._column("base")[found.at - self.first])
        return Outcome(**{**found.__dict__, "base": base})

    def _judge(self, second: int, recorded: Recorded) -> tuple[float, int, int, float]:
        window_s = self.criterion.window_s or 1
        begin = second + 1 - window_s
        if begin < self.first:
            return math.nan, 0, LEFT_ALONE, math.nan
        value, samples, state = self._measure(begin, second + 1, recorded)
        self._levels.between("level", second, second + 1)[0] = value if state == KEPT else math.nan
        self._levels.between("state", second, second + 1)[0] = state
        if state != KEPT:
            return math.nan, samples, state, math.nan
        since = max(self.first + window_s - 1, second + 1 - int(self.criterion.within_s or 1))
        if since == second or second - self.first < self.criterion.left_alone_s:
            return math.nan, 0, LEFT_ALONE, math.nan
        levels = self._levels.between("level", since, second + 1)
        base = float(np.fmax.reduce(levels) if self._falls else np.fmin.reduce(levels))
        if base > 0:
            change = (1 - value / base) if self._falls else (value / base - 1)
        elif value == base:
            change = 0.0
        else:
            return math.nan, samples, NO_BASE, base
        if holds(change, self.criterion.comparison, self.criterion.threshold):
            return change, samples, BROKEN, base
        states = self._levels.between("state", since, second + 1)
        if np.isnan(levels).any():  # what cannot be told may have been higher
            return change, samples, int(states[np.isnan(levels)][0]), base
        return change, samples, KEPT, base


def _running(found: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each place how many running places up to it are true."""
    places = np.arange(1, len(found) + 1)
    return places - np.maximum.accumulate(np.where(found, 0, places))
