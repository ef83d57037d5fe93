"""Response times from the intended start, for users whose pace is fixed: the correction of coordinated omission.

A user with constant_pacing or constant_throughput means to begin a task every `interval` seconds. When a task
overruns, Locust begins the next one late and leaves out the starts that were due meanwhile, so a stall shows in one
response time instead of in all that it delayed. Here the first request of a task that began `late` ms late counts
as response_time + late, and each start left out counts as response_time + late - k * interval (k = 1, 2, ...), which
is what it would have measured. This is HdrHistogram's correction for an expected interval (recordValueWithExpected-
Interval), applied to the task instead of the single request. Other requests count as they were measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent

MAX_OMITTED = 10_000
"""Starts filled in for one overrun at the most; a bound on time, not on truth: it is a stall of 10,000 intervals."""

_PACED = "constant_pacing.<locals>.wait_time_func"


def pacing_interval(wait_time: Any) -> float | None:
    """The interval in seconds of a wait_time made by constant_pacing or constant_throughput, else None."""
    function = getattr(wait_time, "__func__", wait_time)
    if getattr(function, "__qualname__", "") != _PACED:
        return None
    code, cells = function.__code__, function.__closure__
    return float(cells[code.co_freevars.index("wait_time")].cell_contents)


class Pacing:
    """Knows for each running user when its next task was meant to begin."""

    def __init__(self) -> None:
        self.active = False
        self._classes: tuple[type, ...] = ()

    def watch(self, user_classes: Iterable[type]) -> None:
        """Wrap the wait_time of every paced class among `user_classes` and the TaskSets they use."""
        self._classes = tuple(user_class for user_class in user_classes if sum(map(_wrap, _owners(user_class))))
        self.active = bool(self._classes)

    def response_times(self, response_time: float) -> Iterator[float]:
        """The response times (ms) that a request which ended just now with `response_time` counts as; none for a
        user without a fixed pace."""
        greenlet = gevent.getcurrent()
        args = getattr(greenlet, "args", ())
        if not args or not isinstance(args[0], self._classes):
            return
        late_ms, interval_ms = greenlet.__dict__.pop("loadlab_late", (0.0, 1.0))
        yield response_time + late_ms
        for k in range(1, min(int(late_ms / interval_ms), MAX_OMITTED) + 1):
            yield response_time + late_ms - k * interval_ms


def _wrap(owner: type) -> bool:
    """Make the paced wait_time of `owner` note how late the next task begins. True if `owner` is paced."""
    wait_time: Callable[[Any], float] | None = getattr(owner, "wait_time", None)
    if hasattr(wait_time, "loadlab_interval"):
        return True
    interval = pacing_interval(wait_time)
    if interval is None or wait_time is None:
        return False

    def wait(instance: Any) -> float:
        intended = instance._cp_last_run + instance._cp_last_wait_time + interval
        seconds = wait_time(instance)
        late_ms = max(0.0, 1000 * (time.perf_counter() - intended))
        gevent.getcurrent().loadlab_late = (late_ms, 1000 * interval)
        return seconds

    wait.loadlab_interval = interval  # type: ignore[attr-defined]
    owner.wait_time = wait  # type: ignore[attr-defined]
    return True


def _owners(user_class: type) -> list[type]:
    """`user_class` and the TaskSet classes reachable from its tasks."""
    found: list[type] = []
    waiting: list[Any] = [user_class]
    while waiting:
        owner = waiting.pop()
        if isinstance(owner, type) and owner not in found:
            found.append(owner)
            waiting.extend(getattr(owner, "tasks", ()))
    return found
