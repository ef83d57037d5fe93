"""How the generator itself is doing: CPU, memory and the delay of its event loop."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import gevent

SHORTEST_S = 0.05
"""CPU over a shorter time says nothing; the last value counts on."""

PROBE_S = 0.02
"""The event loop is asked this often; what it is late by is its lag."""


class Health:
    """CPU and memory of this process, and when its event loop stood still, in monotonic time."""

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._cpu = time.process_time()
        self._usage = 0.0, _resident_bytes()
        self._due: float | None = None
        self._stalls: list[tuple[float, float]] = []

    def watch(self) -> None:
        """Measure the lag for ever; run it in a greenlet of its own."""
        while True:
            self._due = time.monotonic() + PROBE_S
            gevent.sleep(PROBE_S)
            self._stalls.append((self._due, time.monotonic()))

    def take(self) -> tuple[float, int]:
        """(CPU in % of one core, resident memory in bytes) since the last call."""
        wall, cpu = time.monotonic(), time.process_time()
        if wall - self._wall >= SHORTEST_S:
            self._usage = round(100 * (cpu - self._cpu) / (wall - self._wall), 2), _resident_bytes()
            self._wall, self._cpu = wall, cpu
        return self._usage

    def lag_ms(self, begin: float, end: float) -> float:
        """The longest lag, in ms, that reached into the time from `begin` to `end`: all of it, and so also one that
        began earlier or went on afterwards, or that goes on now."""
        stalls = self._stalls if self._due is None else [*self._stalls, (self._due, time.monotonic())]
        lags = [stop - start for start, stop in stalls if stop > begin and start < end]
        return round(1000 * max(0.0, *lags), 3) if lags else 0.0

    def forget(self, before: float) -> None:
        """Nobody will ask about lags that had ended before that moment."""
        self._stalls = [stall for stall in self._stalls if stall[1] > before]


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no /proc: the peak is what the system tells
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
