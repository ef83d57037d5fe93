"""Plain ``locust --headless`` on a locustfile, without anything of loadlab's beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadlab.demo import Storefront

TIMEOUT_S = 120.0

Counts = dict[str, Any]


@dataclass(frozen=True)
class PlainRun:
    """How it ended, how long the process lived, what it printed, and what the storefront counted meanwhile."""

    exit_code: int
    seconds: float
    output: str
    counts: Counts

    @property
    def received(self) -> int:
        """Requests that the storefront received."""
        return int(self.counts["total"]["received"])


def run_plain_locust(
    locustfile: Path, folder: Path, *options: str, enough: Callable[[Counts], bool], users: int = 2
) -> PlainRun:
    """Run `locustfile` against a storefront of its own until it ends or its counts are `enough`.

    Then it is asked to end (SIGTERM), as by whoever runs it. A fixed run time would prove less: on a busy machine
    Locust counts a part of its own start into it. Raises TimeoutExpired, and kills it, after `TIMEOUT_S`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    log = folder / f"{locustfile.stem}-{time.monotonic_ns()}.log"
    with Storefront(service_time=0.002, concurrency=32, seed=1) as shop, log.open("wb") as output:
        command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--host", shop.url]
        command += ["-u", str(users), "-r", str(users), "-t", f"{TIMEOUT_S:g}s", "--stop-timeout", "5", *options]
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None and not enough(shop.counts()) and time.monotonic() < started + TIMEOUT_S:
                time.sleep(0.1)
            process.terminate()
            exit_code = process.wait(max(10.0, started + TIMEOUT_S - time.monotonic()))
        finally:
            process.kill()
            process.wait()
        seconds = time.monotonic() - started
        return PlainRun(exit_code, seconds, log.read_text(encoding="utf-8"), shop.counts())
