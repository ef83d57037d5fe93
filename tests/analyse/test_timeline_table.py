"""The timeline against plain pandas over the raw samples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from raw_samples import START, at, draw_samples, quantile, requests_table

from loadlab import schema
from loadlab.analyse import timeline
from loadlab.errors import AnalysisError, SpecError

QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}
COLUMNS = [
    *("time", "count", "failures", "rps", "failures_per_s", "error_ratio", "response_bytes"),
    *("mean_ms", "min_ms", "max_ms", *QUANTILES),
]


def with_a_gap() -> pd.DataFrame:
    """47 seconds of samples with nothing from second 20 to 32, so that one 10 s bin is empty."""
    samples = draw_samples(seconds=47)
    return samples[~samples["second"].between(START + 20, START + 32)]


def assert_row_equals_samples(row: pd.Series, own: pd.DataFrame, covered_s: int) -> None:
    assert row["count"] == len(own)
    assert row["failures"] == own["failed"].sum()
    assert row["response_bytes"] == own["size"].sum()
    assert row["rps"] == pytest.approx((~own["failed"]).sum() / covered_s)
    assert row["failures_per_s"] == pytest.approx(own["failed"].sum() / covered_s)
    assert row["error_ratio"] == pytest.approx(own["failed"].mean() if len(own) else math.nan, nan_ok=True)
    assert row["mean_ms"] == pytest.approx(own["ms"].mean(), nan_ok=True)
    assert row["min_ms"] == pytest.approx(own["ms"].min(), nan_ok=True)
    assert row["max_ms"] == pytest.approx(own["ms"].max(), nan_ok=True)
    for column, q in QUANTILES.items():
        assert row[column] == pytest.approx(quantile(own["ms"], q), rel=0.01 + 1e-9, nan_ok=True)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("resolution", "width"), [("1s", 1), ("7s", 7), ("10s", 10), ("1min", 60)])
def test_every_bin_equals_the_raw_samples(resolution: str, width: int, parts: int) -> None:
    samples = with_a_gap()
    frame = timeline(requests_table(samples, parts=parts), resolution)

    assert list(frame.columns) == COLUMNS
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    first, stop = int(samples["second"].min()), int(samples["second"].max()) + 1
    begins = range(first // width * width, stop, width)
    assert frame["time"].tolist() == [pd.Timestamp(begin, unit="s", tz="UTC") for begin in begins]
    for begin, (_, row) in zip(begins, frame.iterrows(), strict=True):
        own = samples[samples["second"].between(begin, begin + width - 1)]
        assert_row_equals_samples(row, own, min(begin + width, stop) - max(begin, first))
    assert frame["count"].sum() == len(samples)


def test_every_group_has_every_bin() -> None:
    samples = with_a_gap()
    frame = timeline(requests_table(samples, parts=2), "10s", by="name")
    assert list(frame.columns[:3]) == ["time", "request_type", "name"]
    keys = samples[["request_type", "name"]].drop_duplicates().sort_values(["request_type", "name"])
    assert len(frame) == frame["time"].nunique() * len(keys)
    for _, row in frame.iterrows():
        begin = int(row["time"].timestamp())
        own = samples[
            samples["second"].between(begin, begin + 9)
            & (samples["name"] == row["name"])
            & (samples["request_type"] == row["request_type"])
        ]
        covered = min(begin + 10, samples["second"].max() + 1) - max(begin, samples["second"].min())
        assert_row_equals_samples(row, own, covered)


def test_by_one_column_and_by_several() -> None:
    requests = requests_table(draw_samples(seconds=5))
    by_type = timeline(requests, "10s", by="request_type")
    assert set(by_type["request_type"]) == {"GET", "POST"}
    assert "name" not in by_type
    assert len(timeline(requests, "1min", by=["name"])) == 3
    assert by_type["count"].sum() == timeline(requests, "1min", by=["name"])["count"].sum() == requests["count"].sum()


def test_the_last_bin_is_not_drawn_as_a_drop() -> None:
    samples = pd.DataFrame({"second": np.repeat(START + np.arange(23), 50), "ms": 10.0, "failed": False, "size": 1})
    frame = timeline(requests_table(samples.assign(request_type="GET", name="/")), "10s")
    assert frame["rps"].tolist() == [50.0] * len(frame)
    assert frame["count"].iloc[-1] < 500


def test_start_and_end_select_and_extend() -> None:
    samples = draw_samples(seconds=20)
    requests = requests_table(samples)
    frame = timeline(requests, "1s", start=at(5), end=at(30))
    assert len(frame) == 25
    assert frame["count"].sum() == samples["second"].between(START + 5, START + 19).sum()
    assert (frame["rps"].iloc[15:] == 0).all()
    assert frame["p50_ms"].iloc[15:].isna().all()
    naive = timeline(requests, "1s", start=str(at(5).tz_localize(None)), end=at(30).tz_convert("Europe/Berlin"))
    pd.testing.assert_frame_equal(naive, frame)
    # a row belongs to the window when its second begins in it
    assert timeline(requests, "1s", start=at(4.2), end=at(7.5))["time"].tolist() == [at(5), at(6), at(7)]
    assert timeline(requests, "1s", start=at(9), end=at(3)).empty


def test_quantiles_of_choice_and_a_constant() -> None:
    samples = draw_samples(seconds=3).assign(ms=123.456)
    frame = timeline(requests_table(samples), quantiles=(0.25, 0.999))
    assert frame["p25_ms"].tolist() == frame["p999_ms"].tolist() == [123.456] * 3


def test_intended_latencies() -> None:
    samples = draw_samples(seconds=10)
    samples["late"] = samples["ms"].fillna(0) + 500
    frame = timeline(requests_table(samples, parts=2, intended="late"), "1min", intended=True)
    assert frame["intended_p99_ms"].iloc[0] == pytest.approx(quantile(samples["late"], 0.99), rel=0.01)
    without = timeline(requests_table(samples), "1min", intended=True)
    assert without["intended_p99_ms"].isna().all()
    assert "intended_p99_ms" not in timeline(requests_table(samples), "1min")


def test_no_rows() -> None:
    empty = schema.empty_frame("requests")
    assert list(timeline(empty).columns) == COLUMNS
    assert timeline(empty).empty
    assert timeline(empty, by="name").empty
    assert timeline(empty, start=at(0)).empty
    frame = timeline(empty, "10s", start=at(0), end=at(25))
    assert frame["count"].tolist() == [0] * len(frame)
    assert (frame["rps"] == 0).all()


@pytest.mark.parametrize("resolution", ["0s", "-5s", "500ms", "1.5s", "soon", ""])
def test_other_resolutions_are_refused(resolution: str) -> None:
    with pytest.raises(SpecError, match="whole number of seconds"):
        timeline(schema.empty_frame("requests"), resolution)


def test_a_wrong_clock_does_not_eat_the_memory() -> None:
    samples = draw_samples(seconds=5)
    samples.loc[0, "second"] = 0
    requests = requests_table(samples)
    with pytest.raises(AnalysisError, match="coarser resolution"):
        timeline(requests, "1s")
    with pytest.raises(AnalysisError, match="coarser resolution"):
        timeline(requests, "10min", by="name")
    assert timeline(requests, "1D")["count"].sum() == len(samples)


@pytest.mark.parametrize(
    ("by", "nearest"),
    [("endpoint", "name"), ("nam", "name"), ("method", "request_type"), (["name", "count"], None)],
)
def test_groups_that_there_are_not(by: str | list[str], nearest: str | None) -> None:
    with pytest.raises(SpecError, match=r"by: got .*; allowed: request_type or name") as raised:
        timeline(requests_table(draw_samples(seconds=2)), by=by)
    assert raised.value.nearest == nearest
