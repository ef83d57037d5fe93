"""Requests in the archive = requests the target counted, exactly."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from locust_left import until

import loadlab
from loadlab.demo import Storefront

MakeTest = Callable[..., loadlab.LoadTest]


def balance(run: loadlab.Run) -> int:
    """What the run says it sent; the parts have to add up to it."""
    parts = run.conservation
    assert parts["sent"] == sum(count for name, count in parts.items() if name != "sent")
    assert parts["ok"] + parts["failed"] == run.requests["count"].sum() == run.summary()["count"].iloc[-1]
    assert parts["failed"] == run.requests["failures"].sum() == run.errors["count"].sum()
    return parts["sent"]


@pytest.mark.parametrize("workers", [0, 1, 2, 4])
def test_the_shop_has_seen_what_the_archive_holds(
    make_test: MakeTest, shop: Storefront, tmp_path: Path, workers: int
) -> None:
    run = loadlab.run(make_test(workers=workers), runs=tmp_path)
    counts = shop.counts()
    assert balance(run) == counts["total"]["received"] > 100
    by_name = run.summary().set_index(["request_type", "name"])["count"]
    assert by_name["GET", "/cart"] == counts["routes"]["GET /cart"]["received"]
    assert run.conservation["lost"] == run.conservation["unreported"] == 0
    assert run.info["end_reason"] == "run_time"
    assert run.info["status"] == "finished"


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_nginx_has_logged_what_the_archive_holds(browse: Path, tmp_path: Path, workers: int) -> None:
    from targets import nginx

    with nginx(tmp_path / "nginx") as server:
        test = loadlab.LoadTest(
            locustfile=browse, host=server.url, users=10, spawn_rate=20, run_time=3, workers=workers
        )
        run = loadlab.run(test, runs=tmp_path / "runs")
        assert balance(run) == server.count() > 100
        ids = {request["request_id"] for request in server.requests()}
    assert len(ids) == balance(run)
    assert set(run.exemplars["request_id"]) <= ids


def test_users_stopped_in_mid_request_are_in_flight(make_test: MakeTest, tmp_path: Path) -> None:
    with Storefront(service_time=1.0, concurrency=64) as slow:
        run = loadlab.run(make_test(host=slow.url, stop_timeout=0, run_time=2), runs=tmp_path)
        assert balance(run) == slow.counts()["total"]["received"]
    assert run.conservation["in_flight"] > 0


def test_requests_tried_again_behind_our_back_are_told(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    shop.set_faults(drops={"*": 0.1})
    run = loadlab.run(make_test(), runs=tmp_path)
    assert balance(run) + run.info["repeated"] == shop.counts()["total"]["received"]
    assert run.info["repeated"] > 0


def test_a_worker_that_joins_late_is_counted(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    live = loadlab.start(make_test(workers=1, run_time=6), runs=tmp_path)
    until(lambda: live.tables.rows("requests") > 0)
    live.swarm.add_worker()
    run = live.wait()
    assert balance(run) == shop.counts()["total"]["received"]
    late = run.generators[run.generators["worker"] == "worker-2"]
    assert late["requests"].sum() > 0
    assert (run.events["kind"] == "worker_joined").sum() == 2


def test_what_a_killed_worker_took_with_it_is_reported_as_lost(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(workers=2, run_time=8), runs=tmp_path)
    until(lambda: live.tables.rows("requests") > 6)
    live.swarm.processes[2].signal(signal.SIGKILL)
    run = live.wait()
    assert balance(run) == shop.counts()["total"]["received"]
    assert run.conservation["lost"] > 0
    assert list(run.events.loc[run.events["kind"] == "worker_lost", "object"]) == ["worker-2"]
    assert run.validity.status == "invalid"
    assert any("worker-2" in reason for reason in run.validity.reasons)


def test_a_clock_that_is_30_s_ahead_lands_in_the_right_seconds(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(workers=1, run_time=6), runs=tmp_path)
    live.swarm.add_worker(LOADLAB_AGENT_CLOCK_SHIFT_S="30")
    run = live.wait()
    assert balance(run) == shop.counts()["total"]["received"]
    span = run.requests["time"].max() - run.requests["time"].min()
    assert span.total_seconds() <= 9
    both = run.generators[run.generators["requests"] > 0].groupby("time")["worker"].nunique()
    assert both.max() == 2
    assert run.info["clock_offsets"]["worker-2"]["offset_ms"] == pytest.approx(-30_000, abs=100)
    assert any("30.0 s ahead" in text for text in run.events["text"])
