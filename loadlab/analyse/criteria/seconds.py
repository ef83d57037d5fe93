"""Numbers by second that grow while a run goes on, and a histogram of a range of seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import MAX_BINS
from loadlab.analyse.histogram import BUCKET_COUNT, ESTIMATE_MS
from loadlab.analyse.statistic import sum_rows
from loadlab.errors import AnalysisError

_AHEAD = 64


class BySecond:
    """Columns of a number a second, since 1970, that grow at both ends; where nothing was put each has its filling."""

    def __init__(self, **fillings: Any) -> None:
        self.first = 0
        self._fillings = fillings
        self._columns: dict[str, NDArray[Any]] = {name: _filled(0, value) for name, value in fillings.items()}
        self._stop = 0

    def cover(self, first: int, stop: int) -> None:
        """Make room for the seconds from `first` to before `stop`. Raises AnalysisError for absurdly many."""
        if stop <= first:
            return
        if self._stop == self.first:
            self.first = self._stop = first
        begin, end = min(first, self.first), max(stop, self._stop)
        if begin == self.first and end == self._stop:
            return
        if end - begin > MAX_BINS:
            raise AnalysisError(f"the seconds of the run lie too far apart: {end - begin:,} s")
        end += max(_AHEAD, (end - begin) // 4) * (end > self._stop)  # so that growing is seldom
        for name, values in self._columns.items():
            grown = _filled(end - begin, self._fillings[name])
            grown[self.first - begin : self.first - begin + len(values)] = values
            self._columns[name] = grown
        self.first, self._stop = begin, end

    def between(self, name: str, first: int, stop: int) -> NDArray[Any]:
        """A column from second `first` to before `stop`; a view that writes through."""
        if first < self.first or stop > self._stop:
            self.cover(first, stop)
        return self._columns[name][first - self.first : stop - self.first]


def _filled(length: int, filling: Any) -> NDArray[Any]:
    return np.full(length, filling, dtype=object if filling is None else type(filling))


class RequestSeconds(BySecond):
    """What was measured of some requests: count, failures, timed (int), sum_ms, min_ms, max_ms (float) and the
    histogram as (positions, counts)."""

    def __init__(self) -> None:
        super().__init__(count=0, failures=0, timed=0, sum_ms=0.0, min_ms=np.nan, max_ms=np.nan, histogram=None)

    def add(self, requests: pd.DataFrame, seconds: NDArray[np.int64]) -> None:
        """Add rows of the table `requests`, of these seconds; those that come late too."""
        first, stop = int(seconds.min()), int(seconds.max()) + 1
        self.cover(first, stop)
        codes = seconds - first
        sums = sum_rows(requests, codes, stop - first)
        merged = merge_histograms(requests["histogram"], codes, stop - first)
        for name, values in (("count", sums["count"]), ("failures", sums["failures"]), ("sum_ms", sums["sum_ms"])):
            self.between(name, first, stop)[:] += values.to_numpy()
        self.between("timed", first, stop)[:] += merged.totals
        for name, extreme in (("min_ms", np.fmin), ("max_ms", np.fmax)):
            here = self.between(name, first, stop)
            extreme(here, sums[name].to_numpy(), out=here)
        cells = self.between("histogram", first, stop)
        starts = merged.starts.tolist()
        for place in np.flatnonzero(merged.totals).tolist():
            own = slice(starts[place], starts[place + 1])
            cell = (merged.positions[own], merged.counts[own])
            before = cells[place]
            cells[place] = cell if before is None else _together(before, cell)


_Cell = tuple[NDArray[np.int16], NDArray[np.int64]]


def _together(one: _Cell, other: _Cell) -> _Cell:
    positions, places = np.unique(np.concatenate((one[0], other[0])), return_inverse=True)
    counts = np.bincount(places, weights=np.concatenate((one[1], other[1])))
    return positions, counts.astype(np.int64)


class HistogramWindow:
    """The histogram of a range of seconds. Moving its ends costs what lies between the old ones and the new ones."""

    def __init__(self, seconds: RequestSeconds) -> None:
        self._seconds = seconds
        self._counts = np.zeros(BUCKET_COUNT, dtype=np.int64)
        self._first = self._stop = 0

    def quantile(self, q: float, first: int, stop: int) -> float:
        """The q-quantile in milliseconds of the seconds from `first` to before `stop`, as `Histogram.quantile`."""
        self._move(first, stop)
        cumulative = self._counts.cumsum()
        total = int(cumulative[-1])
        if not total:
            return float("nan")
        rank = min(max(int(np.ceil(q * total)), 1), total)
        return float(ESTIMATE_MS[np.searchsorted(cumulative, rank, side="left")])

    def leave(self, second: int) -> None:
        """Take out what lies from `second` on, because it is about to change."""
        if second < self._stop:
            self._move(min(self._first, second), second)

    def _move(self, first: int, stop: int) -> None:
        if first >= self._stop or stop <= self._first:
            self._counts[:] = 0
            self._first = self._stop = first
        self._change(self._first, first, -1)  # nothing unless the beginning moves on
        self._change(first, self._first, 1)
        self._first = first
        self._change(stop, self._stop, -1)
        self._change(self._stop, stop, 1)
        self._stop = stop

    def _change(self, first: int, stop: int, sign: int) -> None:
        if stop <= first:
            return
        counts = self._counts
        for cell in self._seconds.between("histogram", first, stop).tolist():
            if cell is not None:
                counts[cell[0]] += sign * cell[1]
