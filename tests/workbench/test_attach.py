"""Picking up a run that goes on: beside the process that records it, and in its place when that has died."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from locust_left import locust_processes, until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import LaunchError, SpecError, StoreError
from loadlab.panel import read_status

MakeTest = Callable[..., loadlab.LoadTest]
Own = Callable[[loadlab.LoadTest], subprocess.Popen[str]]


def test_a_guest_sees_all_of_it_steers_it_and_gets_the_owners_archive(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=60))
    guest = loadlab.attach("latest", tmp_path / "runs")
    assert guest.is_guest
    until(lambda: guest.state == "steady" and guest.elapsed_s >= 3)
    assert guest.tables.hello is not None
    guest.note("  deployed build 42 ")
    guest.set_users(14)
    until(lambda: guest.status.users == 14)
    assert guest.status.target_users == 14
    guest.swarm.set_users(9, 20)  # as somebody else beside it does
    until(lambda: guest.target_users == 9)
    with pytest.raises(SpecError, match="users: got 0"):
        guest.set_users(0)
    for rate in ("x", True, float("inf"), 0):
        with pytest.raises(SpecError, match="spawn_rate: got"):
            guest.set_users(20, rate)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="text: got None"):
        guest.note(None)  # type: ignore[arg-type]

    def leave(live: loadlab.LiveRun) -> None:
        sys.exit(1)

    with pytest.raises(SystemExit):
        guest.wait(leave)
    before = guest.seconds.requests
    until(lambda: guest.seconds.requests > before)

    def stop_and_break(live: loadlab.LiveRun) -> None:
        live.stop()
        raise RuntimeError("a guest's progress bar broke")

    run = guest.wait(stop_and_break)
    out, _ = owner.communicate(timeout=120)
    received = shop.counts()["total"]["received"]
    assert json.loads(out) == {"reason": "stopped", "count": received}
    assert guest.state == "stopped"
    assert guest.status.requests == run.requests["count"].sum() == received
    notes = run.events.loc[run.events["kind"] == "note"]
    assert notes["text"].tolist() == ["deployed build 42"]
    first, last = run.requests["time"].min(), run.requests["time"].max()
    assert first < notes["time"].iloc[0] < last
    with pytest.raises(LaunchError):
        guest.set_users(5)
    with pytest.raises(LaunchError, match="the test is over"):
        guest.note("too late")
    assert f"{received:,} requests" in repr(guest)
    assert read_status(guest).rps == run.summary()["rps"].iloc[-1]


def test_who_attaches_after_the_owners_death_takes_its_place(
    make_test: MakeTest, own: Own, shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=60))
    early = loadlab.attach("latest", tmp_path / "runs")
    owner.kill()
    owner.wait()
    (folder,) = (tmp_path / "runs").glob("r*")
    with (folder / "journal.ndjson").open("ab") as journal:
        journal.write(b'{"seq": 99, "kind": "sec')  # torn, as by a power failure
    heir = loadlab.attach(folder.name[:12], tmp_path / "runs")
    late = loadlab.attach("latest", tmp_path / "runs")
    assert [live.is_guest for live in (early, heir, late)] == [True, False, True]
    seconds = heir.tables.last_second or 0
    until(lambda: (heir.tables.last_second or 0) >= seconds + 2)
    heir.set_users(4)
    heir.stop()
    runs = [live.wait() for live in (heir, early, late)]
    assert len({run.id for run in runs}) == 1
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert (run.info["status"], run.info["end_reason"]) == ("finished", "stopped")
    assert run.conservation["sent"] == shop.counts()["total"]["received"] == run.requests["count"].sum()
    assert run.conservation["lost"] == 0
    assert run.events["kind"].tolist().count("test_start") == 1
    assert heir.status.requests == run.requests["count"].sum()
    assert not locust_processes(tmp_path)
    assert not (folder / "swarm.json").exists()
    with pytest.raises(StoreError, match=rf"is over: loadlab.open_run\('{run.id}'\) opens it"):
        loadlab.attach(run.id, tmp_path / "runs")


def test_a_guest_that_kills_the_swarm_gets_the_owners_archive(
    make_test: MakeTest, own: Own, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = own(make_test(run_time=300, lease=60))
    guest = loadlab.attach("latest", tmp_path / "runs")
    until(lambda: guest.seconds.requests > 0)
    other = loadlab.start(make_test(run_time=1), runs=tmp_path / "runs").wait()
    (warning,) = other.events.loc[other.events["kind"] == "warning", "text"]
    assert warning == f"When this run started, run {guest.id} was loading the same host."
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "still loads the same host" in line]
    found = re.search(r"loadlab\.attach\('(.+)'\)", told)
    assert found
    assert loadlab.attach(found[1]).id == guest.id
    guest.kill()
    run = guest.wait()
    assert not run.events["text"].str.contains("the same host").any()
    out, _ = owner.communicate(timeout=120)
    assert json.loads(out) == {"reason": run.info["end_reason"], "count": run.requests["count"].sum()}
    assert guest.state not in ("None", "failed")
    assert repr(guest).startswith(f"LiveRun {run.id} ({guest.state}): ")
