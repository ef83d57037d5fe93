"""One latency distribution as a log-bucketed histogram that answers every quantile within 1 %.

The buckets are those of `loadlab.schema`: bucket i holds the values in (GAMMA**(i-1), GAMMA**i] milliseconds and
answers with 2*GAMMA**i/(GAMMA+1), which no value of the bucket is farther from than `schema.RELATIVE_ERROR`. Source:
Masson, Rim, Lee: DDSketch, VLDB 2019, section 2.2. Values of 1e-6 ms and less share the zero bucket and answer with 0;
values above GAMMA**MAX_BUCKET (about 1e9 ms) share the last bucket, for which alone the bound does not hold.

Merging is adding counts, so a histogram of merged parts equals the histogram of all values together, and percentiles
are never averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from loadlab.schema import GAMMA, MAX_BUCKET, ZERO_BUCKET

BUCKET_COUNT = MAX_BUCKET - ZERO_BUCKET + 1
"""Number of buckets; the count of bucket i stands at position i - ZERO_BUCKET."""

ZERO_LIMIT_MS = 1e-6
"""Upper bound of the zero bucket."""

_POWERS = GAMMA ** np.arange(ZERO_BUCKET, MAX_BUCKET + 1, dtype=np.float64)


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values


UPPER_MS: NDArray[np.float64] = _frozen(np.concatenate(([ZERO_LIMIT_MS], _POWERS[1:])))
"""Upper bound of each bucket in milliseconds, float64, shape (BUCKET_COUNT,); the bound belongs to the bucket."""

LOWER_MS: NDArray[np.float64] = _frozen(np.concatenate(([0.0], _POWERS[:-1])))
"""Lower bound of each bucket in milliseconds, float64, shape (BUCKET_COUNT,); the bound does not belong to it."""

ESTIMATE_MS: NDArray[np.float64] = _frozen(np.concatenate(([0.0], 2.0 * _POWERS[1:] / (GAMMA + 1.0))))
"""What each bucket answers in milliseconds, float64, shape (BUCKET_COUNT,), increasing."""


def bucket_positions(values_ms: ArrayLike) -> NDArray[np.int64]:
    """Position (bucket - ZERO_BUCKET) of each value, int64, in the shape of `values_ms`.

    The bounds of `UPPER_MS` are compared, not logarithms, so that a value at a bound lands below it whatever the
    rounding of the logarithm. Raises ValueError for NaN.
    """
    values = np.asarray(values_ms, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("a response time is NaN: leave requests without a response time out")
    positions = np.minimum(np.searchsorted(_POWERS, values, side="left"), BUCKET_COUNT - 1)
    return np.where(values <= ZERO_LIMIT_MS, 0, positions).astype(np.int64)


def ranks(quantiles: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 1-based rank ceil(q*n), clipped to 1..n, of each quantile among `count` sorted values (broadcast together).

    This is the inverse of the empirical distribution function: definition 1 of Hyndman and Fan, Sample quantiles in
    statistical packages, 1996, and `numpy.quantile(method="inverted_cdf")`.
    """
    if ((quantiles < 0) | (quantiles > 1) | np.isnan(quantiles)).any():
        raise ValueError(f"quantiles lie between 0 and 1, got {quantiles.tolist()}")
    wanted = np.ceil(quantiles * count).astype(np.int64)
    return np.clip(wanted, np.minimum(1, count), count)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of response times by bucket: an immutable value that adds up with ``+``.

    `counts` is int64 of shape (BUCKET_COUNT,). Cost: 16 KB; a quantile is one cumulative sum and a binary search.
    """

    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        counts = np.array(self.counts, dtype=np.int64)
        if counts.shape != (BUCKET_COUNT,) or (counts < 0).any():
            raise ValueError(f"counts must be {BUCKET_COUNT} numbers of 0 and more, got shape {counts.shape}")
        object.__setattr__(self, "counts", _frozen(counts))

    @classmethod
    def empty(cls) -> Histogram:
        """The histogram without a value: the neutral element of ``+``."""
        return cls(np.zeros(BUCKET_COUNT, dtype=np.int64))

    @classmethod
    def from_values(cls, values_ms: ArrayLike) -> Histogram:
        """Count raw response times in milliseconds. Raises ValueError for NaN."""
        return cls(np.bincount(np.ravel(bucket_positions(values_ms)), minlength=BUCKET_COUNT))

    @classmethod
    def from_column(cls, column: pd.Series[Any] | pa.Array | pa.ChunkedArray) -> Histogram:
        """Merge all rows of a histogram column (`schema.to_frame`'s Arrow-backed lists; nulls are empty).

        Raises TypeError when the column does not hold histograms.
        """
        from loadlab.analyse.aggregate import merge_histograms

        return merge_histograms(column, np.zeros(len(column), dtype=np.int64), 1).histogram(0)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash(self.counts.tobytes())

    def __repr__(self) -> str:
        if not self.count:
            return "Histogram(empty)"
        return f"Histogram(count={self.count}, p50={self.quantile(0.5):.3g} ms, p99={self.quantile(0.99):.3g} ms)"

    @property
    def count(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @overload
    def quantile(self, q: float) -> float: ...

    @overload
    def quantile(self, q: NDArray[np.float64] | list[float] | tuple[float, ...]) -> NDArray[np.float64]: ...

    def quantile(self, q: float | NDArray[np.float64] | list[float] | tuple[float, ...]) -> float | NDArray[np.float64]:
        """The value in milliseconds at rank ceil(q*n): within 1 % of `numpy.quantile(..., method="inverted_cdf")`.

        `q` is a number from 0 to 1 or an array of them; the result has its shape, float64, NaN for an empty
        histogram. Raises ValueError for a q outside 0 to 1.
        """
        wanted = np.asarray(q, dtype=np.float64)
        cumulative = np.cumsum(self.counts)
        positions = np.searchsorted(cumulative, ranks(wanted, cumulative[-1]), side="left")
        values = ESTIMATE_MS[positions] if cumulative[-1] else np.full(wanted.shape, np.nan)
        return float(values) if wanted.ndim == 0 else values

    def count_below(self, ms: float) -> int:
        """How many values lie at or below `ms` milliseconds.

        Exact where `ms` is a bucket's bound. Anywhere else the values of the one bucket that `ms` falls into are
        taken as their estimate, so the answer lies between the true counts at ms/1.01 and at ms/0.99. It agrees
        with `quantile`: quantile(q) <= ms exactly when count_below(ms) >= ceil(q*n).
        """
        return int(self.counts[: np.searchsorted(ESTIMATE_MS, ms, side="right")].sum())

    def cdf(self, ms: float) -> float:
        """Share of the values at or below `ms` milliseconds, 0 to 1, as `count_below` counts; NaN when empty."""
        return self.count_below(ms) / self.count if self.count else float("nan")

    def mean(self) -> float:
        """Mean in milliseconds within 1 %; NaN when empty. The tables' `sum_ms` gives the exact one."""
        return float(self.counts @ ESTIMATE_MS) / self.count if self.count else float("nan")

    def to_pairs(self) -> list[tuple[int, int]]:
        """(bucket, count) of every bucket that is not empty, in order: what a row of the archive holds."""
        used = np.flatnonzero(self.counts)
        return list(zip((used + ZERO_BUCKET).tolist(), self.counts[used].tolist(), strict=True))

    def buckets(self) -> pd.DataFrame:
        """The buckets that are not empty, in order: bucket, low_ms (excluded), high_ms (included), count."""
        used = np.flatnonzero(self.counts)
        return pd.DataFrame(
            {
                "bucket": used + ZERO_BUCKET,
                "low_ms": LOWER_MS[used],
                "high_ms": UPPER_MS[used],
                "count": self.counts[used],
            }
        )
