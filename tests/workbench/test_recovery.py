"""Opening a run whose recorder has died: never before its swarm has ended, and then with everything that is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from locust_left import locust_processes, master_process, until

import loadlab
from loadlab import schema
from loadlab.demo import Storefront
from loadlab.errors import StoreError
from loadlab.launch.master_api import look_at

MakeTest = Callable[..., loadlab.LoadTest]
Own = Callable[[loadlab.LoadTest], subprocess.Popen[str]]


def kill(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.wait()


def status(runs: Path) -> dict[str, Any] | None:
    return look_at(**json.loads(next(runs.glob("r*/swarm.json")).read_text()))


def opened(runs: Path) -> loadlab.Run | None:
    """The latest run, or None while its swarm is there."""
    try:
        return loadlab.open_run("latest", runs)
    except StoreError:
        return None


def test_workers_that_still_load_keep_their_run_closed(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=8, stop_timeout=1))
    kill(owner)
    os.kill(master_process(tmp_path), signal.SIGKILL)
    with pytest.raises(StoreError, match="worker-1, worker-2 have not ended yet; workers stop by themselves 9 s after"):
        loadlab.open_run("latest", tmp_path / "runs")
    until(lambda: not locust_processes(tmp_path))
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == run.conservation["sent"] - run.requests["count"].sum() > 0


def test_asking_again_and_again_does_not_keep_the_load_alive(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    kill(own(make_test(run_time=300, lease=8, stop_timeout=1, criteria="error_ratio < 1%")))
    with pytest.raises(StoreError, match="still going on; it stops by itself when nobody has read it for 8 s"):
        loadlab.open_run("latest", tmp_path / "runs")
    until(lambda: opened(tmp_path / "runs") is not None)
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.info["end_reason"] == "lease_expired"
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0
    assert run.info["verdict"] == run.summary_json["verdict"] == run.verdict.to_dict()
    assert [each.criterion for each in run.verdict.results] == ["error_ratio < 1%"]


def test_without_a_lease_a_swarm_that_nobody_reads_ends_after_its_test(
    make_test: MakeTest, own: Own, shop: Storefront, browse: Path, tmp_path: Path
) -> None:
    browse.write_text(browse.read_text() + "\nimport loadlab.agent.master as master\nmaster.IDLE_S = 1.0\n")
    kill(own(make_test(run_time=10, lease=None)))
    with pytest.raises(StoreError, match="stops by itself when its 10 s are over, for it has no lease"):
        loadlab.open_run("latest", tmp_path / "runs")
    until(lambda: not locust_processes(tmp_path))
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.info["end_reason"] == "run_time"
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0


KILLED_WHILE_ARCHIVING = """
import json, os, signal, sys
import loadlab
from loadlab.store import parquet
write = parquet.write_parquet
def write_half(path, table, data):
    write(path, table, data)
    if table == "users":
        path.write_bytes(path.read_bytes()[:-9])
        os.kill(os.getpid(), signal.SIGKILL)
parquet.write_parquet = write_half
loadlab.run(loadlab.LoadTest.from_dict(json.loads(sys.argv[1])), runs=sys.argv[2])
"""


def test_a_recorder_killed_while_it_archives_leaves_no_trace(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", KILLED_WHILE_ARCHIVING, json.dumps(make_test().to_dict()), str(tmp_path / "runs")]
    assert subprocess.run(words, timeout=120, check=False).returncode == -signal.SIGKILL
    left = next((tmp_path / "runs").glob("r*"))
    assert {path.name.split(".")[1] for path in left.glob(".*.tmp")} == {"requests", "errors", "users"}
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert (run.info["status"], run.info["end_reason"]) == ("recovered", "run_time")
    assert run.conservation["sent"] == shop.counts()["total"]["received"] == run.requests["count"].sum()
    tables = {f"{table}.parquet" for table in schema.TABLES}
    assert {path.name for path in left.iterdir()} == {"run.json", "summary.json", "logs", *tables}


def test_a_recorder_killed_after_an_interrupt_leaves_an_interrupted_run(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    """As a container is ended: asked first, and killed when it takes too long."""
    owner = own(make_test(run_time=300, lease=8, stop_timeout=2, criteria=["p50 < 1m"]))
    owner.send_signal(signal.SIGINT)
    assert "interrupt again" in owner.stderr.readline()  # type: ignore[union-attr]
    kill(owner)
    until(lambda: opened(tmp_path / "runs") is not None)
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert (run.info["status"], run.info["end_reason"]) == ("recovered", "interrupted")
    assert "interrupted" in set(run.events["kind"])
    assert {check.name: check.status for check in run.validity.checks}["interrupted"] == "warning"
    assert run.verdict.status == "invalid"


def test_an_owner_that_was_suspended_for_longer_than_the_lease_finds_everything(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=5, stop_timeout=1))
    owner.send_signal(signal.SIGSTOP)
    until(lambda: not locust_processes(tmp_path))
    owner.send_signal(signal.SIGCONT)
    out, _ = owner.communicate(timeout=120)
    received = shop.counts()["total"]["received"]
    assert json.loads(out) == {"reason": "lease_expired", "count": received}
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert "master_lost" not in set(run.events["kind"])
    assert (run.conservation["sent"], run.conservation["lost"]) == (received, 0)
    assert any("stopped itself" in reason for reason in run.validity.reasons)


def test_a_swarm_whose_test_is_over_is_ended_and_gives_what_nobody_has_read(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    kill(own(make_test(run_time=10, lease=300)))
    until(lambda: (status(tmp_path / "runs") or {}).get("ended", False))
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert not locust_processes(tmp_path)
    assert (run.info["status"], run.info["end_reason"]) == ("recovered", "run_time")
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0
