"""Asks programs and functions that may take long, or never answer."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from loadlab.doctor.checkup import Finding

Look = Callable[[], Finding | Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """Something to be looked at. `look` may take long, or raise, where nobody expected it."""

    area: str
    name: str
    look: Look


def carry_out(checks: Sequence[Check], within_s: float) -> tuple[Finding, ...]:
    """What each of `checks` finds, in their order, all looked at side by side for at most `within_s` seconds.

    One that has no answer by then, or fails, is a warning.
    """
    deadline = time.monotonic() + within_s
    found: dict[int, list[Finding]] = {}

    def carry_out_one(number: int, check: Check) -> None:
        found[number] = look(check)

    threads = [
        threading.Thread(target=carry_out_one, args=item, name="loadlab-check", daemon=True)  # ends with the process
        for item in enumerate(checks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {within_s:g} s"
    return tuple(
        finding
        for number, check in enumerate(checks)
        for finding in found.get(number, [Finding(check.name, "warning", late, area=check.area)])
    )


def look(check: Check) -> list[Finding]:
    """What `check` finds; a warning where it fails."""
    try:
        answer = check.look()
        findings = [answer] if isinstance(answer, Finding) else list(answer)
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the checkup is what has to tell it
        findings = [Finding(check.name, "warning", f"could not be looked at: {type(error).__name__}: {error}")]
    return [replace(finding, area=check.area) for finding in findings]


def ask(*command: str, within_s: float = 60.0) -> str:
    """What a command prints; what it complains about when it fails. It and what it started have ended then."""
    answer, _ = ask_for_code(*command, within_s=within_s)
    return answer


def ask_for_code(*command: str, within_s: float = 60.0) -> tuple[str, int | None]:
    """As `ask`, and the exit code; None for a program that did not start or did not end."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        return str(error), None
    try:
        printed, complaint = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        return f"no answer within {within_s:g} s", None
    return (printed if process.returncode == 0 else complaint), process.returncode


def last_line(text: str) -> str:
    """The last line of what a program has to say."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no answer"
