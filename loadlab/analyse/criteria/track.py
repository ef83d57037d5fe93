"""One criterion on one run, second by second: what it was at the end of each, and what follows from all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loadlab.analyse.criteria.meter import ABSENT, FEW, MEASURED, MISSING, Meter
from loadlab.analyse.criteria.outcome import (
    BROKEN,
    KEPT,
    LEFT_ALONE,
    NO_BASE,
    NO_DATA,
    NOT_THERE,
    TOO_FEW,
    Outcome,
    Reason,
    badness,
    holds,
    is_unknown,
)
from loadlab.analyse.criteria.seconds import BySecond
from loadlab.spec import Criterion

_UNJUDGED = {FEW: TOO_FEW, MISSING: NO_DATA, ABSENT: NOT_THERE}


class Recorded(Protocol):
    """Which seconds were recorded."""

    def missing_between(self, first: int, stop: int) -> int:
        """How many of these seconds were not."""


class Track:
    """A criterion that is judged on windows: all that end in a second, or one that grows from the beginning.

    `advance` judges seconds, `rewind` forgets what was judged from a second on, `outcome` sums up. Each second is
    judged once, unless it is rewound; a window of n seconds costs no more than one of 2.
    """

    def __init__(self, criterion: Criterion, meter: Meter) -> None:
        self.criterion = criterion
        self.meter = meter
        self.first = 0
        self.through = 0
        self._seconds = BySecond(value=math.nan, samples=0, state=KEPT, base=math.nan)

    def restart(self, first: int) -> None:
        """Evaluation begins in second `first`."""
        self.meter.leave(min(first, self.first))
        self.first = self.through = first

    def rewind(self, second: int) -> None:
        """What lies from `second` on is about to change."""
        self.meter.leave(max(second, self.first))
        self.through = max(self.first, min(self.through, second))

    def advance(self, stop: int, recorded: Recorded) -> None:
        """Judge the seconds before `stop`."""
        if stop <= self.through:
            return
        length = stop - self.through
        columns = [self._seconds.between(name, self.through, stop) for name in ("value", "samples", "state", "base")]
        for place in range(length):
            judged = self._judge(self.through + place, recorded)
            for column, value in zip(columns, judged, strict=True):
                column[place] = value
        self.through = stop

    def breach(self) -> int | None:
        """The first second at whose end the criterion was broken, of those that were judged."""
        return self._first(self._column("state") == BROKEN)

    def outcome(self, recorded: Recorded) -> Outcome:
        """What the judged seconds come to."""
        states = self._column("state")
        unknown = int(is_unknown(states).sum())
        judged = int((states <= BROKEN).sum())
        worst = self._worst()
        first_broken = self.breach()
        if first_broken is not None:
            return Outcome("failed", *worst, first_broken, judged, unknown)
        if unknown:
            return Outcome("invalid", *worst, None, judged, unknown, self._why(states))
        if not judged:
            reason: Reason = "absent" if (states == NOT_THERE).any() else "short"
            return Outcome("invalid", reason=reason)
        return Outcome("passed", *worst, None, judged, 0)

    def _judge(self, second: int, recorded: Recorded) -> tuple[float, int, int, float]:
        """(value, samples, state, base) at the end of `second`."""
        window_s = self.criterion.window_s
        begin = self.first if window_s is None else second + 1 - window_s
        if begin < self.first or second - self.first < self.criterion.left_alone_s:
            return math.nan, 0, LEFT_ALONE, math.nan
        value, samples, state = self._measure(begin, second + 1, recorded)
        if state != KEPT:
            return value, samples, state, math.nan
        return value, samples, BROKEN if self._is_broken(value) else KEPT, math.nan

    def _measure(self, first: int, stop: int, recorded: Recorded) -> tuple[float, int, int]:
        """(value, samples, state), state being KEPT where there is a value."""
        measured = self.meter.measure(first, stop)
        if recorded.missing_between(first, stop):
            return measured.value, measured.samples, NO_DATA
        if measured.state != MEASURED:
            return measured.value, measured.samples, _UNJUDGED[measured.state]
        if not math.isfinite(measured.value):
            return math.nan, measured.samples, NO_DATA
        return measured.value, measured.samples, KEPT

    def _is_broken(self, value: float) -> bool:
        return not holds(value, self.criterion.comparison, self.criterion.threshold)

    def _column(self, name: str) -> NDArray[np.float64] | NDArray[np.int64]:
        column: NDArray[np.float64] | NDArray[np.int64] = self._seconds.between(name, self.first, self.through)
        return column

    def _first(self, found: NDArray[np.bool_]) -> int | None:
        return self.first + int(found.argmax()) if found.any() else None

    def _worst(self) -> tuple[float, int, int | None]:
        """(value, samples, second) of the judged second that speaks most against the criterion."""
        states, values = self._column("state"), self._column("value")
        judged = np.flatnonzero(states <= BROKEN)
        if not len(judged):
            return math.nan, 0, None
        place = int(judged[badness(self.criterion, values[judged]).argmax()])
        return float(values[place]), int(self._column("samples")[place]), self.first + place

    def _why(self, states: NDArray[np.int64] | NDArray[np.float64]) -> Reason:
        if (states == NO_DATA).any():
            return "missing"
        return "base" if (states == NO_BASE).any() else "few"


class WholeTrack(Track):
    """A criterion on the whole run: judged at its end, and second by second if it ends the test or is broken then.

    `grows` tells of a number that grows through the run and has to reach something: only the end can tell.
    """

    def __init__(self, criterion: Criterion, meter: Meter, at_once: Meter, grows: Callable[[], bool]) -> None:
        super().__init__(criterion, meter)
        self._at_once = at_once
        self._grows = grows
        self._end = 0

    def restart(self, first: int) -> None:
        """See Track."""
        self._at_once.leave(min(first, self.first))
        self._end = first
        super().restart(first)

    def rewind(self, second: int) -> None:
        """See Track."""
        self._at_once.leave(max(second, self.first))
        super().rewind(second)

    def advance(self, stop: int, recorded: Recorded) -> None:
        """See Track."""
        self._end = stop
        if self.criterion.stop and not self._grows():
            super().advance(stop, recorded)

    def outcome(self, recorded: Recorded) -> Outcome:
        """See Track."""
        if self._end <= self.first:
            return Outcome("invalid", reason="short")
        early = self.breach() if self.criterion.stop else None
        if early is not None:
            value, samples = (self._column(name)[early - self.first] for name in ("value", "samples"))
            return Outcome("failed", float(value), int(samples), early, early, 1)
        meter, self.meter = self.meter, self._at_once
        try:
            value, samples, state = self._measure(self.first, self._end, recorded)
        finally:
            self.meter = meter
        if state != KEPT:
            reason: Reason = "missing" if state == NO_DATA else "absent" if state == NOT_THERE else "few"
            return Outcome("invalid", value, samples, None, None, 0, 1, reason)
        last = self._end - 1
        if not self._is_broken(value):
            return Outcome("passed", value, samples, last, None, 1)
        return Outcome("failed", value, samples, last, self._since(recorded), 1)

    def _since(self, recorded: Recorded) -> int:
        """The first second at whose end the criterion was broken, which it is at the end."""
        if self._grows() or self.criterion.stop:  # so far it could not be told, or was left alone
            return self._end - 1
        Track.advance(self, self._end, recorded)
        first_broken = self.breach()
        return self._end - 1 if first_broken is None else first_broken
