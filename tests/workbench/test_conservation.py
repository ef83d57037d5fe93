"""Requests in the archive = requests the target counted, exactly."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from locust_left import assert_sent, in_mid_second, until

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
    assert balance(run) == counts["total"]["received"] > 0
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
        assert balance(run) == server.count() > 0
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
    live = loadlab.start(make_test(workers=1, run_time=300), runs=tmp_path)
    run = add_worker_and_stop(live)
    assert balance(run) == shop.counts()["total"]["received"]
    assert (run.events["kind"] == "worker_joined").sum() == 2


def test_nginx_has_logged_what_a_late_and_a_killed_worker_sent(browse: Path, tmp_path: Path) -> None:
    from targets import nginx

    with nginx(tmp_path / "nginx") as server:
        test = loadlab.LoadTest(
            locustfile=browse, host=server.url, users=10, spawn_rate=20, run_time=300, workers=1, stop_timeout=2
        )
        late = add_worker_and_stop(loadlab.start(test, runs=tmp_path / "runs"))
        before = server.count()
        assert balance(late) == before
        killed = kill_worker_2_and_stop(loadlab.start(test.replace(workers=2), runs=tmp_path / "runs"))
        assert_sent(balance(killed), server.count() - before, killed=1)
    assert late.conservation["lost"] == late.conservation["unreported"] == 0
    assert killed.conservation["lost"] > 0


def add_worker_and_stop(live: loadlab.LiveRun) -> loadlab.Run:
    """Add worker-2 to a run under way, wait until it has made some load, and end the run."""
    until(lambda: live.tables.rows("requests") > 0)
    live.swarm.add_worker()
    until(lambda: requests_of(live.tables.frame("generators"), "worker-2") > 0)
    live.stop()
    return live.wait()


def kill_worker_2_and_stop(live: loadlab.LiveRun) -> loadlab.Run:
    """Kill worker-2 when it has made some load, wait until that is noticed, and end the run."""
    until(lambda: requests_of(live.tables.frame("generators"), "worker-2") > 0)
    in_mid_second()
    live.swarm.processes[2].signal(signal.SIGKILL)
    until(lambda: "worker-2" in objects(live.tables.frame("events"), "worker_lost"))
    live.stop()
    return live.wait()


def requests_of(generators: pd.DataFrame, worker: str) -> int:
    return int(generators.loc[generators["worker"] == worker, "requests"].sum())


def objects(events: pd.DataFrame, kind: str) -> list[str]:
    """What the events of this kind happened to."""
    return list(events.loc[events["kind"] == kind, "object"])


def test_what_a_killed_worker_took_with_it_is_reported_as_lost(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    run = kill_worker_2_and_stop(loadlab.start(make_test(workers=2, run_time=300, stop_timeout=2), runs=tmp_path))
    assert_sent(balance(run), shop.counts()["total"]["received"], killed=1)
    assert run.conservation["lost"] > 0
    lost = objects(run.events, "worker_lost")
    assert lost.count("worker-2") == 1
    for name in {"worker-1", "master"}:  # on a busy machine it may be missed for a while, and return
        assert lost.count(name) == objects(run.events, "worker_returned").count(name)
    assert run.validity.status == "invalid"
    assert any("worker-2" in reason for reason in run.validity.reasons)


def test_a_worker_that_leaves_in_good_order_loses_nothing(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(workers=2, run_time=300), runs=tmp_path)
    until(lambda: requests_of(live.tables.frame("generators"), "worker-2") > 0)
    in_mid_second()
    live.swarm.processes[2].signal(signal.SIGTERM)
    until(lambda: "worker-2" in objects(live.tables.frame("events"), "worker_left"))
    until(lambda: "worker-2" in live.swarm.lost_parts())
    received = shop.counts()["total"]["received"]
    until(lambda: shop.counts()["total"]["received"] > received)  # the load goes on with the other one
    live.stop()
    run = live.wait()
    assert balance(run) == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == run.conservation["unreported"] == 0
    assert objects(run.events, "worker_left").count("worker-2") == 1
    assert "worker-2" not in objects(run.events, "worker_lost")
    assert run.info["end_reason"] == "stopped"


def test_a_clock_that_is_30_s_ahead_lands_in_the_right_seconds(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(workers=1, run_time=300), runs=tmp_path)
    live.swarm.add_worker(LOADLAB_AGENT_CLOCK_SHIFT_S="30")
    until(lambda: workers_at_once(live.tables.frame("generators")) == 2)
    live.stop()
    run = live.wait()
    assert balance(run) == shop.counts()["total"]["received"]
    assert workers_at_once(run.generators) == 2
    events, second = run.events.set_index("kind")["time"], pd.Timedelta("1s")
    assert run.requests["time"].min() > events["test_start"] - 2 * second
    assert run.requests["time"].max() < events["test_stop"] + second
    offset = run.info["clock_offsets"]["worker-2"]  # in truth both clocks are this machine's
    assert offset["error_ms"] < 1000
    assert offset["offset_ms"] == pytest.approx(-30_000, abs=offset["error_ms"] + 5)
    assert any(re.search(r"worker-2 is (29|30|31)\.\d s ahead", text) for text in run.events["text"])


def workers_at_once(generators: pd.DataFrame) -> int:
    """The most workers that made load in one and the same second."""
    busy = generators[generators["requests"] > 0]
    return int(busy.groupby("time")["worker"].nunique().max()) if len(busy) else 0
