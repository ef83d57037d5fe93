"""How sure a quantile is: distribution-free confidence intervals from order statistics.

The number of samples below the true q-quantile is binomial(n, q), whatever the distribution. The interval from the
l-th to the u-th smallest sample therefore misses with a probability that the binomial gives exactly. Source: David,
Nagaraja: Order Statistics, 3rd edition, section 7.1. Both tails get half of 1 - confidence; where a tail has no
order statistic that is far enough out, there is no interval and the samples are too few.

The samples are taken as independent. Successive response times are not quite, so read the intervals as the least
uncertainty there is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik

from loadlab.analyse.histogram import LOWER_MS, UPPER_MS, Histogram


def quantile_interval(histogram: Histogram, q: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """The two-sided interval of the q-quantile as (low_ms, high_ms), or None when there are too few samples.

    It reaches from the lower bound of the lower order statistic's bucket to the upper bound of the upper one's, so
    the buckets cost no coverage: at least `confidence` for independent samples. Raises ValueError unless q and
    confidence lie strictly between 0 and 1.
    """
    low, high = interval_ranks(np.array([histogram.count]), q, confidence)
    if low[0] == 0:
        return None
    cumulative = np.cumsum(histogram.counts)
    return (
        float(LOWER_MS[np.searchsorted(cumulative, low[0], side="left")]),
        float(UPPER_MS[np.searchsorted(cumulative, high[0], side="left")]),
    )


def interval_ranks(
    counts: NDArray[np.int64], q: float, confidence: float = 0.95
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The 1-based ranks of the order statistics that bound the q-quantile, for each number of samples in `counts`.

    Two int64 arrays in the shape of `counts`; both are 0 where the samples are too few. Raises ValueError unless q
    and confidence lie strictly between 0 and 1.
    """
    _check_open_unit("q", q)
    _check_open_unit("confidence", confidence)
    tail = (1 - confidence) / 2
    enough = counts >= required_samples(q, confidence)
    counts = np.where(enough, counts, 1)
    low = np.clip(_binomial_quantile(tail, counts, q), 1, counts)
    high = np.clip(_binomial_quantile(1 - tail, counts, q) + 1, 1, counts)
    return np.where(enough, low, 0).astype(np.int64), np.where(enough, high, 0).astype(np.int64)


def _binomial_quantile(probability: float, counts: NDArray[np.int64], q: float) -> NDArray[np.float64]:
    """The smallest k with P(B <= k) >= probability, B being binomial(n, q) for each n in `counts`.

    `scipy.stats.binom.ppf` gives the same and takes 0.4 s to import, on every command that shows a number.
    """
    nearest = np.ceil(bdtrik(probability, counts, q))
    below = np.maximum(nearest - 1, 0)
    smallest: NDArray[np.float64] = np.where(bdtr(below, counts, q) >= probability, below, nearest)
    return smallest


def required_samples(q: float, confidence: float = 0.95) -> int:
    """The fewest samples with which the two-sided interval of the q-quantile exists.

    The smallest n with q**n <= tail and (1-q)**n <= tail, where tail = (1 - confidence)/2: 6 for p50, 72 for p95,
    368 for p99, 3,688 for p99.9 at 95 %. Raises ValueError unless q and confidence lie strictly between 0 and 1.
    """
    _check_open_unit("q", q)
    _check_open_unit("confidence", confidence)
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(q, 1 - q)))


def quantile_label(q: float) -> str:
    """A quantile as a person writes it: 0.5 -> 'p50', 0.999 -> 'p99.9'."""
    return f"p{100 * q:.10g}"


def quantile_column(q: float) -> str:
    """A quantile as a column name: 0.5 -> 'p50_ms', 0.999 -> 'p999_ms'."""
    return quantile_label(q).replace(".", "") + "_ms"


def _check_open_unit(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
