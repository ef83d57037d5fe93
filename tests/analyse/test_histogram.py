"""The Histogram against raw samples: numpy.quantile(method="inverted_cdf") is the oracle."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_samples import DISTRIBUTIONS, bucket, histogram_column, pairs

from loadlab import schema
from loadlab.analyse import Histogram
from loadlab.analyse.histogram import BUCKET_COUNT, ESTIMATE_MS, LOWER_MS, UPPER_MS

GRID = np.concatenate((np.linspace(0, 1, 2001), 1 - np.geomspace(1e-6, 1e-1, 100), np.geomspace(1e-6, 1e-1, 100)))

latencies = st.floats(min_value=0, max_value=1e8, allow_nan=False, width=32)
samples = st.lists(latencies, max_size=60)


def assert_within_one_percent(estimates: np.ndarray, truth: np.ndarray) -> None:
    allowed = schema.RELATIVE_ERROR * truth * (1 + 1e-9) + np.where(truth <= 1e-6, 1e-6, 0)
    wrong = np.abs(estimates - truth) > allowed
    assert not wrong.any(), list(zip(estimates[wrong], truth[wrong], strict=True))[:5]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_quantile_of_merged_parts_is_within_one_percent(name: str) -> None:
    values = DISTRIBUTIONS[name](np.random.default_rng(11), 20_000)
    parts = np.array_split(np.random.default_rng(12).permutation(values), 7)

    merged = Histogram.from_column(histogram_column([pairs(part) for part in parts]))
    added = sum((Histogram.from_values(part) for part in parts), Histogram.empty())

    truth = np.quantile(values, GRID, method="inverted_cdf")
    assert merged.count == added.count == len(values)
    assert_within_one_percent(merged.quantile(GRID), truth)
    assert_within_one_percent(added.quantile(GRID), truth)
    assert added.mean() == pytest.approx(values.mean(), rel=0.01)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 99, 100, 101, 1000])
def test_small_samples_have_the_rank_of_inverted_cdf(n: int) -> None:
    values = 1e-5 * 1.022 ** np.arange(n)  # each in a bucket of its own
    truth = np.quantile(values, GRID, method="inverted_cdf")
    assert_within_one_percent(Histogram.from_values(values).quantile(GRID), truth)


def test_values_at_and_beside_every_bound_are_within_one_percent() -> None:
    bounds = schema.GAMMA ** np.arange(-600, 1000, dtype=float)
    for values in (bounds, np.nextafter(bounds, 0), np.nextafter(bounds, np.inf)):
        for value in values[::37]:
            assert Histogram.from_values([value]).quantile(0.5) == pytest.approx(value, rel=0.01 + 1e-12)
    exact = Histogram.from_values(bounds)
    assert [exact.count_below(bound) for bound in bounds] == list(range(1, len(bounds) + 1))


def test_values_out_of_range() -> None:
    assert Histogram.from_values([0.0, 1e-6, -3.0]).to_pairs() == [(schema.ZERO_BUCKET, 3)]
    assert Histogram.from_values([0.0]).quantile(0.5) == 0.0
    assert Histogram.from_values([1e12, np.inf]).to_pairs() == [(schema.MAX_BUCKET, 2)]
    with pytest.raises(ValueError, match="NaN"):
        Histogram.from_values([1.0, np.nan])


def test_buckets_follow_the_schema() -> None:
    values = np.random.default_rng(3).lognormal(2, 3, 2000)
    assert Histogram.from_values(values).to_pairs() == sorted((pair["bucket"], pair["count"]) for pair in pairs(values))
    assert ESTIMATE_MS[0 - schema.ZERO_BUCKET] == pytest.approx(2 / (schema.GAMMA + 1))
    assert (LOWER_MS[1:] < ESTIMATE_MS[1:]).all()
    assert (ESTIMATE_MS < UPPER_MS).all()
    assert len(UPPER_MS) == BUCKET_COUNT


def test_empty() -> None:
    empty = Histogram.empty()
    assert empty.count == 0
    assert math.isnan(empty.quantile(0.5))
    assert np.isnan(empty.quantile([0.1, 0.9])).all()
    assert math.isnan(empty.mean())
    assert math.isnan(empty.cdf(10))
    assert empty.to_pairs() == []
    assert empty.buckets().empty
    assert Histogram.from_values([]) == empty == Histogram.from_column(histogram_column([]))
    assert repr(empty) == "Histogram(empty)"


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram.from_values([1.0]).quantile(q)


def test_counts_are_checked_and_frozen() -> None:
    with pytest.raises(ValueError, match="counts"):
        Histogram(np.zeros(5, dtype=np.int64))
    with pytest.raises(ValueError, match="counts"):
        Histogram(np.full(BUCKET_COUNT, -1))
    with pytest.raises(ValueError, match="read-only"):
        Histogram.empty().counts[0] = 1


def test_other_columns_are_refused() -> None:
    with pytest.raises(TypeError, match="not a histogram column"):
        Histogram.from_column(pd.Series([1.0, 2.0]))


def test_nulls_and_plain_lists_are_read() -> None:
    column = histogram_column([pairs([1.0, 2.0]), None, [], pairs([2.0])])
    expected = Histogram.from_values([1.0, 2.0, 2.0])
    assert Histogram.from_column(column) == expected
    assert Histogram.from_column(column.astype(object).where(column.notna(), None)) == expected
    assert Histogram.from_column(column[1:]) == Histogram.from_values([2.0])


@given(samples, samples, samples)
@settings(max_examples=60, deadline=None)
def test_merging_commutes_and_associates(a: list[float], b: list[float], c: list[float]) -> None:
    x, y, z = (Histogram.from_values(values) for values in (a, b, c))
    assert x + y == y + x
    assert (x + y) + z == x + (y + z) == Histogram.from_values(a + b + c)
    assert hash(x + y) == hash(y + x)


@given(samples.filter(bool), st.lists(st.floats(0, 1), min_size=2, max_size=20))
@settings(max_examples=60, deadline=None)
def test_quantiles_are_monotone_and_true(values: list[float], quantiles: list[float]) -> None:
    ordered = np.sort(quantiles)
    estimates = Histogram.from_values(values).quantile(ordered)
    assert (np.diff(estimates) >= 0).all()
    assert_within_one_percent(estimates, np.quantile(values, ordered, method="inverted_cdf"))


@given(samples.filter(bool), st.floats(0, 1), latencies)
@settings(max_examples=100, deadline=None)
def test_cdf_and_quantile_are_inverses_and_the_cdf_is_bounded(values: list[float], q: float, ms: float) -> None:
    histogram = Histogram.from_values(values)
    assert histogram.cdf(histogram.quantile(q)) >= q
    needed = min(max(math.ceil(q * len(values)), 1), len(values))
    assert (histogram.quantile(q) <= ms) == (histogram.count_below(ms) >= needed)
    raw = np.asarray(values)
    assert (raw <= ms / 1.01 * (1 - 1e-9)).sum() <= histogram.count_below(ms)
    assert histogram.count_below(ms) <= (raw <= max(ms / 0.99 * (1 + 1e-9), 1e-6)).sum()


def test_buckets_for_plotting() -> None:
    frame = Histogram.from_values([0.0, 5.0, 5.0, 700.0]).buckets()
    assert frame["bucket"].tolist() == [bucket(0.0), bucket(5.0), bucket(700.0)]
    assert frame["count"].tolist() == [1, 2, 1]
    assert ((frame["low_ms"] < [1e-9, 5, 700]) & (frame["high_ms"] >= [0, 5, 700])).all()
