"""The process: it comes up or says why not, and it always ends."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from raw_client import ask, wait_for

from loadlab.demo import Storefront
from loadlab.errors import LaunchError, SpecError

PARENT = """
import time
from loadlab.demo import Storefront
with Storefront(service_time=0) as shop:
    print(shop.pid, shop.url, flush=True)
    time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_module(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadlab.demo", *options]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_it_ends_with_the_block() -> None:
    with Storefront() as shop:
        pid = shop.pid
        assert os.getsid(pid) == pid
        assert shop.url.startswith("http://127.0.0.1:")
        assert shop.config()["pid"] == pid
        with pytest.raises(LaunchError, match="running already"):
            shop.start()
        assert is_running(pid)
    assert not is_running(pid)
    shop.close()
    with pytest.raises(LaunchError, match="not running"):
        shop.counts()


def test_it_ends_with_an_exception_in_the_block() -> None:
    pids = []

    def fail() -> None:
        with Storefront(service_time=30) as shop:
            pids.append(shop.pid)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not is_running(pids[0])


def test_one_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadlab.demo.storefront.STOP_TIMEOUT_S", 0.2)
    with Storefront() as shop:
        pid = shop.pid
        os.kill(pid, signal.SIGSTOP)
    assert not is_running(pid)


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        assert select.select([parent.stdout], [], [], 90)[0]
        pid, url = parent.stdout.readline().split()
        assert ask(url, "/").status == 200
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    wait_for(lambda: not is_running(int(pid)), "the end of the storefront")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "loadlab.demo"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 90)[0]
            ready = json.loads(process.stdout.readline())
            assert ready["pid"] == process.pid
            assert ask(ready["url"], "/").status == 200
            process.send_signal(number)
            assert process.wait(90) == 0
        finally:
            process.kill()


def test_a_port_that_is_taken() -> None:
    with Storefront() as shop:
        port = int(shop.url.rpartition(":")[2])
        with pytest.raises(LaunchError, match=rf"cannot listen on 127.0.0.1:{port}"), Storefront(port=port):
            pass


def test_a_storefront_that_was_killed_does_not_answer() -> None:
    with Storefront() as shop:
        os.kill(shop.pid, signal.SIGKILL)
        wait_for(lambda: not is_running(shop.pid), "its end")
        with pytest.raises(LaunchError, match="does not answer"):
            shop.counts()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"concurrency": 0}, "concurrency: got 0"),
        ({"concurrency": 1.5}, "concurrency: got 1.5"),
        ({"service_time": -1}, "service_time: got -1"),
        ({"service_time": float("nan")}, "service_time: got nan"),
        ({"distribution": "exponental"}, "Did you mean 'exponential'"),
        ({"sigma": 9}, "sigma: got 9"),
        ({"factors": {"GET /serach": 2}}, "Did you mean 'GET /search'"),
        ({"factors": {"GET /search": -2}}, "factors[GET /search]: got -2"),
        ({"queue_limit": -1}, "queue_limit: got -1"),
        ({"seed": "x"}, "seed: got 'x'"),
        ({"port": 70000}, "port: got 70000"),
    ],
)
def test_wrong_settings_are_refused_before_anything_starts(settings: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        Storefront(**settings)  # type: ignore[arg-type]
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--concurrency", "0"], "concurrency: got 0"),
        (["--port", "99999"], "port: got 99999"),
        (["--factor", "GET /search"], "factor: got 'GET /search'"),
        (["--faults", "{"], "faults: got '{'"),
        (["--faults", "[]"], "faults: got '[]'"),
        (["--faults", '{"pauses": 1}'], "unknown fault 'pauses'"),
        (["--distribution", "normal"], "unknown distribution 'normal'"),
    ],
)
def test_wrong_options_are_named(options: list[str], words: str) -> None:
    finished = run_module(*options)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def test_help_shows_how() -> None:
    finished = run_module("--help")
    assert finished.returncode == 0
    for words in ("concurrency / mean service time", "/_demo/faults", "examples:", "GET /products/{id}"):
        assert words in finished.stdout


def test_options_and_settings_are_the_same(tmp_path: Path) -> None:
    factors = {"GET /search": 2.5, "POST /checkout": 0.1}
    faults = {"drops": {"*": 0.001}, "pause_s": 1.0, "pause_every_s": 10.0}
    with Storefront(
        concurrency=3,
        service_time=0.1234567890123,
        distribution="lognormal",
        sigma=0.7,
        factors=factors,
        queue_limit=7,
        seed=12,
        faults=faults,
    ) as shop:
        config = shop.config()
    assert config["settings"] == shop.settings.to_dict()
    assert {name: config["faults"][name] for name in faults} == faults
