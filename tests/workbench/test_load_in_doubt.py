"""Generators that stall, go away and return, results never reported: the load is put right, or the run says so."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from locust_left import until

import loadlab
from loadlab.demo import Storefront

MakeTest = Callable[..., loadlab.LoadTest]

STALLING = """
import time
from locust import FastHttpUser, constant_throughput, task

class Stalling(FastHttpUser):
    wait_time = constant_throughput(20)
    tasks_done = 0

    @task
    def home(self):
        self.client.get("/")
        Stalling.tasks_done += 1
        if Stalling.tasks_done % 300 == 0:
            until = time.perf_counter() + 1.5
            while time.perf_counter() < until:
                pass
"""


def test_a_stall_of_more_than_a_second_weighs_in_validity(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    test = make_test(locustfile=locustfile(tmp_path, STALLING), users=5, workers=1, run_time=300)
    live = loadlab.start(test, runs=tmp_path / "runs")
    until(lambda: len(stalled(live.tables.frame("generators"))) >= 2)
    live.stop()
    run = live.wait()
    assert run.generators["requests"].sum() == run.requests["count"].sum()
    assert len(stalled(run.generators)) >= 2
    assert {each.name: each for each in run.validity.checks}["generator_lag"].status == "invalid"


def stalled(generators: pd.DataFrame) -> pd.DataFrame:
    """The seconds in which a worker stood still for so long, and requests ended all the same."""
    stalls = (generators["lag_ms"] > 1400) & (generators["worker"] != "master")
    return generators[stalls & (generators["requests"] > 0)]


HIDING = """
from locust import FastHttpUser, constant, task

class Hiding(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def hide(self):
        with self.client.get("/", catch_response=True):
            raise KeyError("total")
"""


def test_requests_that_the_locustfile_never_reports_invalidate(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    run = loadlab.run(make_test(locustfile=locustfile(tmp_path, HIDING), users=4), runs=tmp_path / "runs")
    assert run.conservation["unreported"] == run.conservation["sent"] == shop.counts()["total"]["received"]
    checked = {each.name: each for each in run.validity.checks}["conservation"]
    assert checked.status == "invalid"
    assert "never reported by the locustfile" in checked.text


def users_by_worker(live: loadlab.LiveRun) -> dict[str, int]:
    """What each worker ran in the last second."""
    generators = live.tables.frame("generators")
    last = generators[(generators["time"] == generators["time"].max()) & (generators["worker"] != "master")]
    return dict(zip(last["worker"].astype(str), last["users"].astype(int), strict=True))


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_returns_gives_up_the_users_that_others_took_over(
    make_test: MakeTest, shop: Storefront, tmp_path: Path, times: int
) -> None:
    live = loadlab.start(make_test(run_time=300), runs=tmp_path)
    try:
        until(lambda: users_by_worker(live) == {"worker-1": 5, "worker-2": 5})
        for _ in range(times):
            live.swarm.processes[2].signal(signal.SIGSTOP)
            until(lambda: users_by_worker(live) == {"worker-1": 10})
            live.swarm.processes[2].signal(signal.SIGCONT)
            until(lambda: users_by_worker(live) == {"worker-1": 5, "worker-2": 5})
    finally:
        live.swarm.processes[2].signal(signal.SIGCONT)
        live.stop()
        run = live.wait()
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0
    told = run.events[
        run.events["kind"].isin(["worker_lost", "worker_returned"]) & (run.events["object"] == "worker-2")
    ]
    assert len(told) >= 2 * times  # a busy machine may keep it from its work once more
    assert list(told["kind"]) == ["worker_lost", "worker_returned"] * (len(told) // 2)
    assert run.generators["requests"].sum() == run.requests["count"].sum()


def locustfile(folder: Path, source: str) -> Path:
    path = folder / "locustfile_under_test.py"
    path.write_text(source)
    return path
