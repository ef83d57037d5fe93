"""The summary against plain pandas over the raw samples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from raw_samples import draw_samples, quantile, requests_table

from loadlab import schema
from loadlab.analyse import Histogram, quantile_interval, summarise

QUANTILES = {"p50_ms": 0.5, "p75_ms": 0.75, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
INTERVALS = [f"{p}_{side}_ms" for p in ("p50", "p95", "p99") for side in ("low", "high")]
COLUMNS = [
    *("request_type", "name", "count", "failures", "error_ratio", "rps", "p50_ms", "p95_ms", "p99_ms", "max_ms"),
    *("mean_ms", "min_ms", "p75_ms", "p90_ms", "p999_ms"),
    *("mean_response_bytes", "few_samples", *INTERVALS),
]


def assert_row_equals_samples(row: pd.Series, own: pd.DataFrame, seconds: float) -> None:
    assert row["count"] == len(own)
    assert row["failures"] == own["failed"].sum()
    assert row["error_ratio"] == pytest.approx(own["failed"].mean())
    assert row["rps"] == pytest.approx((~own["failed"]).sum() / seconds)
    assert row["mean_ms"] == pytest.approx(own["ms"].mean(), nan_ok=True)
    assert row["min_ms"] == pytest.approx(own["ms"].min(), nan_ok=True)
    assert row["max_ms"] == pytest.approx(own["ms"].max(), nan_ok=True)
    assert row["mean_response_bytes"] == pytest.approx(own["size"].mean())
    for column, q in QUANTILES.items():
        assert row[column] == pytest.approx(quantile(own["ms"], q), rel=0.01 + 1e-9, nan_ok=True)
        assert not row[column] > row["max_ms"]
        assert not row[column] < row["min_ms"]


@pytest.mark.parametrize("parts", [1, 4])
def test_every_row_equals_the_raw_samples(parts: int) -> None:
    samples = draw_samples(seconds=50, rate=60)
    frame = summarise(requests_table(samples, parts=parts))

    assert list(frame.columns) == COLUMNS
    for _, row in frame.iloc[:-1].iterrows():
        own = samples[(samples["name"] == row["name"]) & (samples["request_type"] == row["request_type"])]
        assert_row_equals_samples(row, own, 50)
    total = frame.iloc[-1]
    assert (total["request_type"], total["name"]) == ("", "Aggregated")
    assert_row_equals_samples(total, samples, 50)
    assert frame["rps"].iloc[:-1].sum() == pytest.approx(total["rps"])
    assert frame["name"].iloc[:-1].is_monotonic_increasing


def test_intervals_and_few_samples() -> None:
    samples = draw_samples(seconds=30, rate=30)
    rare = samples.iloc[:20].assign(name="rare", ms=np.arange(20.0) + 1)
    single = samples.iloc[:1].assign(name="single", ms=7.0)
    never_timed = samples.iloc[:3].assign(name="untimed", ms=math.nan)
    samples = pd.concat([samples.assign(name="often"), rare, single, never_timed]).assign(request_type="GET")
    frame = summarise(requests_table(samples)).set_index("name")

    assert frame["few_samples"].to_dict() == {
        "often": "p99.9",
        "rare": "p90, p95, p99, p99.9",
        "single": "p50, p75, p90, p95, p99, p99.9",
        "untimed": "p50, p75, p90, p95, p99, p99.9",
        "Aggregated": "p99.9",
    }
    for name in ("often", "Aggregated"):
        own = samples if name == "Aggregated" else samples[samples["name"] == name]
        histogram = Histogram.from_values(own["ms"].dropna())
        for label, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            interval = quantile_interval(histogram, q)
            assert interval is not None
            low, high = frame.loc[name, f"{label}_low_ms"], frame.loc[name, f"{label}_high_ms"]
            assert (low, high) == pytest.approx((max(interval[0], own["ms"].min()), min(interval[1], own["ms"].max())))
            assert low <= quantile(own["ms"], q) <= high
    assert frame.loc["rare", ["p95_low_ms", "p95_high_ms", "p99_low_ms", "p99_high_ms"]].isna().all()
    assert frame.loc["single", "p999_ms"] == 7.0
    assert frame.loc["untimed", "count"] == 3
    assert frame.loc["untimed", ["mean_ms", "p50_ms", "p50_low_ms", "max_ms"]].isna().all()


def test_a_given_duration() -> None:
    samples = draw_samples(seconds=10)
    requests = requests_table(samples)
    assert summarise(requests, duration_s=100)["rps"].iloc[-1] == pytest.approx((~samples["failed"]).sum() / 100)
    assert summarise(requests, duration_s=0)["rps"].isna().all()


def test_names_are_just_text() -> None:
    hostile = ["<img src=x onerror=alert(1)>", '"; DROP TABLE', "Aggregated", "", "\x00\u202e🛒", "x" * 100_000]
    samples = pd.concat([draw_samples(seconds=2).assign(name=name, request_type="") for name in hostile])
    frame = summarise(requests_table(samples))
    assert sorted(frame["name"].iloc[:-1]) == sorted(hostile)
    assert frame["name"].iloc[-1] == "Aggregated"
    assert frame["count"].iloc[-1] == frame["count"].iloc[:-1].sum() == len(samples)


def test_intended_latencies() -> None:
    samples = draw_samples(seconds=10)
    samples["late"] = samples["ms"].fillna(0) + 500
    frame = summarise(requests_table(samples, intended="late"), intended=True)
    assert frame["intended_p95_ms"].iloc[-1] == pytest.approx(quantile(samples["late"], 0.95), rel=0.01)
    own = samples[(samples["name"] == "/cart") & (samples["request_type"] == "GET")]
    row = frame[(frame["name"] == "/cart") & (frame["request_type"] == "GET")].iloc[0]
    assert row["intended_p50_ms"] == pytest.approx(quantile(own["late"], 0.5), rel=0.01)


def test_no_rows() -> None:
    frame = summarise(schema.empty_frame("requests"))
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 1
    assert frame["count"].tolist() == [0]
    assert frame[["rps", "error_ratio", "mean_ms", "p99_ms", "p50_low_ms"]].isna().all(axis=None)


def test_dtypes_do_not_depend_on_the_data() -> None:
    full, empty = summarise(requests_table(draw_samples())), summarise(schema.empty_frame("requests"))
    assert full.dtypes.to_dict() == empty.dtypes.to_dict()


def test_any_column_may_be_summed_up_by() -> None:
    requests = requests_table(draw_samples())
    half = len(requests) // 2
    requests["region"] = pd.Categorical(["eu"] * half + ["us"] * (len(requests) - half))
    frame, whole = summarise(requests, 60, by="region"), summarise(requests, 60)
    assert frame["region"].tolist() == ["eu", "us", "Aggregated"]
    assert "name" not in frame
    assert frame.iloc[-1, 2:].drop("few_samples").to_dict() == pytest.approx(
        whole.iloc[-1, 3:].drop("few_samples").to_dict(), nan_ok=True
    )
    by_both = summarise(requests, 60, by=["region", "name"])
    assert by_both.groupby("region")["count"].sum()["eu"] == frame["count"].iloc[0]
    assert by_both.iloc[-1, :2].tolist() == ["", "Aggregated"]
