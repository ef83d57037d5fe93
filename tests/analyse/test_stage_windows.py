"""Stages from events, and their statistics from whole seconds after the ramp."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from raw_samples import START, at, draw_samples, event, quantile, requests_table, table

from loadlab import schema
from loadlab.analyse import stage_windows, steady_window, summarise, summarise_stages
from loadlab.errors import AnalysisError

PLAIN = [
    event(-3, "swarm_ready"),
    event(0.2, "test_start"),
    event(0.2, "stage", "0", index=0, users=10, spawn_rate=2.0, name=""),
    event(5.3, "ramp_complete", users=10),
    event(30.6, "test_stopping"),
    event(31.4, "test_stop"),
]
STAGED = [
    event(0.2, "test_start"),
    event(0.2, "stage", "warm", index=0, users=10, spawn_rate=2, name="warm"),
    event(5.3, "ramp_complete", users=10),
    event(20.4, "stage", "peak", index=1, users=50, spawn_rate=10, name="peak"),
    event(24.0, "ramp_complete", users=50),
    event(40.0, "stage", "over", index=2, users=500, spawn_rate=1, name="over"),
    event(55.5, "test_stopping"),
    event(56.0, "ramp_complete", users=100),
    event(57.0, "test_stop"),
]


def frame(events: list[dict[str, object]]) -> pd.DataFrame:
    return table("events", events)


def test_a_plain_test_has_one_stage() -> None:
    windows = stage_windows(frame(PLAIN))
    assert len(windows) == 1
    assert windows.iloc[0, :4].tolist() == [0, "", 10.0, 2.0]
    assert windows.iloc[0, 4:].tolist() == [at(0.2), at(5.3), at(30.6)]
    without_stage_event = [row for row in PLAIN if row["kind"] != "stage"]
    plain = stage_windows(frame(without_stage_event)).iloc[0]
    assert (plain["stage"], plain["users"], plain["start"], plain["end"]) == (0, 10.0, at(0.2), at(30.6))
    assert math.isnan(plain["spawn_rate"])


def test_stages_follow_each_other() -> None:
    windows = stage_windows(frame(STAGED))
    assert windows["name"].tolist() == ["warm", "peak", "over"]
    assert windows["users"].tolist() == [10, 50, 500]
    assert windows["start"].tolist() == [at(0.2), at(20.4), at(40)]
    assert windows["end"].tolist() == [at(20.4), at(40), at(55.5)]
    assert windows["ramp_end"].tolist()[:2] == [at(5.3), at(24)]
    assert pd.isna(windows["ramp_end"].iloc[2]), "users that come while others stop complete no ramp"


def test_order_of_the_rows_does_not_matter() -> None:
    pd.testing.assert_frame_equal(stage_windows(frame(STAGED[::-1])), stage_windows(frame(STAGED)))


@pytest.mark.parametrize("keep", [0, 1])
def test_a_test_that_never_started_has_no_stage(keep: int) -> None:
    assert stage_windows(frame(PLAIN[:keep])).empty
    assert steady_window(frame(PLAIN[:keep])) is None
    assert stage_windows(schema.empty_frame("events")).dtypes.to_dict() == stage_windows(frame(PLAIN)).dtypes.to_dict()


def test_without_an_end_the_last_event_or_the_given_end_counts() -> None:
    killed = frame([*PLAIN[:4], event(12.5, "note")])
    assert stage_windows(killed)["end"].tolist() == [at(12.5)]
    assert stage_windows(killed, at(25))["end"].tolist() == [at(25)]
    assert stage_windows(frame([*PLAIN[:4], event(9, "master_lost")]), at(25))["end"].tolist() == [at(9)]


def test_steady_window() -> None:
    assert steady_window(frame(PLAIN)) == (at(5.3), at(30.6))
    assert steady_window(frame(STAGED)) == (at(5.3), at(55.5))
    assert steady_window(frame(PLAIN[:3])) is None


def test_statistics_take_only_whole_seconds_after_the_ramp() -> None:
    samples = draw_samples(seconds=60, rate=30)
    requests = requests_table(samples, parts=3)
    stages = summarise_stages(requests, frame(STAGED))

    statistic_columns = [column for column in summarise(requests) if column not in ("request_type", "name")]
    assert list(stages.columns) == [*stage_windows(frame(STAGED)), "steady_s", *statistic_columns]
    for row, (first, last) in zip(stages.to_dict("records"), [(6, 19), (24, 39)], strict=False):
        own = samples[samples["second"].between(START + first, START + last)]
        assert row["steady_s"] == last - first + 1
        assert row["count"] == len(own)
        assert row["rps"] == pytest.approx((~own["failed"]).sum() / row["steady_s"])
        assert row["mean_ms"] == pytest.approx(own["ms"].mean())
        assert row["p95_ms"] == pytest.approx(quantile(own["ms"], 0.95), rel=0.01)
    over = stages.iloc[2]
    assert (over["steady_s"], over["count"]) == (0, 0)
    assert over[["rps", "mean_ms", "p99_ms"]].isna().all()


def test_no_rows_and_no_stages() -> None:
    empty = summarise_stages(schema.empty_frame("requests"), frame(STAGED))
    assert empty["count"].tolist() == [0, 0, 0]
    assert empty["p50_ms"].isna().all()
    assert summarise_stages(requests_table(draw_samples(seconds=3)), schema.empty_frame("events")).empty


@pytest.mark.parametrize("data", ["{", "[1]", '"text"'])
def test_data_that_is_no_json_object_is_refused(data: str) -> None:
    events = frame(PLAIN)
    events.loc[events["kind"] == "stage", "data"] = data
    with pytest.raises(AnalysisError, match="JSON"):
        stage_windows(events)


def in_regions(events: list[dict[str, object]], **shifts: float) -> pd.DataFrame:
    """`events` once for each region, moved by some seconds."""
    moved = [
        {**row, "time": row["time"] + pd.Timedelta(shift, unit="s"), "region": region}  # type: ignore[operator]
        for region, shift in shifts.items()
        for row in events
    ]
    return frame(moved)


def test_the_stages_of_several_regions_are_those_of_the_run() -> None:
    windows = stage_windows(in_regions(STAGED, eu=0.0, us=0.5))
    assert windows["stage"].tolist() == [0, 1, 2]
    assert windows["users"].tolist() == [20, 100, 1000]
    assert windows["spawn_rate"].tolist() == [4, 20, 2]
    assert windows["start"].tolist() == [at(0.2), at(20.4), at(40)], "the first region's"
    assert windows["ramp_end"].tolist()[:2] == [at(5.8), at(24.5)], "when all are there"
    assert windows["end"].tolist() == [at(20.4), at(40), at(55.5)], "while all are there"
    assert pd.isna(windows["ramp_end"].iloc[2])


def test_a_lost_region_does_not_end_the_stages_of_the_others() -> None:
    us = [row for row in in_regions(STAGED, us=0.5).to_dict("records") if row["time"] < at(21)]
    lost = {**event(35, "region_lost", "us"), "region": "us"}
    events = frame([*in_regions(STAGED, eu=0.0).to_dict("records"), *us, lost])
    windows = stage_windows(events)
    assert windows["users"].tolist() == [20, 100, 500]
    assert windows["end"].tolist() == [at(20.4), at(40), at(55.5)]
    assert windows["ramp_end"].tolist()[:2] == [at(5.3), at(24)]


def test_when_all_regions_are_lost_the_first_loss_ends_the_load() -> None:
    begun = [row for row in in_regions(PLAIN, eu=0.0, us=0.5).to_dict("records") if row["time"] < at(10)]
    lost = [{**event(20 + n, "region_lost", name), "region": name} for n, name in enumerate(("eu", "us"))]
    windows = stage_windows(frame([*begun, *lost]))
    assert windows["end"].tolist() == [at(20)]
