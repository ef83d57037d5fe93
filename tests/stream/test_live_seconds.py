"""The sums of a live run: exact in the window and over the whole, and as small after a day as after a minute."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab.analyse import Histogram
from loadlab.schema import MAX_BUCKET, ZERO_BUCKET
from loadlab.stream import WINDOW_S, LiveSeconds
from loadlab.stream.live import ENDPOINTS_S, MAX_BINS, RECENT_S
from loadlab.stream.tally import bucket_quantiles

T = 1_764_028_800
QUANTILES = (0.0, 0.5, 0.95, 0.99, 1.0)
buckets_of = st.dictionaries(st.integers(ZERO_BUCKET, MAX_BUCKET), st.integers(1, 10**6), max_size=30)


def to_histogram(buckets: dict[int, int]) -> Histogram:
    counts = np.zeros(MAX_BUCKET - ZERO_BUCKET + 1, dtype=np.int64)
    for bucket, count in buckets.items():
        counts[bucket - ZERO_BUCKET] = count
    return Histogram(counts)


@given(buckets_of)
@settings(max_examples=60)
def test_quantiles_are_those_of_the_histogram(buckets: dict[int, int]) -> None:
    expected = to_histogram(buckets).quantile(list(QUANTILES))
    np.testing.assert_allclose(bucket_quantiles(buckets, QUANTILES), expected, rtol=1e-12, equal_nan=True)


def second(t: int, names: int = 2, *, kind: str = "second", region: str = "", **other: Any) -> dict[str, Any]:
    """A record of `names` endpoints; what each did follows from the time."""
    rows = [[*("GET", f"/{i}"), 4 + i, i, 0, 1.0, 1.0, 9.0, [100 + t % 50, 300 + i], [3, 1 + i]] for i in range(names)]
    rows = [[*row, None, None] for row in rows]
    generators = [["worker-1", 7, 9, 10.0, 1, 1.0, 0.0]]
    record = {"kind": kind, "t": t, "requests": rows, "users": {"A": 5, "B": 2}, "generators": generators}
    return {**record, **({"region": region} if region else {}), **other}


def event(t: float, kind: str, about: str = "", **other: Any) -> dict[str, Any]:
    return {"kind": "event", "time": t, "event": kind, "object": about, "text": f"{kind} happened", **other}


def begun(start: float = T) -> LiveSeconds:
    live = LiveSeconds()
    live.add({"kind": "hello", "shape": None, "workers_expected": 2})
    live.add(event(start - 1, "worker_joined", "worker-1"))
    live.add(event(start - 1, "worker_joined", "worker-2"))
    live.add(event(start, "test_start"))
    live.add(event(start, "stage", data={"users": 7, "spawn_rate": 1}))
    return live


def test_the_window_holds_the_last_seconds_and_late_parts_of_them() -> None:
    live = begun()
    for t in range(T, T + 40):
        live.add(second(t))
    live.add(second(T + 35, kind="amend", users={}, generators=[]))
    live.add(second(T + 2, kind="amend", users={}, generators=[]))
    window, seconds = live.window()
    assert (seconds, window.count, window.failures) == (WINDOW_S, 11 * 9, 11)
    merged: dict[int, int] = {}
    for t in [*range(T + 30, T + 40), T + 35]:
        for row in second(t)["requests"]:
            for bucket, count in zip(row[8], row[9], strict=True):
                merged[bucket] = merged.get(bucket, 0) + count
    assert window.buckets == merged
    assert live.whole().count == live.requests == 42 * 9
    now, total = live.endpoints()["GET", "/1"]
    assert (now.count, total.count, total.failures) == (11 * 5, 42 * 5, 42)
    assert (live.users, live.target_users, live.last_rps, live.elapsed_s) == (7, 7, 8, 40.0)


def test_it_stays_small_and_the_whole_is_merged_not_averaged() -> None:
    live = begun()
    hours = 3
    for t in range(T, T + 3600 * hours):
        live.add(second(t, names=1))
    rows = live.whole_rows()
    assert len(rows) <= MAX_BINS
    assert len(live.recent_rows()) == RECENT_S
    assert len({after.start - before.start for before, after in pairwise(rows)}) == 1
    assert sum(row.requests for row in rows) == 4 * 3600 * hours == live.requests
    assert {row.users for row in rows} == {7}
    first = rows[0]
    everything: dict[int, int] = {}
    for t in range(T, first.start + rows[1].start - first.start):
        row = second(t, names=1)["requests"][0]
        for bucket, count in zip(row[8], row[9], strict=True):
            everything[bucket] = everything.get(bucket, 0) + count
    p50, p95, p99 = to_histogram(everything).quantile([0.5, 0.95, 0.99])
    assert (first.p50_ms, first.p95_ms, first.p99_ms) == pytest.approx((p50, p95, p99))
    assert sum(bool(each.endpoints) for each in live._recent.values()) <= ENDPOINTS_S
    assert len(live.generators) <= 30


def test_phases_workers_and_what_is_to_be_told() -> None:
    live = LiveSeconds()
    assert (live.phase, live.elapsed_s, live.target_users) == ("waiting", 0.0, None)
    assert math.isnan(live.window()[0].error_ratio)
    live = begun()
    assert live.phase == "ramping"
    live.add(event(T + 1, "ramp_complete"))
    assert live.phase == "steady"
    live.add(event(T + 2, "worker_lost", "worker-2"))
    live.add(event(T + 2, "names_folded", "worker-1"))
    assert (live.workers, live.lost) == ({"worker-1"}, {"worker-2"})
    assert [text for _, text in live.warnings] == ["names_folded happened"]
    live.add(event(T + 3, "worker_returned", "worker-2"))
    assert live.lost == set()
    live.add(event(T + 4, "test_stopping"))
    assert live.phase == "stopping"
    live.add({"kind": "end", "time": T + 5})
    assert live.phase == "ended"


def test_regions_add_up_and_the_least_advanced_says_the_phase() -> None:
    live = LiveSeconds()
    for region in ("eu", "us"):
        live.add(event(T, "test_start", region=region))
        live.add(event(T, "stage", data={"users": 10}, region=region))
        live.add(event(T, "worker_joined", f"{region}/worker-1", region=region))
        live.add(second(T, region=region))
    live.add(event(T + 1, "ramp_complete", region="eu"))
    assert (live.phase, live.users, live.target_users) == ("ramping", 14, 20)
    assert live.recent_rows()[0].requests == live.requests == 18
    assert live.recent_rows()[0].users == 14
    live.add(event(T + 2, "region_lost", "us", region="us"))
    assert (live.phase, live.users, live.target_users) == ("steady", 7, 10)
    assert live.workers == {"eu/worker-1"}


def test_seconds_in_any_order_give_the_same_whole() -> None:
    records = [second(T + t, kind="amend") for t in range(500)]
    random.Random(1).shuffle(records)
    live = begun()
    live.add(second(T + 500))
    for record in records:
        live.add(record)
    assert live.requests == 501 * 9
    assert sum(row.requests for row in live.whole_rows()) == live.requests
