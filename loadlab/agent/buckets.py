"""The latency histogram of one second as the agent fills it: a dict from bucket index to count.

The mapping is DDSketch's (Masson, Rim, Lee: DDSketch, VLDB 2019): bucket i holds the values in
(GAMMA**(i-1), GAMMA**i] ms with GAMMA = (1 + a)/(1 - a), so that the estimate 2*GAMMA**i/(GAMMA + 1) is within the
relative error a of every value in it. `loadlab.schema` holds the same numbers for the readers; a test compares them.
"""

from __future__ import annotations

from collections import Counter
from math import ceil, isfinite, log
from typing import Any

RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
ZERO_BUCKET = -1024
MAX_BUCKET = 1036
SMALLEST_MS = 1e-6
LONGEST_MS = 1e15
"""No response time is longer (it is thirty thousand years); what is said to be is no time. So no sum overflows."""

MAX_BYTES = 1 << 53
"""More than a second can transfer; a sum of bytes that some client has made up ends here, and fits every format."""

_PER_LOG = 1 / log(GAMMA)
_BEYOND_MS = GAMMA ** (MAX_BUCKET - 1)
"""Every time in (SMALLEST_MS, _BEYOND_MS) has a bucket of its own that needs no clamping."""


def bucket_of(value_ms: float) -> int:
    """The bucket index of a response time in milliseconds. Not finite or negative values go to ZERO_BUCKET."""
    if value_ms > SMALLEST_MS:
        index = ceil(log(value_ms) * _PER_LOG) if isfinite(value_ms) else MAX_BUCKET
        return index if index < MAX_BUCKET else MAX_BUCKET
    return ZERO_BUCKET


class Cell:
    """What one second holds for one (request_type, name).

    Response times are only noted as they come, and sorted into `buckets` all at once when somebody asks for them:
    that is three times as fast, and while a load runs each microsecond counts.
    """

    __slots__ = ("_buckets", "_noted", "count", "failures", "intended", "max_ms", "min_ms", "response_bytes", "sum_ms")

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self.response_bytes = 0
        self.sum_ms = 0.0
        self.min_ms: float | None = None
        self.max_ms: float | None = None
        self.intended: dict[int, int] | None = None
        self._buckets: Counter[int] = Counter()
        self._noted: list[float] = []

    def add(self, response_time: float | None, response_length: int, failed: bool) -> None:
        """Count one finished request. A request without a response time is counted but not timed.

        A response time lies within -LONGEST_MS and LONGEST_MS.
        """
        self.count += 1
        self.response_bytes += response_length
        if failed:
            self.failures += 1
        if response_time is not None:
            self._noted.append(response_time)

    @property
    def buckets(self) -> Counter[int]:
        """How many response times there were of each bucket."""
        self._sort_in()
        return self._buckets

    def _sort_in(self) -> None:
        """Move the noted response times into `sum_ms`, `min_ms`, `max_ms` and the buckets."""
        times = self._noted
        if times:
            self._noted = []
            lowest, highest = min(times), max(times)
            self.sum_ms += sum(times)
            self.min_ms = lowest if self.min_ms is None else min(self.min_ms, lowest)
            self.max_ms = highest if self.max_ms is None else max(self.max_ms, highest)
            if lowest > SMALLEST_MS and highest < _BEYOND_MS:
                self._buckets.update([ceil(log(time) * _PER_LOG) for time in times])
            else:
                self._buckets.update(map(bucket_of, times))

    def add_intended(self, response_time: float) -> None:
        """Count a response time measured from the intended start."""
        if self.intended is None:
            self.intended = {}
        index = bucket_of(response_time)
        self.intended[index] = self.intended.get(index, 0) + 1

    def merge(self, row: list[Any]) -> None:
        """Add a row made by `row` on another worker."""
        _, _, count, failures, size, sum_ms, min_ms, max_ms, indexes, counts, intended, intended_counts = row
        self.count += count
        self.failures += failures
        self.response_bytes += size
        self.sum_ms += sum_ms
        if min_ms is not None:
            self.min_ms = min_ms if self.min_ms is None else min(self.min_ms, min_ms)
        if max_ms is not None:
            self.max_ms = max_ms if self.max_ms is None else max(self.max_ms, max_ms)
        _add(self._buckets, indexes, counts)
        if intended is not None:
            self.intended = self.intended or {}
            _add(self.intended, intended, intended_counts)

    def row(self, request_type: str, name: str) -> list[Any]:
        """The cell as one row of a `second` record."""
        self._sort_in()
        intended: list[list[int] | None] = [None, None]
        if self.intended is not None:
            intended = [list(self.intended), list(self.intended.values())]
        return [
            request_type,
            name,
            self.count,
            self.failures,
            max(-MAX_BYTES, min(self.response_bytes, MAX_BYTES)),
            round(self.sum_ms, 6),
            self.min_ms,
            self.max_ms,
            list(self._buckets),
            list(self._buckets.values()),
            *intended,
        ]


def _add(buckets: dict[int, int], indexes: list[int], counts: list[int]) -> None:
    for index, count in zip(indexes, counts, strict=True):
        buckets[index] = buckets.get(index, 0) + count
