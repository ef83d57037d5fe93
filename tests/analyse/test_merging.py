"""Merging histogram columns by group against dictionaries filled row by row."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_samples import draw_samples, histogram_column, requests_table

from loadlab import schema
from loadlab.analyse import Histogram, aggregate, aggregate_histograms, merge_histograms, quantile_interval

rows = st.lists(
    st.tuples(
        st.integers(-1, 5),
        st.none()
        | st.lists(
            st.fixed_dictionaries(
                {"bucket": st.integers(schema.ZERO_BUCKET, schema.MAX_BUCKET), "count": st.integers(0, 2**31 - 1)}
            ),
            max_size=5,
        ),
    ),
    max_size=30,
)


@pytest.fixture(params=["dense", "sparse", "one row a slice"])
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of adding up, and slices so small that every row is at a seam."""
    if request.param != "dense":
        monkeypatch.setattr(aggregate, "_DENSE_CELLS", 0)
    if request.param == "one row a slice":
        monkeypatch.setattr(aggregate, "_SLICE_ENTRIES", 1)


@pytest.mark.usefixtures("_path")
def test_merging_equals_dictionaries() -> None:
    @given(rows)
    @settings(max_examples=60, deadline=None)
    def compare(rows: list[tuple[int, list[dict[str, int]] | None]]) -> None:
        expected: dict[int, Counter[int]] = defaultdict(Counter)
        for code, pairs in rows:
            for pair in pairs or []:
                expected[code][pair["bucket"]] += pair["count"]
        codes = np.array([code for code, _ in rows], dtype=np.int64)
        merged = merge_histograms(histogram_column([pairs for _, pairs in rows]), codes, 6)
        assert len(merged) == 6
        for group in range(6):
            counted = sorted((index, count) for index, count in expected[group].items() if count)
            assert merged.histogram(group).to_pairs() == counted
            assert merged.totals[group] == sum(count for _, count in counted)

    compare()


@pytest.mark.usefixtures("_path")
def test_rows_out_of_order_and_chunked_columns() -> None:
    requests = requests_table(draw_samples(seconds=30), parts=3)
    shuffled = requests.sample(frac=1, random_state=2)
    kind = schema.arrow_schema("requests").field("histogram").type
    chunks = pa.chunked_array([pa.array(shuffled["histogram"].iloc[i : i + 50]) for i in range(0, len(shuffled), 50)])
    assert chunks.num_chunks > 2
    seconds = shuffled["time"].dt.as_unit("s").astype("int64").to_numpy()
    merged = merge_histograms(chunks.cast(kind), seconds - seconds.min(), 30)
    for group, second in enumerate(range(seconds.min(), seconds.max() + 1)):
        own = shuffled[seconds == second]
        assert merged.histogram(group) == Histogram.from_column(own["histogram"])


def test_by_columns() -> None:
    requests = requests_table(draw_samples())
    keys, merged = aggregate_histograms(requests, ["name", "request_type"])
    assert list(keys.itertuples(index=False, name=None)) == sorted(
        set(zip(requests["name"], requests["request_type"], strict=True))
    )
    for group, (name, request_type) in enumerate(keys.itertuples(index=False, name=None)):
        own = requests[(requests["name"] == name) & (requests["request_type"] == request_type)]
        assert merged.histogram(group) == Histogram.from_column(own["histogram"])
    everything = aggregate_histograms(requests)[1]
    assert everything.histogram(0) == Histogram.from_column(requests["histogram"])
    assert merged.regroup(np.zeros(len(keys), dtype=np.int64), 1).histogram(0) == everything.histogram(0)


def test_quantiles_and_intervals_of_groups_are_those_of_each_histogram() -> None:
    requests = requests_table(draw_samples(seconds=20))
    codes = np.arange(len(requests)) % 7
    codes[codes == 3] = 5  # group 3 stays empty
    keys, merged = aggregate_histograms(requests, codes)
    assert keys["group"].tolist() == list(range(7))
    quantiles = [0, 0.05, 0.5, 0.95, 1]
    low, high = merged.intervals(0.5)
    for group in range(7):
        histogram = merged.histogram(group)
        np.testing.assert_array_equal(merged.quantiles(quantiles)[group], histogram.quantile(quantiles))
        interval = quantile_interval(histogram, 0.5)
        assert (low[group], high[group]) == interval if interval else np.isnan([low[group], high[group]]).all()
    assert np.isnan(merged.quantiles([0.5])[3]).all()


def test_missing_categories_count_as_empty_text() -> None:
    requests = requests_table(draw_samples(seconds=5))
    requests["name"] = requests["name"].cat.remove_categories(["/"])
    keys, merged = aggregate_histograms(requests, ["name"])
    assert keys["name"].tolist() == ["", "/cart", "/search?q=<n>"]
    assert merged.totals.sum() == Histogram.from_column(requests["histogram"]).count


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 histograms but 1 group codes"):
        merge_histograms(histogram_column([[], []]), np.zeros(1, dtype=np.int64), 1)


def test_concatenated_tables_with_other_categories() -> None:
    first = requests_table(draw_samples(seconds=5))
    second = requests_table(draw_samples(seconds=5).assign(name="/other"))
    keys, merged = aggregate_histograms(pd.concat([first, second]), ["name"])
    assert keys["name"].tolist() == ["/", "/cart", "/other", "/search?q=<n>"]
    assert merged.histogram(2) == Histogram.from_column(second["histogram"])
