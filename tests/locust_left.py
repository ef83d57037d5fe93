"""Which Locust processes are there, and waiting for something to happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil


def locust_processes(folder: Path) -> list[int]:
    """The pids of the Locust processes that loadlab has started with a locustfile below `folder`."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = process.info["cmdline"] or []
        ours = any(word.startswith(str(folder)) and word.endswith("loadlab_agent.py") for word in words)
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["pid"])
    return found


def until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait for `condition`; the time only guards against hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(0.05)


def in_mid_second() -> None:
    """Wait for a moment at which a worker has measured something that it has not reported yet.

    Workers report each second of the master's clock, which is this machine's, when it is over.
    """
    until(lambda: 0.5 < time.time() % 1 < 0.9)


def assert_sent(sent: int, received: int, *, killed: int) -> None:
    """Every request that was received was counted when it left; each killed worker may have been about to send one."""
    assert received <= sent <= received + killed


def master_process(folder: Path) -> int:
    """The pid of the master among `locust_processes`."""
    return next(pid for pid in locust_processes(folder) if "--master" in psutil.Process(pid).cmdline())
