"""The machine that loads: its limits, its clock, its loopback, its programs."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from loadlab.doctor.asking import ask
from loadlab.doctor.checkup import Finding

MINIMUM_OPEN_FILES = 10_000
"""What Locust asks for; every user holds a connection or two."""
LOOPBACK = "127.0.0.1"
_CONNECT_S = 2.0


def check_open_files() -> Finding:
    """How many files and connections a process may have open."""
    if sys.platform == "win32":
        return Finding("open files", "ok", "not limited on Windows")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, hard) if resource.RLIM_INFINITY not in (soft, hard) else None
    if allowed is None or allowed >= MINIMUM_OPEN_FILES:  # Locust raises the soft limit by itself
        return Finding("open files", "ok", "unlimited" if allowed is None else f"up to {allowed:,} a process")
    text = f"up to {allowed:,} a process; a worker with many users needs {MINIMUM_OPEN_FILES:,}"
    return Finding("open files", "warning", text, f"ulimit -n {MINIMUM_OPEN_FILES} (as root, or in limits.conf)")


def check_cpus() -> Finding:
    """How many CPUs the workers can share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count > 1:
        return Finding("CPUs", "ok", str(count))
    return Finding(
        "CPUs", "warning", "1: master, worker and a target on this machine share it", "run the target elsewhere"
    )


def check_clock() -> Finding:
    """Whether the time can be right."""
    now = datetime.now(UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    built = max(path.stat().st_mtime for path in Path(__file__).parents[1].glob("*.py"))
    if time.time() < built - 86400:
        return Finding("clock", "missing", f"{found} is before loadlab was installed", "timedatectl set-ntp true")
    if shutil.which("timedatectl") and ask("timedatectl", "show", "-p", "NTPSynchronized", "--value").strip() == "no":
        text = f"{found}, not synchronised; matters when the target's logs are compared"
        return Finding("clock", "warning", text, "timedatectl set-ntp true")
    return Finding("clock", "ok", found)


def check_loopback() -> Finding:
    """Whether processes of this machine reach each other on it, as master, workers and notebook have to."""
    try:
        with socket.socket() as listening:
            listening.bind((LOOPBACK, 0))
            listening.listen()
            place = listening.getsockname()
            with socket.create_connection(place, _CONNECT_S), listening.accept()[0]:
                return Finding("ports", "ok", f"free ones on {LOOPBACK}, and they can be reached")
    except OSError as error:
        text = f"no connection over {LOOPBACK}: {error}"
        return Finding("ports", "missing", text, "ip link set lo up (as root), and let the firewall pass loopback")


def check_program(name: str, programs: tuple[str, ...], purpose: str, mend: str = "") -> Finding:
    """A program that only some things need."""
    for program in programs:
        path = shutil.which(program)
        if path is not None:
            return Finding(name, "ok", path)
    package = "nginx-light" if name == "nginx" and sys.platform != "darwin" else name
    install = "brew install" if sys.platform == "darwin" else "apt-get install"
    return Finding(name, "optional", f"not found; only {purpose} need it", mend or f"{install} {package}")
