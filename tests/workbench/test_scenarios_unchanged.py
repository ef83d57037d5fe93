"""Locustfiles as people write them run under loadlab as they are, and loadlab counts what Locust counts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from locust_left import until

import loadlab
from loadlab.demo import Storefront

FOLDER = Path(__file__).parents[1] / "scenarios"
SCENARIOS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if not path.name.startswith("test_") and "User" in path.read_text() and path.stem != "shop_pages"
)

OPTIONS = {"custom_arguments": ["--product", "17"]}
"""Options that a scenario defines itself; without them it takes its own defaults."""

ON_TWO_WORKERS = {"custom_arguments", "http_user", "load_shape", "task_sets"}
"""One worker is enough for the others: what one has counted does not depend on the other."""

Runs = dict[str, Future[loadlab.Run]]

ONE_TO_ONE = {
    "catch_response",
    "custom_arguments",
    "fast_http_user",
    "http_user",
    "imports_helper",
    "listeners",
    "load_shape",
    "paced",
    "parallel_requests",
    "raising",
    "redirects",
    "renamed",
    "tags_and_weights",
    "task_sets",
}
"""The scenarios that send nothing but HTTP requests by Locust's own clients, redirects included."""


def count_of_locust(live: loadlab.LiveRun) -> int:
    """What Locust's own statistics hold by now; its workers report to them every three seconds."""
    headers = {"Authorization": f"Bearer {live.swarm.token}"}
    stats = requests.get(f"{live.swarm.url}/stats/requests", headers=headers, timeout=60).json()["stats"]
    return int(next(row["num_requests"] for row in stats if row["name"] == "Aggregated"))


def record(name: str, runs: Path) -> loadlab.Run:
    """The run of a scenario, once loadlab and Locust agree on the number of requests."""
    with Storefront(service_time=0.002, concurrency=32) as shop:
        test = loadlab.LoadTest(
            locustfile=FOLDER / f"{name}.py",
            host=shop.url,
            users=4,
            spawn_rate=20,
            run_time=2,
            workers=2 if name in ON_TWO_WORKERS else 1,
            locust_options=OPTIONS.get(name, ()),
        )
        live = loadlab.start(test, runs=runs)
        close = live.swarm.close

        def compare_and_close() -> None:
            try:
                until(lambda: count_of_locust(live) == live.tables.frame("requests")["count"].sum())
            finally:
                close()

        live.swarm.close = compare_and_close  # type: ignore[method-assign] # the last moment that Locust can be asked
        run = live.wait()
        if name in ONE_TO_ONE:
            assert run.conservation["sent"] + run.info["repeated"] == shop.counts()["total"]["received"]
        return run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All scenarios, three at a time."""
    folder = tmp_path_factory.mktemp("scenarios")
    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(record, name, folder / name) for name in SCENARIOS}


def test_there_are_at_least_ten() -> None:
    assert len(SCENARIOS) >= 10


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_archive_holds_what_locust_counted(recorded: Runs, name: str) -> None:
    run = recorded[name].result()
    assert run.requests["count"].sum() > 0
    assert run.conservation["lost"] == 0
    assert run.conservation["sent"] == sum(count for key, count in run.conservation.items() if key != "sent")
    assert "Uncaught exception in event handler" not in (run.path / "logs" / "worker-1.log").read_text()


def test_options_that_the_locustfile_defines_reach_its_users(recorded: Runs) -> None:
    run = recorded["custom_arguments"].result()
    assert set(run.requests["name"]) == {"/products/17"}
    assert "looking at product 17" in (run.path / "logs" / "worker-2.log").read_text()


def test_exceptions_in_tasks_are_in_the_error_table(recorded: Runs) -> None:
    run = recorded["raising"].result()
    assert "task exception" in set(run.errors["kind"])
    assert run.errors.loc[run.errors["kind"] != "task exception", "count"].sum() == run.requests["failures"].sum()


def test_a_load_shape_of_the_locustfile_decides(recorded: Runs) -> None:
    run = recorded["load_shape"].result()
    assert run.info["end_reason"] == "shape_done"
    assert len(run.stages()) > 1
    assert any("load shape" in text for text in run.events["text"])


def test_redirects_that_the_client_followed_are_told(recorded: Runs) -> None:
    assert recorded["redirects"].result().info["repeated"] > 0
    assert recorded["http_user"].result().info["repeated"] == 0


def test_checks_of_the_locustfile_are_failures(recorded: Runs) -> None:
    run = recorded["catch_response"].result()
    assert "check failed" in set(run.errors["kind"])
