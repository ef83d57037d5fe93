"""Why a test has ended is told as it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from locust_left import locust_processes, until

import loadlab
from loadlab.demo import Storefront

MakeTest = Callable[..., loadlab.LoadTest]

STOPPING = """
import gevent
from locust import events
from locust.runners import MasterRunner

@events.spawning_complete.add_listener
def stop(user_count, **_):
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        gevent.spawn(runner.stop)

@events.init.add_listener
def keep(environment, **_):
    globals()["environment"] = environment
"""


def test_stages_that_the_locustfile_ends_early_are_cut_short(make_test: MakeTest, browse: Path, tmp_path: Path) -> None:
    browse.write_text(browse.read_text() + STOPPING)
    fields = make_test().to_dict() | {"stages": "2/20/300s"}
    for name in ("users", "spawn_rate", "run_time"):
        fields.pop(name)
    run = loadlab.run(loadlab.LoadTest.from_dict(fields), runs=tmp_path / "runs")
    assert run.info["end_reason"] == "locustfile"
    end = next(check for check in run.validity.checks if check.name == "end")
    assert end.status == "warning"
    assert "of 300 s: the locustfile ended it" in end.text


def test_a_test_that_ends_while_users_are_still_coming_stops_them(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    run = loadlab.run(make_test(users=60, spawn_rate=15), runs=tmp_path / "runs")
    assert run.info["end_reason"] == "run_time"
    assert list(run.events["kind"]).count("test_stopping") == 1
    assert "ramp_complete" not in set(run.events["kind"])
    assert run.conservation["sent"] == shop.counts()["total"]["received"] > 0
    assert run.conservation["lost"] == 0


LAUNCHER = """
import json, os, signal, sys
from pathlib import Path
import loadlab
from loadlab.launch import LocalLauncher
LocalLauncher().launch(loadlab.LoadTest.from_dict(json.loads(sys.argv[1])), run_id="r1", folder=Path(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_swarm_without_a_lease_that_nobody_starts_ends(make_test: MakeTest, browse: Path, tmp_path: Path) -> None:
    browse.write_text(browse.read_text() + "\nimport loadlab.agent.master as master\nmaster.UNSTARTED_S = 1.0\n")
    test = json.dumps(make_test(lease=None).to_dict())
    words = [sys.executable, "-c", LAUNCHER, test, str(tmp_path / "run")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    until(lambda: not locust_processes(tmp_path))
