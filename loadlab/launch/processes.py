"""Locust processes, each in a session of its own, so that an interrupt in the notebook does not reach them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import SystemRandom

from loadlab.errors import LaunchError
from loadlab.redaction import Redactor

TERM_S = 5.0
"""A process that was asked to end gets this long before it is killed."""

CHOSEN_PORTS = range(20_000, 30_000)
"""Below what Linux, macOS and Windows give out by themselves, and below Kubernetes' node ports."""


class LocustProcess:
    """One running Locust: its role name, its process and its log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._swept = False

    @property
    def exit_code(self) -> int | None:
        """None while it runs. What it has left of its own processes is killed when its end is first seen."""
        self.sweep()
        return self._process.poll()

    def sweep(self) -> None:
        """Kill what an ended process has left behind."""
        if self._process.poll() is not None and not self._swept:
            self._swept = True  # once: its number may be somebody else's later
            self._kill_group(signal.SIGKILL)

    def log_text(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal to the process and to whatever it has started."""
        if self.exit_code is None:
            self._kill_group(number)

    def _kill_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """True if it has ended within `seconds`."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True


def end_all(processes: Sequence[LocustProcess]) -> None:
    """Ask all to end, then kill what is left, and what they have started; returns when none is left."""
    running = [process for process in processes if process.exit_code is None]
    for process in running:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + TERM_S
    try:
        for process in running:
            process.wait(deadline - time.monotonic())
    finally:
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            process.wait(TERM_S)
            process.sweep()


def hide_secrets(log: Path, secrets: Iterable[str] = ()) -> None:
    """Rewrite the log of an ended process without the secrets that Locust or the locustfile has written into it.

    Those are what looks like one, and these `secrets`. Where that cannot be (a full disk, say) the log stays as it is.
    """
    redact = Redactor(secrets)
    hidden = log.with_suffix(".hidden")
    try:
        with log.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
            if all(line == redact(line) for line in lines):
                return
            lines.seek(0)
            with hidden.open("w", encoding="utf-8", errors="surrogateescape", newline="") as output:
                output.writelines(map(redact, lines))
        hidden.replace(log)
    except OSError:
        with contextlib.suppress(OSError):
            hidden.unlink()


def free_ports(count: int) -> list[int]:
    """`count` different loopback ports that nobody listens on at this moment.

    They are not among those that systems give to a client or to whoever asks for any port, so that nobody comes upon
    one of them before its owner listens.
    """
    found: list[int] = []
    for port in SystemRandom().sample(CHOSEN_PORTS, len(CHOSEN_PORTS)):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise LaunchError(f"of the ports {CHOSEN_PORTS.start} to {CHOSEN_PORTS.stop - 1} fewer than {count} are free")
