"""Time bins over whole seconds.

The row of second s is in the half-open window [start, end) exactly when start <= s < end. Bins begin at UTC multiples
of the resolution, so that two runs, or a run and a monitoring system, have the same bins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.errors import AnalysisError, SpecError

Instant = pd.Timestamp | str
"""A point in time: a Timestamp or a text that pandas reads; without a zone it is UTC."""

MAX_BINS = 5_000_000
"""More bins than this are refused: a clock that was set to 1970 would ask for a billion."""


def epoch_seconds(times: pd.Series[Any]) -> NDArray[np.int64]:
    """`times` (datetime with a zone) as whole seconds since 1970, int64, rounded down."""
    microseconds: NDArray[np.int64] = times.dt.as_unit("us").astype("int64").to_numpy()
    return microseconds // 1_000_000


def second_from(at: Instant) -> int:
    """The first whole second, since 1970, that begins at or after `at`."""
    return -(-_as_utc(at).value // 1_000_000_000)


def second_until(at: Instant) -> int:
    """The second, since 1970, that `at` lies in: every second before it is over by then."""
    return _as_utc(at).value // 1_000_000_000


def _as_utc(at: Instant) -> pd.Timestamp:
    moment = pd.Timestamp(at)
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


@dataclass(frozen=True)
class TimeBins:
    """The bins that cover the seconds first..stop-1; a bin begins at a multiple of `width_s` seconds since 1970."""

    first: int
    stop: int
    width_s: int

    @classmethod
    def over(
        cls, times: Iterable[pd.Series[Any]], resolution: str, start: Instant | None, end: Instant | None
    ) -> TimeBins:
        """Bins of `resolution` ("1s", "10s", "5min") from `start` to `end`.

        The defaults are the first second and the end of the last second in `times`. Raises SpecError for a
        resolution that is not a whole number of seconds, AnalysisError for more than MAX_BINS bins.
        """
        seconds = [epoch_seconds(column) for column in times if len(column)]
        first = min((int(values.min()) for values in seconds), default=0)
        stop = max((int(values.max()) + 1 for values in seconds), default=0)
        if start is not None:
            first = second_from(start)
        if end is not None:
            stop = second_from(end)
        if not seconds and (start is None or end is None):
            stop = first
        bins = cls(first, max(first, stop), parse_resolution(resolution))
        if len(bins) > MAX_BINS:
            raise AnalysisError(
                f"{len(bins):,} bins of {resolution} from {bins.starts_at(0)} to {bins.starts_at(len(bins) - 1)}: "
                "choose a coarser resolution, or a start and an end"
            )
        return bins

    def __len__(self) -> int:
        return -(-self.stop // self.width_s) - self.first // self.width_s if self.stop > self.first else 0

    def starts_at(self, number: int) -> pd.Timestamp:
        """Where a bin begins."""
        return pd.Timestamp((self.first // self.width_s + number) * self.width_s, unit="s", tz="UTC")

    @property
    def starts(self) -> pd.DatetimeIndex:
        """Where each bin begins, datetime64[us, UTC]."""
        seconds = (self.first // self.width_s + np.arange(len(self), dtype=np.int64)) * self.width_s
        return pd.DatetimeIndex((seconds * 1_000_000).astype("datetime64[us]"), tz="UTC")

    @property
    def covered_s(self) -> NDArray[np.int64]:
        """How many seconds of each bin lie in first..stop-1: `width_s`, or less at both ends."""
        begins = (self.first // self.width_s + np.arange(len(self), dtype=np.int64)) * self.width_s
        return np.minimum(begins + self.width_s, self.stop) - np.maximum(begins, self.first)

    def codes(self, times: pd.Series[Any]) -> NDArray[np.int64]:
        """The bin of each row, int64; -1 outside first..stop-1."""
        seconds = epoch_seconds(times)
        inside = (seconds >= self.first) & (seconds < self.stop)
        return np.where(inside, seconds // self.width_s - self.first // self.width_s, -1)


def parse_resolution(resolution: str) -> int:
    """The width of a bin in seconds. Raises SpecError unless it is a whole number of seconds of 1 and more."""
    allowed = 'a whole number of seconds such as "1s", "10s" or "5min"'
    try:
        width = pd.Timedelta(resolution)
    except ValueError as error:
        raise SpecError("resolution", resolution, allowed) from error
    seconds = width.total_seconds()
    if not seconds >= 1 or seconds != int(seconds):
        raise SpecError("resolution", resolution, allowed)
    return int(seconds)
