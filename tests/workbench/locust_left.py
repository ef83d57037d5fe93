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


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for `condition`; the time only guards against hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(0.05)


def master_process(folder: Path) -> int:
    """The pid of the master among `locust_processes`."""
    return next(pid for pid in locust_processes(folder) if "--master" in psutil.Process(pid).cmdline())
