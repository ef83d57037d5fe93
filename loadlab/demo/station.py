"""The queue in front of the servers: who is answered when.

Nothing here burns CPU or sleeps. With the service time drawn on arrival, a first-in-first-out queue in front of c
servers needs no simulation step: a request starts when the earliest server is free, `start = max(now, min(free))`, and
ends at `start + service time` (the Kiefer-Wolfowitz recursion). The schedule is kept in exact times, not in those at
which timers happened to fire, so a late timer delays one answer (epoll: by up to a millisecond) and costs no capacity.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections.abc import Callable
from typing import Protocol

from loadlab.demo.faults import Faults
from loadlab.demo.settings import Settings


class WorkClock:
    """The time that was worked: wall time without the pauses."""

    def __init__(self) -> None:
        self._paused_s = 0.0
        self._paused_until = -math.inf

    def work(self, now: float) -> float:
        """Seconds of work at wall time `now`; stands still during a pause."""
        return max(now, self._paused_until) - self._paused_s

    def wall(self, work: float) -> float:
        """The wall time at which `work`, which is not over yet, is reached if no further pause comes."""
        return work + self._paused_s

    def pause(self, now: float, seconds: float) -> None:
        """Stand still until `now + seconds`; a pause that is already longer stays as it is."""
        until = max(self._paused_until, now + seconds)
        self._paused_s += until - max(self._paused_until, now)
        self._paused_until = until


class Job(Protocol):
    """What the station finishes."""

    def finish(self) -> None:
        """Answer; called once, when the service is over."""


def service_time_sampler(settings: Settings) -> Callable[[], float]:
    """A function that draws service times in seconds (without any endpoint's factor)."""
    mean_s = settings.service_time
    if settings.distribution == "constant" or mean_s == 0:
        return lambda: mean_s
    generator = random.Random(settings.seed)
    if settings.distribution == "exponential":
        return lambda: generator.expovariate(1 / mean_s)
    mu = math.log(mean_s) - settings.sigma**2 / 2
    return lambda: generator.lognormvariate(mu, settings.sigma)


class Station:
    """`concurrency` servers behind one first-in-first-out queue, with pauses and slow start.

    A job whose client has gone keeps its place and its server until its end, as it would in most services.
    """

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._settings = settings
        self._draw = service_time_sampler(settings)
        self._clock = WorkClock()
        self._free = [-math.inf] * settings.concurrency
        self._ends: list[tuple[float, int, Job, bool]] = []
        self._sequence = 0
        self._admitted = 0
        self._finishing = False
        self._timer: asyncio.TimerHandle | None = None
        self._pause_timer: asyncio.TimerHandle | None = None
        self._faults = Faults()
        self._faults_since = loop.time()

    def set_faults(self, faults: Faults) -> None:
        """Replace pauses and slow start, from now on; a pause that has begun runs to its end."""
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
        self._faults, self._faults_since = faults, self._loop.time()
        if faults.pause_every_s is not None:
            self._schedule_pause(self._faults_since + faults.pause_every_s)
        elif faults.pause_s > 0:
            self._pause()

    def admit(self, job: Job, factor: float) -> bool:
        """Queue `job`, which is finished after its wait and its service. False, without it, when the queue is full."""
        now = self._loop.time()
        if self._ends and self._clock.wall(self._ends[0][0]) <= now:
            self._finish_due()
        limit = self._settings.queue_limit
        if limit is not None and self._admitted >= self._settings.concurrency + limit:
            return False
        start = max(self._clock.work(now), self._free[0])
        service_s = self._draw() * factor
        if self._faults.slow_start_s:
            service_s *= self._faults.slowdown(self._clock.wall(start) - self._faults_since)
        heapq.heapreplace(self._free, start + service_s)
        self._admitted += 1
        self._finish_at(start + service_s, job, now, admitted=True)
        return True

    def finish_now(self, job: Job) -> None:
        """Finish `job` without queue and service, though not during a pause."""
        now = self._loop.time()
        self._finish_at(self._clock.work(now), job, now, admitted=False)

    def _finish_at(self, end: float, job: Job, now: float, *, admitted: bool) -> None:
        if not self._ends and self._clock.wall(end) <= now:
            self._admitted -= admitted
            job.finish()
            return
        self._sequence += 1
        heapq.heappush(self._ends, (end, self._sequence, job, admitted))
        if self._ends[0][1] == self._sequence:
            self._arm()

    def _finish_due(self) -> None:
        if self._finishing:  # a finished job that brings the next one in: the loop below comes to it
            return
        self._finishing = True
        try:
            while self._ends and self._clock.wall(self._ends[0][0]) <= self._loop.time():
                _, _, job, admitted = heapq.heappop(self._ends)
                self._admitted -= admitted
                job.finish()
        finally:
            self._finishing = False
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ends:
            self._timer = self._loop.call_at(self._clock.wall(self._ends[0][0]), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._finish_due()

    def _schedule_pause(self, when: float) -> None:
        self._pause_timer = self._loop.call_at(when, self._repeat_pause, when)

    def _repeat_pause(self, when: float) -> None:
        self._pause()
        assert self._faults.pause_every_s is not None
        self._schedule_pause(when + self._faults.pause_every_s)

    def _pause(self) -> None:
        self._clock.pause(self._loop.time(), self._faults.pause_s)
        self._arm()
