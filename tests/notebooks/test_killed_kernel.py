"""The notebook load_test in batch, with its kernel killed in the middle of the run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
from targets import storefront

import loadlab
from loadlab.errors import ReportError
from loadlab.report import run_notebook

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "storefront.py"
LOAD = {"users": 20, "spawn_rate": 20, "run_time": "10m", "locust_options": "--think-time 0.05", "lease": "5s"}


def test_a_killed_kernel_is_a_failure_and_the_measured_part_is_kept(tmp_path: Path) -> None:
    failures: list[str] = []
    runs, locustfile = tmp_path / "runs", tmp_path / "storefront.py"
    shutil.copy(LOCUSTFILE, locustfile)
    with storefront() as shop:
        parameters = {"locustfile": str(locustfile), "host": shop.url, "runs": str(runs), **LOAD}

        def work() -> None:
            try:
                run_notebook("load_test", parameters, output_dir=tmp_path)
            except ReportError as error:
                failures.append(str(error))

        batch = threading.Thread(target=work)
        batch.start()
        until(lambda: not batch.is_alive() or seconds_recorded(runs) >= 3)
        assert len(processes_of(locustfile)) == 3
        os.kill(kernel_pid(), signal.SIGKILL)
        batch.join()
        until(lambda: not processes_of(locustfile))
        served = shop.count()

    assert re.search(r"the kernel died in code cell 4 of 13: it was ended by SIGKILL", failures[0])
    saved = nbformat.read(tmp_path / "load_test.ipynb", as_version=4)
    assert "This notebook failed" in saved.cells[0].source
    assert "SIGKILL" in saved.cells[0].source
    run = loadlab.open_run("latest", runs)
    assert (run.info["status"], run.info["end_reason"]) == ("recovered", "lease_expired")
    assert run.conservation["sent"] == served
    assert run.requests["count"].sum() + run.conservation["in_flight"] == served
    assert run.requests["time"].nunique() >= 3


def kernel_pid() -> int:
    """The one kernel that this process has started."""
    children = psutil.Process().children(recursive=True)
    (kernel,) = [child.pid for child in children if "ipykernel_launcher" in child.cmdline()]
    return kernel


def processes_of(locustfile: Path) -> list[int]:
    """The Locust processes that run this locustfile."""
    found = psutil.process_iter(["pid", "cmdline", "status"])
    return [
        process.info["pid"]
        for process in found
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(word.startswith(f"{locustfile},") for word in process.info["cmdline"] or [])
    ]


def seconds_recorded(runs: Path) -> int:
    return sum(journal.read_bytes().count(b'"kind":"second"') for journal in runs.glob("r*/journal.ndjson"))


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for `condition`; the time only guards against hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(0.05)
