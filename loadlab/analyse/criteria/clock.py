"""When a run is judged: its steady seconds, and which of them were recorded."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.bins import epoch_seconds, second_from, second_until
from loadlab.analyse.criteria.pattern import texts
from loadlab.analyse.criteria.seconds import BySecond
from loadlab.analyse.stages import stage_windows, steady_window

_FAR = pd.Timestamp("2200-01-01", tz="UTC")
"""The end of a load that has not ended yet."""


class Clock:
    """The seconds that are judged: [first, stop) of the steady part and [start, stop) from the start.

    Made from the events so far. While the load goes on, and when nobody told that it ended, the end is that of the
    last second that was closed.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self.start: int | None = None
        self._stop: int | None = None
        self._ended = False
        self._events: list[pd.DataFrame] = []

    def add(self, events: pd.DataFrame) -> None:
        """Take in rows of the table `events`."""
        if not len(events):
            return
        self._events.append(events)
        told = pd.concat(self._events, ignore_index=True) if len(self._events) > 1 else events
        self._events = [told]
        windows = stage_windows(told, _FAR)
        if windows.empty:
            return
        self.start = second_until(windows["start"].iloc[0])
        self._stop = second_until(windows["end"].iloc[-1])
        self._ended = bool(windows["end"].iloc[-1] < _FAR)
        steady = steady_window(told, _FAR)
        self.first = None if steady is None else second_from(steady[0])

    def begin(self, *, from_start: bool) -> int | None:
        """The first second that is judged; None when there is none (yet)."""
        return self.start if from_start else self.first

    def stop(self, closed: int | None, last: int | None) -> int:
        """One past the last second that is judged. Seconds before `closed` have come, or with None all that there are,
        the last one of which is `last`."""
        if self._stop is None:
            return 0
        if self._ended:
            return self._stop if closed is None else min(self._stop, closed)
        known = closed if closed is not None else 0 if last is None else last + 1
        return min(self._stop, known)


class RecordedSeconds:
    """Which seconds were recorded, of each region: those in which a load generator has reported.

    Where no generator ever reports, as in tables made by hand, all seconds are taken as recorded.
    """

    def __init__(self) -> None:
        self.last: int | None = None
        self._regions: dict[str, BySecond] = {}
        self._bounds: dict[str, tuple[int, int]] = {}
        self._missing: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(self, table: str, rows: pd.DataFrame) -> None:
        """Take in rows of a per-second table."""
        if not len(rows):
            return
        seconds = epoch_seconds(rows["time"])
        newest = int(seconds.max())
        self.last = newest if self.last is None else max(self.last, newest)
        if table != "generators":
            return
        regions = texts(rows["region"])
        for region in np.unique(regions).tolist():
            own = seconds[regions == region]
            first, last = int(own.min()), int(own.max())
            told = self._regions.setdefault(region, BySecond(told=False))
            told.between("told", first, last + 1)[own - first] = True
            begin, end = self._bounds.get(region, (first, last))
            self._bounds[region] = (min(begin, first), max(end, last))

    def look(self, first: int, stop: int) -> int | None:
        """Find what is missing from `first` to before `stop`; the first second of which that is news, or None."""
        before, self._missing = self._missing, self._find(first, stop)
        news = np.setxor1d(before, self._missing)
        return int(news[0]) if len(news) else None

    def missing_between(self, first: int, stop: int) -> int:
        """How many of these seconds were not recorded, of those that were looked at."""
        if not len(self._missing):
            return 0
        begin, end = np.searchsorted(self._missing, (first, stop))
        return int(end - begin)

    def _find(self, first: int, stop: int) -> NDArray[np.int64]:
        if not self._regions or stop <= first:
            return np.zeros(0, dtype=np.int64)
        seconds = np.arange(first, stop, dtype=np.int64)
        by_any, hole = np.zeros(len(seconds), dtype=bool), np.zeros(len(seconds), dtype=bool)
        for region, told in self._regions.items():
            begin, end = self._bounds[region]
            here = told.between("told", first, stop)
            by_any |= here
            hole |= ~here & (seconds > begin) & (seconds < end)
        return seconds[hole | ~by_any]
