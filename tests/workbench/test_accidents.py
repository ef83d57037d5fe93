"""Kill the reader, the master, a worker, fill the disk: what was measured is kept, the run says so, nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from locust_left import assert_sent, in_mid_second, locust_processes, master_process, until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import StoreError
from loadlab.stream.journal import RESERVE_BYTES

MakeTest = Callable[..., loadlab.LoadTest]


def test_a_killed_owner_loses_nothing_and_the_load_stops_by_itself(
    make_test: MakeTest, own: Callable[[loadlab.LoadTest], subprocess.Popen[str]], shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=8, stop_timeout=2))
    assert len(locust_processes(tmp_path)) == 3
    owner.kill()
    owner.wait()
    with pytest.raises(StoreError, match="still going on"):
        loadlab.open_run("latest", tmp_path / "runs")
    until(lambda: not locust_processes(tmp_path))
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.info["status"] == "recovered"
    assert run.info["end_reason"] == "lease_expired"
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.requests["count"].sum() + run.conservation["in_flight"] == run.conservation["sent"]
    assert "lease_expired" in set(run.events["kind"])
    assert loadlab.open_run("latest", tmp_path / "runs").requests.equals(run.requests)


def test_one_interrupt_keeps_a_partial_run(
    make_test: MakeTest, own: Callable[[loadlab.LoadTest], subprocess.Popen[str]], shop: Storefront
) -> None:
    owner = own(make_test(run_time=300))
    owner.send_signal(signal.SIGINT)
    out, err = owner.communicate(timeout=120)
    assert "interrupt again to kill" in err
    assert json.loads(out) == {"reason": "interrupted", "count": shop.counts()["total"]["received"]}


def test_two_interrupts_kill_and_still_keep_what_was_measured(
    make_test: MakeTest, own: Callable[[loadlab.LoadTest], subprocess.Popen[str]]
) -> None:
    with Storefront(service_time=30, concurrency=64) as stuck:
        owner = own(make_test(host=stuck.url, run_time=300, stop_timeout=60))
        owner.send_signal(signal.SIGINT)
        assert "interrupt again" in owner.stderr.readline()  # type: ignore[union-attr]
        owner.send_signal(signal.SIGINT)
        out, err = owner.communicate(timeout=120)
    assert "killed" in err
    assert json.loads(out)["reason"] == "interrupted"


def test_owner_and_master_killed_together_leave_a_run_that_knows_what_is_lost(
    make_test: MakeTest, own: Callable[[loadlab.LoadTest], subprocess.Popen[str]], shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=60, stop_timeout=2))
    owner.kill()
    owner.wait()
    for pid in locust_processes(tmp_path):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not locust_processes(tmp_path))
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.info["end_reason"] == "recorder_lost"
    assert_sent(run.conservation["sent"], shop.counts()["total"]["received"], killed=2)
    assert run.conservation["lost"] == run.conservation["sent"] - run.requests["count"].sum()
    assert not (run.path / "counters").exists()


def test_workers_without_master_and_owner_end_by_themselves(
    make_test: MakeTest, own: Callable[[loadlab.LoadTest], subprocess.Popen[str]], shop: Storefront, tmp_path: Path
) -> None:
    owner = own(make_test(run_time=300, lease=8, stop_timeout=1))
    (folder,) = (tmp_path / "runs").glob("r*")
    owner.kill()
    owner.wait()
    master = master_process(tmp_path)
    os.kill(master, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(master))
    received = shop.counts()["total"]["received"]
    until(lambda: shop.counts()["total"]["received"] > received)  # they know nothing yet
    until(lambda: not locust_processes(tmp_path))
    for name in ("worker-1", "worker-2"):
        assert "this worker stops itself" in (folder / "logs" / f"{name}.log").read_text()
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.info["end_reason"] == "recorder_lost"
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert 0 < run.conservation["lost"] == run.conservation["sent"] - run.requests["count"].sum()


def test_a_callback_that_raises_ends_no_run(
    make_test: MakeTest, shop: Storefront, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[float] = []

    def broken(live: loadlab.LiveRun) -> None:
        calls.append(live.elapsed_s)
        raise RuntimeError("the progress bar broke")

    run = loadlab.run(make_test(run_time=2), runs=tmp_path, progress=broken)
    told = [line for line in capsys.readouterr().err.splitlines() if "progress bar broke" in line]
    assert len(calls) == len(told) == 1
    assert told[0].startswith("progress is not called any more, the run goes on: RuntimeError: ")
    assert f"{__file__}, line " in told[0]
    assert (run.info["end_reason"], run.info["status"]) == ("run_time", "finished")
    assert run.requests["count"].sum() == shop.counts()["total"]["received"]


def test_a_callback_that_exits_costs_no_measurement(make_test: MakeTest, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        loadlab.run(make_test(run_time=300), runs=tmp_path, progress=lambda live: sys.exit(1))
    run = loadlab.open_run("latest", tmp_path)
    assert run.info["status"] == "finished"


def test_a_run_that_nobody_waits_for_is_archived_all_the_same(make_test: MakeTest, tmp_path: Path) -> None:
    live = loadlab.start(make_test(run_time=1), runs=tmp_path)
    until(lambda: live.state == "finished")
    assert not locust_processes(tmp_path)
    run = live.wait()
    assert run.info["status"] == "finished"
    assert run.info["end_reason"] == "run_time"
    assert "lease_expired" not in set(run.events["kind"])


def test_a_killed_master_ends_the_run_and_keeps_what_was_read(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(run_time=300), runs=tmp_path)
    until(lambda: live.tables.rows("requests") > 6)
    live.swarm.master.signal(signal.SIGKILL)
    run = live.wait()
    assert run.info["end_reason"] == "master_lost"
    assert "master_lost" in set(run.events["kind"])
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert 0 < run.requests["count"].sum() < run.conservation["sent"]
    assert run.validity.status == "invalid"


def test_a_test_that_was_cut_short_says_so(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    def start(folder: str) -> loadlab.LiveRun:
        return loadlab.start(make_test(run_time=300, workers=1), runs=tmp_path / folder)

    terminated, killed, stopped = lives = [start(name) for name in ("terminated", "killed", "stopped")]
    until(lambda: all(live.tables.rows("requests") > 9 for live in lives))
    os.kill(terminated.swarm.master.pid, signal.SIGTERM)
    killed.kill()
    stopped.stop()
    runs = {live.path.parent.name: live.wait() for live in lives}
    ends = {name: next(check for check in run.validity.checks if check.name == "end") for name, run in runs.items()}
    assert {name: run.info["end_reason"] for name, run in runs.items()} == {
        "terminated": "quit",
        "killed": "killed",
        "stopped": "stopped",
    }
    assert {name: end.status for name, end in ends.items()} == {
        "terminated": "warning",
        "killed": "warning",
        "stopped": "ok",
    }
    assert all("of 300 s" in end.text for end in ends.values())
    assert "Locust was told to quit" in runs["terminated"].summary_json["validity"]["reasons"][-1]


def test_all_workers_killed_ends_the_run(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    live = loadlab.start(make_test(run_time=300), runs=tmp_path)
    until(lambda: live.tables.rows("requests") > 6)
    in_mid_second()
    for worker in live.swarm.processes[1:]:
        worker.signal(signal.SIGKILL)
    run = live.wait()
    assert run.info["end_reason"] == "workers_lost"
    assert_sent(run.conservation["sent"], shop.counts()["total"]["received"], killed=2)
    assert run.conservation["lost"] > 0


def test_a_full_disk_stops_the_test_and_keeps_everything(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    try:
        live = loadlab.start(make_test(run_time=300), runs=disk)
        until(lambda: live.tables.rows("requests") > 6)
        filler = disk / "filler"
        fill(filler)
        before = int(live.tables.frame("requests")["count"].sum())
        until(lambda: "journal_failed" in set(live.tables.frame("events")["kind"]))
        os.truncate(filler, filler.stat().st_size // 2)  # the journal's reserve holds the archive of a short run only
        run = live.wait()
        assert run.info["end_reason"] == "stopped"
        assert "journal_failed" in set(run.events["kind"])
        assert any("journal" in reason for reason in run.validity.reasons)
        assert run.requests["count"].sum() >= before > 0
        assert run.conservation["sent"] == shop.counts()["total"]["received"]
        assert loadlab.open_run("latest", disk).requests.equals(run.requests)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(path: Path) -> None:
    """Write to `path` until its disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


NAMES = """
import base64, os
from locust import FastHttpUser, task

class Many(FastHttpUser):
    made = 0

    def wait_time(self):
        return 0.04 if self.made > 200 else 0.002  # two users are quickly through most of the names that are wanted

    @task
    def home(self):
        self.made += 1
        self.client.get("/", name=base64.b64encode(os.urandom(360)).decode())
"""


@pytest.mark.parametrize(
    ("reserve", "archived", "lost"), [(RESERVE_BYTES, True, False), (160_000, False, False), (24_000, False, True)]
)
def test_a_full_disk_costs_only_what_has_no_room_at_all(
    make_test: MakeTest,
    browse: Path,
    shop: Storefront,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reserve: int,
    archived: bool,
    lost: bool,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    monkeypatch.setattr("loadlab.stream.journal.RESERVE_BYTES", reserve)
    monkeypatch.setattr("loadlab.stream.journal.LEAST_RESERVE_BYTES", reserve)
    browse.write_text(NAMES)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=True)
    try:
        live = loadlab.start(make_test(run_time=300, users=2), runs=disk)
        until(lambda: live.tables.rows("requests") > 500)
        filler = disk / "filler"
        filler.write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
        if archived:
            live.wait()
        else:
            with pytest.raises(StoreError, match="when there is room, open run") as raised:
                live.wait()
            assert ("are lost with this process" in str(raised.value)) is lost
        filler.unlink()
        run = loadlab.open_run("latest", disk)
        assert run.info["status"] == ("finished" if archived else "recovered")
        assert run.info["end_reason"] == "stopped"
        assert "journal_failed" in set(run.events["kind"])
        assert archived or any("could not write the archive" in reason for reason in run.validity.reasons)
        assert run.conservation["sent"] == shop.counts()["total"]["received"]
        assert (run.conservation["lost"] > 0) is lost
        assert not list(run.path.glob("journal*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_worker_cut_off_for_a_while_delivers_late_and_loses_nothing(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(make_test(run_time=300), runs=tmp_path)
    until(lambda: live.tables.rows("requests") > 4)
    os.kill(live.swarm.master.pid, signal.SIGSTOP)
    seen = shop.counts()["total"]["received"]
    until(lambda: shop.counts()["total"]["received"] > seen + 200)
    os.kill(live.swarm.master.pid, signal.SIGCONT)
    rows = live.tables.rows("requests")
    until(lambda: live.tables.rows("requests") > rows + 6)
    live.stop()
    run = live.wait()
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0
