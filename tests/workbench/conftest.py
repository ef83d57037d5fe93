"""Real Locust runs against real targets; every test leaves no process behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from locust_left import locust_processes, until

import loadlab
from loadlab.demo import Storefront

BROWSE = """
from locust import FastHttpUser, HttpUser, constant, task

class Fast(FastHttpUser):
    wait_time = constant(0.02)

    @task(3)
    def home(self):
        self.client.get("/")

    @task
    def missing(self):
        self.client.get("/missing")

class Slow(HttpUser):
    wait_time = constant(0.02)

    @task
    def cart(self):
        self.client.get("/cart")
"""


@pytest.fixture
def browse(tmp_path: Path) -> Path:
    path = tmp_path / "browse.py"
    path.write_text(BROWSE)
    return path


@pytest.fixture
def shop() -> Iterator[Storefront]:
    with Storefront(service_time=0.002, concurrency=64) as shop:
        yield shop


@pytest.fixture
def make_test(browse: Path, shop: Storefront) -> Callable[..., loadlab.LoadTest]:
    """A LoadTest of ten users for two seconds against the shop, with changes."""

    def make(**changes: Any) -> loadlab.LoadTest:
        fields = {"locustfile": browse, "host": shop.url, "users": 10, "spawn_rate": 20, "run_time": 2, "workers": 2}
        return loadlab.LoadTest(**{**fields, **changes})

    return make


OWNER = """
import json, sys
import loadlab
run = loadlab.run(loadlab.LoadTest.from_dict(json.loads(sys.argv[1])), runs=sys.argv[2])
print(json.dumps({"reason": run.info["end_reason"], "count": int(run.requests["count"].sum())}))
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[loadlab.LoadTest], subprocess.Popen[str]]]:
    """Starts a Python process that runs a test, as a notebook's kernel does."""
    owners = []

    def start(test: loadlab.LoadTest) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OWNER, json.dumps(test.to_dict()), str(tmp_path / "runs")]
        owner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        owners.append(owner)
        until(lambda: owner.poll() is not None or seconds_recorded(tmp_path / "runs") >= 2)
        assert owner.poll() is None, owner.communicate()[1]
        return owner

    yield start
    for owner in owners:
        if owner.poll() is None:
            owner.kill()
        owner.communicate()


def seconds_recorded(runs: Path) -> int:
    return sum(journal.read_bytes().count(b'"kind":"second"') for journal in runs.glob("r*/journal.ndjson"))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """No Locust process may outlive its test."""
    yield
    deadline = time.monotonic() + 20
    while (left := locust_processes(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"Locust processes are left: {left}"
