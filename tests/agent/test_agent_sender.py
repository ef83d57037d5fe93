"""What a worker tells of its own health: every request has a generator's row, every stall the seconds it covered."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from loadlab.agent.clock import Clock
from loadlab.agent.health import Health
from loadlab.agent.pacing import Pacing
from loadlab.agent.recorder import Recorder
from loadlab.agent.sender import Sender
from loadlab.agent.tally import Tally


class Bench:
    """A worker whose clock a test moves, and the parts it has sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: self.at)
        self.at = 1000.0
        self.parts: list[dict[str, Any]] = []
        self.clock = Clock()
        self.clock.base = 0.0
        self.clock.be_master()
        tally = Tally()
        self.recorder = Recorder(self.clock, tally, Pacing())
        runner = SimpleNamespace(
            user_classes_count={"U": 4}, send_message=lambda kind, part: self.parts.append(dict(part))
        )
        self.sender = Sender(SimpleNamespace(runner=runner), self.recorder, self.clock, tally, "a", None)  # type: ignore[arg-type]

    def request(self, at: float) -> None:
        self.at = at
        self.recorder.on_request(request_type="GET", name="/", response_time=5.0)

    def sum_by_second(self) -> dict[int, int]:
        sums: dict[int, int] = {}
        for part in self.parts:
            if "generator" in part:
                sums[part["t"]] = sums.get(part["t"], 0) + part["generator"][1]
        return sums


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def stall(bench: Bench, begin: float, end: float) -> None:
    bench.sender._health._stalls.append((begin, end))


def test_a_stall_of_seconds_loses_no_row_and_weighs_on_all_it_covered(bench: Bench) -> None:
    bench.request(1000.1)
    stall(bench, 1000.3, 1003.4)
    bench.at = 1003.4
    bench.sender.send_closed()
    for _ in range(5):
        bench.request(1003.41)
    bench.at = 1004.001
    bench.sender.send_closed()
    bench.request(1004.5)
    bench.at = 1005.001
    bench.sender.send_closed()
    assert bench.sum_by_second() == {1000: 1, 1002: 0, 1003: 5, 1004: 1}
    lags = {part["t"]: part["generator"][4] for part in bench.parts}
    assert lags == {1000: 3100, 1002: 3100, 1003: 3100, 1004: 0}
    assert all(part["users"] == {"U": 4} for part in bench.parts)


def test_two_parts_of_one_second_have_a_row_each_and_its_users_once(bench: Bench) -> None:
    bench.request(1000.1)
    bench.at = 1000.2
    bench.sender.flush()
    bench.request(1000.5)
    bench.at = 1000.6
    bench.sender.flush(leaving=True)
    bench.request(1000.7)
    bench.at = 1001.001
    bench.sender.send_closed()
    assert bench.sum_by_second() == {1000: 3}
    assert ["users" in part for part in bench.parts] == [True, False, False]


def test_the_lag_of_a_time_is_the_longest_that_reached_into_it(bench: Bench) -> None:
    health = Health()
    health._stalls += [(999.5, 999.52), (1000.5, 1000.6), (1000.9, 1001.2)]
    assert [health.lag_ms(t, t + 1) for t in (998, 999, 1000, 1001, 1002)] == [0, 20, 300, 300, 0]
    health.forget(1001)
    assert [health.lag_ms(t, t + 1) for t in (999, 1000, 1001)] == [0, 300, 300]
    bench.at, health._due = 1010.0, 1007.0  # a stall that goes on
    assert health.lag_ms(1008, 1009) == 3000
