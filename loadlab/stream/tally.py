"""Sums of finished requests: of an endpoint, of a second, of a bin of seconds, with histograms that merge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadlab.schema import GAMMA, ZERO_BUCKET

Buckets = dict[int, int]
Endpoint = tuple[str, str]
"""(request_type, name)"""


def bucket_quantiles(buckets: Mapping[int, int], quantiles: Sequence[float]) -> list[float]:
    """The values in milliseconds at rank ceil(q*n) of a histogram given as bucket -> count; NaN of an empty one.

    The same as `analyse.Histogram.quantile`, without its arrays: here are thousands of small histograms a minute.
    """
    total = sum(buckets.values())
    if not total:
        return [math.nan] * len(quantiles)
    order = sorted(buckets)
    found = []
    for quantile in quantiles:
        rank, below = max(1, math.ceil(quantile * total)), 0
        for bucket in order:
            below += buckets[bucket]
            if below >= rank:
                break
        found.append(0.0 if bucket == ZERO_BUCKET else 2 * GAMMA**bucket / (GAMMA + 1))
    return found


class Tally:
    """Finished requests: how many, how many of them failed, and the histogram of their response times."""

    __slots__ = ("buckets", "count", "failures")

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self.buckets: Buckets = {}

    def add(self, other: Tally) -> None:
        """Add what another one has counted."""
        self.count += other.count
        self.failures += other.failures
        self._add_buckets(other.buckets.items())

    def add_row(self, row: Sequence[Any]) -> None:
        """Add a row of `requests` in a record."""
        self.count += row[2]
        self.failures += row[3]
        self._add_buckets(zip(row[8], row[9], strict=True))

    def copy(self) -> Tally:
        """A tally of its own with the same counts."""
        same = Tally()
        same.add(self)
        return same

    def _add_buckets(self, pairs: Any) -> None:
        buckets = self.buckets
        for bucket, count in pairs:
            buckets[bucket] = buckets.get(bucket, 0) + count

    @property
    def error_ratio(self) -> float:
        """Share of the failed ones, 0 to 1; NaN without a request."""
        return self.failures / self.count if self.count else math.nan

    def quantiles(self, quantiles: Sequence[float]) -> list[float]:
        """See `bucket_quantiles`."""
        return bucket_quantiles(self.buckets, quantiles)


class Bin(Tally):
    """The `width_s` seconds from `start` on (epoch), with the most users that ran in one of them."""

    __slots__ = ("_known", "start", "users", "width_s")

    def __init__(self, start: int, width_s: int) -> None:
        super().__init__()
        self.start = start
        self.width_s = width_s
        self.users = 0
        self._known: tuple[int, list[float]] = (-1, [])

    def add_bin(self, other: Bin) -> None:
        """Add a bin that lies within this one."""
        self.add(other)
        self.users = max(self.users, other.users)

    def percentiles(self) -> list[float]:
        """p50, p95 and p99 in milliseconds; worked out again only when something was added."""
        if self._known[0] != self.count:
            self._known = (self.count, self.quantiles((0.5, 0.95, 0.99)))
        return self._known[1]


class BinRow(NamedTuple):
    """A bin as it was at some moment: its start (epoch), how many of its seconds were over, sums and percentiles."""

    start: int
    seconds: int
    requests: int
    failures: int
    users: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Second(Bin):
    """One second, with what each endpoint did in it."""

    __slots__ = ("endpoints",)

    def __init__(self, start: int) -> None:
        super().__init__(start, 1)
        self.endpoints: dict[Endpoint, Tally] = {}
