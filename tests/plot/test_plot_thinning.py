from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab.plot import thin_min_max

VALUES = st.one_of(st.floats(min_value=-1e6, max_value=1e6), st.just(float("nan")))


def series(length: int, columns: int = 2, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({f"c{number}": random.normal(size=length).cumsum() for number in range(columns)})


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=400), st.integers(20, 60))
def test_extremes_stay_and_rows_are_unchanged(rows: list[tuple[float, float]], points: int) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"])
    thinned = thin_min_max(frame, ["a", "b"], points)
    assert len(thinned) <= max(points, 1)
    assert thinned.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(thinned, frame.loc[thinned.index])
    for column in ("a", "b"):
        assert thinned[column].min() == pytest.approx(frame[column].min(), nan_ok=True)
        assert thinned[column].max() == pytest.approx(frame[column].max(), nan_ok=True)
    assert thinned.index[0] == 0
    assert thinned.index[-1] == len(frame) - 1


def test_a_single_peak_among_a_million_stays() -> None:
    frame = pd.DataFrame({"p99_ms": np.full(1_000_000, 20.0)})
    frame.loc[654_321, "p99_ms"] = 9_000.0
    thinned = thin_min_max(frame, ["p99_ms"], 2000)
    assert 654_321 in thinned.index
    assert len(thinned) <= 2000


def test_each_stretch_of_the_line_keeps_its_envelope() -> None:
    frame = series(50_000, columns=1)
    thinned = thin_min_max(frame, ["c0"], 1000)
    width = 50_000 // 300
    for start in range(0, 50_000 - 2 * width, width):
        part = frame["c0"].iloc[start : start + width]
        near = thinned["c0"].loc[max(0, start - width) : start + 2 * width]
        assert near.min() <= part.min()
        assert near.max() >= part.max()


def test_a_gap_stays_a_gap() -> None:
    frame = series(10_000)
    frame.loc[5000:5002, "c0"] = np.nan
    thinned = thin_min_max(frame, ["c0", "c1"], 500)
    missing = thinned.index[thinned["c0"].isna()]
    assert list(missing) == [5000]
    assert thinned.loc[:4999, "c0"].notna().all()


def test_a_short_frame_comes_back_as_it_is() -> None:
    frame = series(100)
    assert thin_min_max(frame, ["c0"], 100) is frame


def test_columns_with_shared_extremes_leave_room_for_more_rows() -> None:
    frame = pd.DataFrame({"a": series(50_000, 1)["c0"]})
    frame["b"] = frame["a"] * 2
    thinned = thin_min_max(frame, ["a", "b"], 2000)
    assert 1500 < len(thinned) <= 2000


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="need at least 8"):
        thin_min_max(series(100), ["c0", "c1"], 7)
