import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlab import schema
from loadlab.agent.buckets import LONGEST_MS, MAX_BUCKET, MAX_BYTES, ZERO_BUCKET, Cell, bucket_of


def estimate(bucket: int) -> float:
    return 0.0 if bucket == ZERO_BUCKET else 2 * schema.GAMMA**bucket / (schema.GAMMA + 1)


@given(st.floats(min_value=1e-5, max_value=1e8))
def test_every_value_is_estimated_within_one_percent(value: float) -> None:
    assert estimate(bucket_of(value)) == pytest.approx(value, rel=schema.RELATIVE_ERROR * 1.0001)


@given(st.floats(min_value=1e-5, max_value=1e8), st.floats(min_value=1e-5, max_value=1e8))
def test_buckets_keep_the_order(one: float, other: float) -> None:
    assert (bucket_of(one) <= bucket_of(other)) == (one <= other) or bucket_of(one) == bucket_of(other)


@pytest.mark.parametrize("value", [0.0, -1.0, -math.inf, math.nan, 1e-9])
def test_what_is_no_time_goes_to_the_zero_bucket(value: float) -> None:
    assert bucket_of(value) == ZERO_BUCKET


@pytest.mark.parametrize("value", [1e12, math.inf])
def test_endless_times_go_to_the_last_bucket(value: float) -> None:
    assert bucket_of(value) == MAX_BUCKET


def test_merged_cells_are_the_cell_of_all_values() -> None:
    values = [random.Random(7).lognormvariate(2, 1) for _ in range(2000)]
    together, left, right = Cell(), Cell(), Cell()
    for place, value in enumerate(values):
        together.add(value, 10, failed=place % 7 == 0)
        (left if place % 3 else right).add(value, 10, failed=place % 7 == 0)
        together.add_intended(value * 2)
        (left if place % 3 else right).add_intended(value * 2)
    merged = Cell()
    merged.merge(left.row("GET", "/"))
    merged.merge(right.row("GET", "/"))
    assert merged.buckets == together.buckets
    assert merged.intended == together.intended
    assert (merged.count, merged.failures, merged.response_bytes) == (2000, 286, 20_000)
    assert (merged.min_ms, merged.max_ms) == (min(values), max(values))
    assert merged.sum_ms == pytest.approx(sum(values))


def test_a_request_without_a_time_is_counted_but_not_timed() -> None:
    cell = Cell()
    cell.add(None, 0, failed=True)
    assert cell.row("X", "y")[2:10] == [1, 1, 0, 0.0, None, None, [], []]


def test_values_beyond_the_buckets_are_counted_in_the_outermost() -> None:
    cell = Cell()
    for value in (0.0, -1.0, 5.0, 1e12):
        cell.add(value, 0, failed=False)
    assert cell.buckets == {ZERO_BUCKET: 2, bucket_of(5.0): 1, MAX_BUCKET: 1}
    assert cell.row("X", "y")[5:8] == [1e12 + 4.0, -1.0, 1e12]


def test_a_cell_that_was_read_goes_on_counting() -> None:
    cell = Cell()
    for value in (3.0, 1.0, 2.0):
        cell.add(value, 0, failed=False)
        assert cell.buckets[bucket_of(value)] == 1
    assert cell.row("X", "y")[2:8] == [3, 0, 0, 6.0, 1.0, 3.0]


def test_no_sum_leaves_what_every_format_can_hold() -> None:
    cell, merged = Cell(), Cell()
    for _ in range(3):
        cell.add(LONGEST_MS, 10**400, failed=False)
        merged.merge(cell.row("GET", "/"))
    row = merged.row("GET", "/")
    assert row[4] == MAX_BYTES
    assert row[5] == 6 * LONGEST_MS
