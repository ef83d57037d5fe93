"""How the generator itself is doing: CPU, memory and the delay of its event loop."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import gevent

PROBE_S = 0.02
"""The event loop is asked this often; what it is late by is its lag."""


class Health:
    """CPU and memory of this process and the longest lag of its event loop, each since the last `take`."""

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._cpu = time.process_time()
        self._lag_s = 0.0
        self._due = 0.0

    def watch(self) -> None:
        """Measure the lag for ever; run it in a greenlet of its own."""
        while True:
            self._due = time.monotonic() + PROBE_S
            gevent.sleep(PROBE_S)
            self._lag_s = max(self._lag_s, time.monotonic() - self._due)

    def take(self) -> tuple[float, int, float]:
        """(CPU in % of one core, resident memory in bytes, longest lag in ms) since the last call."""
        wall, cpu = time.monotonic(), time.process_time()
        percent = 100 * (cpu - self._cpu) / max(wall - self._wall, 1e-9)
        lag_s = max(self._lag_s, wall - self._due if self._due else 0.0)
        self._wall, self._cpu, self._lag_s = wall, cpu, 0.0
        return round(percent, 2), _resident_bytes(), round(1000 * lag_s, 3)


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no /proc: the peak is what the system tells
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
