"""The queue in virtual time: exact, against a simulation that is written differently."""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import Any

import pytest

from loadlab.demo.faults import Faults
from loadlab.demo.settings import Settings
from loadlab.demo.station import Station, service_time_sampler


class VirtualLoop:
    """What a Station needs of an event loop, with a clock that only jumps."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, int, Any]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any) -> Any:
        self._count += 1
        timer = Timer(callback, args)
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def run(self, until: float) -> None:
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not timer.cancelled:
                timer.callback(*timer.args)
        self.now = until


class Timer:
    def __init__(self, callback: Any, args: tuple[Any, ...]) -> None:
        self.callback, self.args, self.cancelled = callback, args, False

    def cancel(self) -> None:
        self.cancelled = True


class Job:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.finished: float | None = None

    def finish(self) -> None:
        assert self.finished is None
        self.finished = self._loop.now


def make_station(faults: Faults | None = None, **settings: Any) -> tuple[Station, VirtualLoop]:
    loop = VirtualLoop()
    station = Station(Settings(**settings), loop)  # type: ignore[arg-type]
    station.set_faults(faults or Faults())
    return station, loop


def simulate_queue(arrivals: list[float], services: list[float], concurrency: int) -> list[float]:
    """The ends of service of a first-in-first-out queue, event by event."""
    ends = [0.0] * len(arrivals)
    queue: deque[int] = deque()
    busy: list[tuple[float, int]] = []
    events = deque(range(len(arrivals)))
    while events or busy:
        if busy and (not events or busy[0][0] <= arrivals[events[0]]):
            now, _ = heapq.heappop(busy)
        else:
            now = arrivals[events[0]]
            queue.append(events.popleft())
        while queue and len(busy) < concurrency:
            job = queue.popleft()
            ends[job] = now + services[job]
            heapq.heappush(busy, (ends[job], job))
    return ends


@pytest.mark.parametrize("distribution", ["constant", "exponential", "lognormal"])
@pytest.mark.parametrize("concurrency", [1, 3, 20])
@pytest.mark.parametrize("utilisation", [0.5, 0.95, 2.0])
def test_ends_are_those_of_a_first_in_first_out_queue(distribution: str, concurrency: int, utilisation: float) -> None:
    settings = {"concurrency": concurrency, "service_time": 1.0, "distribution": distribution, "seed": 5}
    station, loop = make_station(**settings)
    draw = service_time_sampler(Settings(**settings))
    services = [draw() for _ in range(400)]
    gaps = random.Random(7)
    arrivals, now = [], 0.0
    for _ in services:
        now += gaps.expovariate(utilisation * concurrency)
        arrivals.append(now)
    jobs = []
    for arrival in arrivals:
        loop.run(arrival)
        jobs.append(Job(loop))
        assert station.admit(jobs[-1], 1.0)
    loop.run(1e6)
    assert [job.finished for job in jobs] == pytest.approx(simulate_queue(arrivals, services, concurrency))


@pytest.mark.parametrize(
    ("distribution", "tolerance"), [("constant", 1e-9), ("exponential", 0.03), ("lognormal", 0.03)]
)
@pytest.mark.parametrize(("concurrency", "factor"), [(1, 1.0), (8, 1.0), (4, 3.0)])
def test_a_busy_station_finishes_its_capacity(
    distribution: str, tolerance: float, concurrency: int, factor: float
) -> None:
    settings = Settings(concurrency=concurrency, service_time=0.02, distribution=distribution, seed=4)
    station, loop = make_station(**settings.to_dict())
    finished = 0

    class Client:
        def finish(self) -> None:
            nonlocal finished
            finished += 1
            station.admit(Client(), factor)

    for _ in range(3 * concurrency):
        station.admit(Client(), factor)
    jobs = 8000
    capacity = settings.capacity() / factor
    loop.run(jobs / capacity + 1e-6)
    assert finished == pytest.approx(jobs, rel=tolerance)


@pytest.mark.parametrize(("distribution", "variation"), [("constant", 0), ("exponential", 1), ("lognormal", 0.533)])
def test_the_mean_is_kept_whatever_the_shape(distribution: str, variation: float) -> None:
    draw = service_time_sampler(Settings(service_time=0.2, distribution=distribution, sigma=0.5, seed=1))
    times = [draw() for _ in range(40_000)]
    mean = sum(times) / len(times)
    deviation = (sum((t - mean) ** 2 for t in times) / len(times)) ** 0.5
    assert mean == pytest.approx(0.2, rel=0.02)
    assert deviation / mean == pytest.approx(variation, abs=0.03)  # lognormal: sqrt(exp(sigma²) - 1)


def test_late_timers_cost_no_capacity() -> None:
    station, loop = make_station(concurrency=1, service_time=1.0)
    jobs = [Job(loop) for _ in range(10)]
    for job in jobs:
        station.admit(job, 1.0)
    loop.now = 3.7  # nothing ran meanwhile
    loop.run(3.7)
    assert [job.finished for job in jobs] == [3.7] * 3 + [None] * 7
    loop.run(10)
    assert [job.finished for job in jobs[3:]] == [4, 5, 6, 7, 8, 9, 10]


def test_a_pause_stops_the_work() -> None:
    station, loop = make_station(concurrency=1, service_time=1.0)
    jobs = [Job(loop) for _ in range(3)]
    station.admit(jobs[0], 1.0)
    loop.run(0.5)
    station.set_faults(Faults(pause_s=10))
    loop.run(2)
    station.admit(jobs[1], 1.0)
    station.finish_now(jobs[2])
    loop.run(20)
    assert [job.finished for job in jobs] == [11, 12, 10.5]


def test_a_pause_that_is_longer_stays() -> None:
    station, loop = make_station(concurrency=1, service_time=1.0)
    job = Job(loop)
    station.admit(job, 1.0)
    station.set_faults(Faults(pause_s=10))
    loop.run(1)
    station.set_faults(Faults(pause_s=2))
    loop.run(2)
    station.set_faults(Faults(pause_s=20))
    loop.run(100)
    assert job.finished == 23  # 22 s of standing still, 1 s of service


def test_pauses_repeat_until_they_are_switched_off() -> None:
    station, loop = make_station(concurrency=1, service_time=0.0, faults=Faults(pause_s=1, pause_every_s=4))
    finished = []
    for tenth in range(1, 240):
        loop.run(tenth / 10)
        if tenth == 130:
            station.set_faults(Faults())
        job = Job(loop)
        station.admit(job, 1.0)
        finished.append((tenth / 10, job))
    loop.run(100)
    held = {round(at, 1): job.finished for at, job in finished if job.finished != at}
    in_pause = [at / 10 for start in (40, 80, 120) for at in range(start, start + 10)]
    assert sorted(held) == pytest.approx(in_pause)
    assert all(end == pytest.approx(at // 4 * 4 + 1) for at, end in held.items())


def test_a_slow_start_decays() -> None:
    station, loop = make_station(concurrency=5, service_time=1.0, faults=Faults(slow_start_factor=9, slow_start_s=40))
    jobs = []
    for start in (0, 10, 20, 40, 50):
        loop.run(start)
        jobs.append((start, Job(loop)))
        station.admit(jobs[-1][1], 1.0)
    loop.run(100)
    assert [job.finished - start for start, job in jobs if job.finished is not None] == [9, 7, 5, 1, 1]


def test_the_queue_limit_counts_those_who_wait() -> None:
    station, loop = make_station(concurrency=2, service_time=1.0, queue_limit=3)
    assert [station.admit(Job(loop), 1.0) for _ in range(7)] == [True] * 5 + [False] * 2
    loop.run(1.0)
    assert [station.admit(Job(loop), 1.0) for _ in range(3)] == [True] * 2 + [False]


def test_a_job_that_brings_the_next_one_in_does_not_nest() -> None:
    station, loop = make_station(concurrency=5000, service_time=1.0)
    left = 20_000

    class Chain:
        def finish(self) -> None:
            nonlocal left
            left -= 1
            if left > 0:
                station.admit(Chain(), 0.0)

    for _ in range(5000):
        station.admit(Chain(), 1.0)
    loop.run(2)
    assert left <= 0
