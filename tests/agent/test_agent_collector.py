import json
import math
import random
from typing import Any

import pytest

from loadlab.agent.buckets import Cell
from loadlab.agent.clock import Clock
from loadlab.agent.collector import GRACE_S, Collector
from loadlab.agent.feed import Feed


class SteppedClock(Clock):
    at = 1000.0

    def now(self) -> float:
        return self.at


class Swarm:
    """Workers as the collector sees them."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.feed = Feed(self.clock.now)
        self.dead: set[str] = set()
        self.collector = Collector(self.feed, self.clock, lambda node: node not in self.dead)
        self.numbers: dict[str, int] = {}

    def part(self, node: str, t: int, requests: int = 0, **more: Any) -> dict[str, Any]:
        self.numbers[node] = self.numbers.get(node, 0) + 1
        cell = Cell()
        for _ in range(requests):
            cell.add(10.0, 1, failed=False)
        return {
            "n": self.numbers[node],
            "name": node,
            "t": t,
            "requests": [cell.row("GET", "/")] if requests else [],
            "errors": [],
            "exemplars": [],
            "metrics": [],
            "tally": {"sent": requests, "answered": requests, "ok": requests, "failed": 0, "dropped": 0},
            "folded_names": 0,
            **more,
        }

    def send(self, node: str, t: int, requests: int = 0, **more: Any) -> None:
        self.collector.add(node, self.part(node, t, requests, **more))

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.feed.read(0, 10_000).splitlines()]
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        return [line for line in lines if line["kind"] in kinds]

    def seconds(self, *kinds: str) -> list[tuple[int, int]]:
        return [(record["t"], sum(row[2] for row in record["requests"])) for record in self.records(*kinds)]

    def events(self) -> list[str]:
        return [record["event"] for record in self.records("event")]


@pytest.fixture
def swarm() -> Swarm:
    swarm = Swarm()
    swarm.send("a", 999)
    swarm.send("b", 999)
    swarm.collector.begin(1000)
    return swarm


def test_a_second_closes_when_every_worker_has_reported(swarm: Swarm) -> None:
    swarm.clock.at = 1001.01
    swarm.send("a", 1000, 5)
    assert swarm.seconds("second") == []
    swarm.send("b", 1000, 7)
    assert swarm.seconds("second") == [(1000, 12)]


def test_a_late_part_amends_its_second_and_nothing_else(swarm: Swarm) -> None:
    swarm.clock.at = 1001.0 + GRACE_S + 0.1
    swarm.send("a", 1000, 5)
    assert swarm.seconds("second") == [(1000, 5)]
    assert swarm.records("second")[0]["missing"] == ["b"]
    swarm.send("b", 1000, 7)
    assert swarm.seconds("amend") == [(1000, 7)]


def test_a_silent_worker_delays_one_second_only(swarm: Swarm) -> None:
    swarm.clock.at = 1001.0 + GRACE_S + 0.1
    for t in range(1000, 1004):
        swarm.send("a", t, 1)
    assert swarm.seconds("second") == [(t, 1) for t in range(1000, 1004)]


def test_a_part_that_comes_twice_counts_once(swarm: Swarm) -> None:
    swarm.clock.at = 1001.01
    part = swarm.part("a", 1000, 5)
    for _ in range(3):
        swarm.collector.add("a", part)
    swarm.send("b", 1000)
    swarm.collector.add("a", part)
    assert swarm.seconds("second", "amend") == [(1000, 5)]


def test_parts_in_any_order_add_up_to_what_was_sent() -> None:
    generator = random.Random(11)
    swarm = Swarm()
    swarm.collector.begin(1000)
    parts = [(node, swarm.part(node, 1000 + t, generator.randrange(5))) for node in "abc" for t in range(20)]
    generator.shuffle(parts)
    sent = sum(row[2] for _, part in parts for row in part["requests"])
    for step, (node, part) in enumerate(parts + parts[::3]):
        swarm.clock.at = 1000 + step / 2
        swarm.collector.add(node, part)
    swarm.collector.close_all()
    assert sum(count for _, count in swarm.seconds("second", "amend")) == sent
    seconds = [t for t, _ in swarm.seconds("second")]
    assert seconds == sorted(set(seconds))


def test_a_lost_worker_is_reported_and_awaited_no_longer(swarm: Swarm) -> None:
    swarm.dead.add("b")
    swarm.collector.check_workers()
    assert "worker_lost" in swarm.events()
    swarm.clock.at = 1001.01
    swarm.send("a", 1000, 5)
    assert swarm.seconds("second") == [(1000, 5)]
    swarm.dead.clear()
    swarm.send("b", 1000, 2)
    assert swarm.events()[-1] == "worker_returned"
    assert swarm.seconds("amend") == [(1000, 2)]


def test_a_worker_is_final_only_when_all_its_parts_are_here(swarm: Swarm) -> None:
    early = swarm.part("a", 1000, 5)
    swarm.send("a", 1001, 1, final=True)
    assert not swarm.collector.workers["a"].final
    swarm.collector.add("a", early)
    assert swarm.collector.workers["a"].final


def test_two_workers_of_one_name_are_kept_apart(swarm: Swarm) -> None:
    swarm.send("c", 1000)
    swarm.collector.add("d", swarm.part("d", 1000) | {"name": "c"})
    assert [worker.name for worker in swarm.collector.workers.values()] == ["a", "b", "c", "c.2"]


def test_requests_from_before_the_start_are_kept() -> None:
    swarm = Swarm()
    swarm.send("a", 990)
    swarm.send("a", 995, 3)
    swarm.collector.begin(1000)
    assert swarm.seconds("second") == [(995, 3)]


def test_a_clock_that_is_far_off_is_told_once(swarm: Swarm) -> None:
    generator = [1, 5, 3.0, 1_000_000, 0.5, -30_000.0]
    for t in (1000, 1001):
        swarm.send("a", t, 5, generator=generator, users={"U": 1}, clock_error_ms=0.2)
    assert swarm.events().count("warning") == 1
    assert swarm.collector.workers["a"].report()["clock_offset_ms"] == -30_000.0


@pytest.mark.parametrize(
    "spoilt",
    [
        {"metrics": [["x", "count", math.inf]]},
        {"requests": [["GET", "/", 1, 0, 0, math.nan, 1.0, 1.0, [0], [1], None, None]]},
        {"requests": [["GET", "/"]]},
        {"exemplars": [[1000.0, "GET", "/", "slow"]]},
    ],
)
def test_a_part_that_cannot_be_written_costs_no_other_part(swarm: Swarm, spoilt: dict[str, Any]) -> None:
    generator = [1, 5, 3.0, 1_000_000, 0.5, 0.0]
    swarm.clock.at = 1003.0
    for t in (1000, 1001):
        swarm.send("a", t, 5, generator=generator, clock_error_ms=0.2)
        part = swarm.part("b", t, 7, generator=generator, clock_error_ms=0.2)
        swarm.collector.add("b", part | spoilt if t == 1000 else part)
    written = swarm.seconds("second", "amend")
    assert sum(count for t, count in written if t == 1000) == 5
    assert sum(count for t, count in written if t == 1001) == 12
    assert [t for t, _ in swarm.seconds("second")] == [1000, 1001]
    (told,) = [record for record in swarm.records("event") if record["event"] == "warning"]
    assert told["object"] == "b"


def test_metrics_that_overflow_only_together_are_all_kept(swarm: Swarm) -> None:
    swarm.clock.at = 1001.01
    for node in "ab":
        swarm.send(node, 1000, 5, metrics=[["x", "count", 1e308]])
    assert swarm.seconds("second") == [(1000, 10)]
    assert [row[3] for row in swarm.records("second")[0]["metrics"]] == [1e308, 1e308]


def test_a_part_that_raises_on_its_way_may_come_again(swarm: Swarm) -> None:
    swarm.clock.at = 1001.01
    part = swarm.part("a", 1000, 5)
    with pytest.raises(KeyError):
        swarm.collector.add("a", {key: value for key, value in part.items() if key != "tally"})
    swarm.collector.add("a", part)
    swarm.send("b", 1000)
    assert swarm.seconds("second") == [(1000, 5)]
