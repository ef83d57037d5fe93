"""Confidence intervals of quantiles: exact binomial probabilities and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from loadlab.analyse import Histogram, quantile_interval, required_samples
from loadlab.analyse.confidence import interval_ranks, quantile_column, quantile_label


def binomial_below(count: int, n: int, q: float) -> float:
    """P(B < count) for B ~ binomial(n, q), summed term by term."""
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(q) + (n - k) * math.log(1 - q)
        for k in range(count)
    ]
    return math.fsum(map(math.exp, logs))


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [6, 60, 368, 369, 1000, 5000])
def test_ranks_are_the_tightest_with_half_the_error_in_each_tail(n: int, q: float) -> None:
    (low,), (high,) = interval_ranks(np.array([n]), q)
    if n < required_samples(q):
        assert (low, high) == (0, 0)
        return
    assert 1 <= low <= high <= n
    assert binomial_below(low, n, q) <= 0.025 + 1e-9
    assert binomial_below(low + 1, n, q) > 0.025
    assert 1 - binomial_below(high, n, q) <= 0.025 + 1e-9
    assert 1 - binomial_below(high - 1, n, q) > 0.025


@pytest.mark.parametrize("q", [0.01, 0.5, 0.95, 0.999])
def test_large_counts_have_the_ranks_of_scipy(q: float) -> None:
    counts = np.unique(np.geomspace(required_samples(q), 1e7, 200).astype(np.int64))
    low, high = interval_ranks(counts, q)
    np.testing.assert_array_equal(low, binom.ppf(0.025, counts, q))
    np.testing.assert_array_equal(high, binom.ppf(0.975, counts, q) + 1)


@pytest.mark.parametrize(("q", "expected"), [(0.5, 6), (0.95, 72), (0.99, 368), (0.999, 3688), (0.01, 368)])
def test_required_samples(q: float, expected: int) -> None:
    assert required_samples(q) == expected
    worse = max(q, 1 - q)
    assert worse**expected <= 0.025 < worse ** (expected - 1)
    values = np.linspace(1, 2, expected)
    assert quantile_interval(Histogram.from_values(values), q) is not None
    assert quantile_interval(Histogram.from_values(values[1:]), q) is None


@pytest.mark.parametrize(
    ("q", "n", "confidence"), [(0.5, 50, 0.95), (0.9, 200, 0.95), (0.99, 600, 0.95), (0.95, 300, 0.8)]
)
def test_simulated_coverage_reaches_the_nominal_one(q: float, n: int, confidence: float) -> None:
    rng = np.random.default_rng(21)
    truth = -40 * math.log(1 - q)  # of the exponential distribution with mean 40
    rounds, covered = 1500, 0
    for _ in range(rounds):
        interval = quantile_interval(Histogram.from_values(rng.exponential(40, n)), q, confidence)
        assert interval is not None
        covered += interval[0] < truth <= interval[1]
    (low,), (high,) = interval_ranks(np.array([n]), q, confidence)
    exact = binomial_below(int(high), n, q) - binomial_below(int(low), n, q)
    noise = 3 * math.sqrt(confidence * (1 - confidence) / rounds)
    assert exact >= confidence
    assert covered / rounds >= confidence - noise
    assert covered / rounds <= exact + 0.05, "the buckets widen an interval only a little"


def test_a_constant_is_covered() -> None:
    interval = quantile_interval(Histogram.from_values(np.full(1000, 100.0)), 0.99)
    assert interval is not None
    assert interval[0] < 100 <= interval[1]
    assert interval[1] / interval[0] < 1.021


@pytest.mark.parametrize(("q", "confidence"), [(0, 0.95), (1, 0.95), (0.5, 0), (0.5, 1), (math.nan, 0.95)])
def test_impossible_questions_are_refused(q: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        quantile_interval(Histogram.from_values([1.0]), q, confidence)


def test_names_of_quantiles() -> None:
    assert [quantile_label(q) for q in (0.5, 0.99, 0.999, 0.9999)] == ["p50", "p99", "p99.9", "p99.99"]
    assert [quantile_column(q) for q in (0.5, 0.999)] == ["p50_ms", "p999_ms"]
