"""The processes of a benchmark: where they run, what they inherit, and that none of them stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
OWN = ("LOCUST_", "LOADLAB_")


def two_cores() -> tuple[set[int], set[int]] | None:
    """(one core, the others) of those this process may use; None where there is only one, or no way to choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return None if len(cores) < 2 else ({cores[-1]}, set(cores[:-1]))


@contextlib.contextmanager
def kept_off(cores: set[int] | None) -> Iterator[None]:
    """This process, and what it starts inside the block, stays off `cores`; None changes nothing."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without what would steer Locust or loadlab, and with `extra`."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith(OWN)}, **extra}


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str], cores: set[int] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`command` in a session of its own for the length of the block, on `cores` if given, its output in `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        if cores is not None:
            os.sched_setaffinity(process.pid, cores)
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the session to end, then kill what is left of it."""
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def wait_for(condition: Callable[[], T | None], what: str, *, seconds: float, log: Path) -> T:
    """What `condition` gives as soon as it is not None; RuntimeError with the end of `log` after `seconds`."""
    deadline = time.monotonic() + seconds
    while (value := condition()) is None:
        if time.monotonic() > deadline:
            words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{what} did not happen within {seconds:g} s; the last words:\n{words}")
        time.sleep(0.01)
    return value


def fresh_python(code: str, *arguments: str, timeout_s: float = 300.0) -> str:
    """What `code` prints in a new interpreter that starts in the project's folder."""
    command = [sys.executable, "-c", code, *arguments]
    finished = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=timeout_s
    )
    if finished.returncode:
        raise RuntimeError(f"exit code {finished.returncode}: {finished.stderr[-2000:]}")
    return finished.stdout
