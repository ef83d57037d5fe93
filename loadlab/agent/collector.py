"""On the master: merges the parts of all workers into whole seconds."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from typing import Any

from loadlab.agent.buckets import Cell
from loadlab.agent.clock import Clock
from loadlab.agent.failures import MAX_SAMPLE, clean_text
from loadlab.agent.feed import Feed
from loadlab.agent.recorder import EXEMPLARS

GRACE_S = 3.0
"""A second waits this long for a worker that has not reported; what comes later amends it."""

CLOCK_NOTE_S = 1.0
"""A clock that is off by more than this is worth an event."""

Part = dict[str, Any]

logger = logging.getLogger("loadlab.agent")


class WorkerState:
    """What the master knows of one worker."""

    def __init__(self, name: str, through: int) -> None:
        self.name = name
        self.through = through
        self.left = False
        self.lost = False
        self.tally: dict[str, int] = {}
        self.offset_ms: float | None = None
        self.error_ms: float | None = None
        self._last: int | None = None
        self._floor = 0
        self._ahead: set[int] = set()

    @property
    def final(self) -> bool:
        """The worker's users have stopped, and every part up to its last one is here."""
        return self._last is not None and self._floor >= self._last

    def finish(self, number: int) -> None:
        """Part `number` was the last one with requests of this test."""
        self._last = max(number, self._last or 0)

    def has(self, number: int) -> bool:
        """True if this part was taken in before."""
        return number <= self._floor or number in self._ahead

    def mark(self, number: int) -> None:
        """This part has been taken in."""
        self._ahead.add(number)
        while self._floor + 1 in self._ahead:
            self._floor += 1
            self._ahead.remove(self._floor)

    def report(self) -> dict[str, Any]:
        """This worker's line in the `end` record."""
        return {
            **self.tally,
            "clock_offset_ms": self.offset_ms,
            "clock_error_ms": self.error_ms,
            "state": "lost" if self.lost else "stopped",
        }


class Collector:
    """Puts parts together and writes `second` and `amend` records to the feed.

    A second is closed when every live worker has reported it, or GRACE_S after its end; a part that comes later is
    written as an `amend` record. `is_live` tells from Locust's own bookkeeping whether a worker (by its node id)
    still answers.
    """

    def __init__(self, feed: Feed, clock: Clock, is_live: Callable[[str], bool]) -> None:
        self.feed = feed
        self.clock = clock
        self.workers: dict[str, WorkerState] = {}
        self.own_generator: Callable[[int], list[Any] | None] = lambda second: None
        self._is_live = is_live
        self._pending: dict[int, list[tuple[str, Part]]] = {}
        self._closed: int | None = None
        self._folded: set[str] = set()
        self._refused: set[str] = set()
        self._slow: set[str] = set()
        self._clock_noted: set[str] = set()

    def begin(self, second: int) -> None:
        """The test starts in `second`; earlier parts are only kept when they hold requests."""
        for t in sorted(self._pending):
            parts = [(node, part) for node, part in self._pending[t] if part["requests"] or part["errors"]]
            if t < second:
                if parts:
                    self._write("second", t, parts, [])
                del self._pending[t]
        self._closed = second - 1

    def add(self, node: str, part: Part) -> None:
        """Take a part from the worker with Locust's node id `node`. A part that came before is left out.

        One that raises on its way is not taken in, and may come again.
        """
        worker = self.workers.get(node)
        now = int(self.clock.now())
        if worker is None:  # its first part may carry the time of a clock that is not put right yet
            worker = self.workers[node] = WorkerState(self._unique(part["name"]), min(part["t"], now - 1))
            self.feed.event("worker_joined", worker.name, f"{worker.name} connected")
        if worker.has(part["n"]):
            return
        if worker.lost and not part.get("leaving"):
            worker.lost = False
            self.feed.event("worker_returned", worker.name, f"{worker.name} reports again")
        worker.tally = {key: max(value, worker.tally.get(key, 0)) for key, value in part["tally"].items()}
        if part.get("final"):
            worker.finish(part["n"])
        if part.get("leaving") and not worker.left:
            worker.left = True
            self.feed.event("worker_left", worker.name, f"{worker.name} quit in good order")
        worker.through = max(worker.through, min(part["t"], now))
        self._note(worker, part)
        if self._closed is None:
            if part["requests"] or part["errors"]:
                self._pending.setdefault(part["t"], []).append((node, part))
        elif part["t"] > self._closed:
            self._pending.setdefault(part["t"], []).append((node, part))
        elif part["requests"] or part["errors"] or part.get("generator"):
            self._write("amend", part["t"], [(node, part)], [])
        worker.mark(part["n"])
        self.close_due()

    def _unique(self, name: str) -> str:
        names = {worker.name for worker in self.workers.values()}
        unique, count = name, 1
        while unique in names:
            count += 1
            unique = f"{name}.{count}"
        return unique

    def _note(self, worker: WorkerState, part: Part) -> None:
        if part["folded_names"] and worker.name not in self._folded:
            self._folded.add(worker.name)
            text = "more different request names than are kept apart; further ones are counted under '(other)'"
            self.feed.event("names_folded", worker.name, f"{worker.name}: {text}")
        refused = part.get("refused_metrics", 0)
        if refused and worker.name not in self._refused:
            self._refused.add(worker.name)
            text = "the locustfile gave count() or gauge() values that are no finite numbers; they are left out"
            self.feed.event("warning", worker.name, f"{worker.name}: {text}", {"values": refused})
        if "generator" not in part:
            return
        worker.offset_ms, worker.error_ms = part["generator"][-1], part["clock_error_ms"]
        off_s = abs(worker.offset_ms or 0.0) / 1000
        if off_s > CLOCK_NOTE_S and worker.name not in self._clock_noted:
            self._clock_noted.add(worker.name)
            direction = "behind" if (worker.offset_ms or 0.0) > 0 else "ahead of"
            text = f"the clock of {worker.name} is {off_s:.1f} s {direction} the master's; its seconds were put right"
            self.feed.event("warning", worker.name, text, {"clock_offset_ms": worker.offset_ms})

    def check_workers(self) -> None:
        """Notice workers that Locust no longer hears from."""
        for node, worker in self.workers.items():
            if worker.final or worker.lost or self._is_live(node):
                continue
            worker.lost = True
            reported = worker.tally.get("ok", 0) + worker.tally.get("failed", 0)
            self.feed.event(
                "worker_lost",
                worker.name,
                f"{worker.name} went silent after reporting {reported:,} requests",
                {"last_second": worker.through, "reported": reported},
            )

    def close_due(self) -> None:
        """Write every second that is complete or has waited long enough."""
        if self._closed is None:
            return
        now = self.clock.now()
        while self._closed + 1 < int(now):
            t = self._closed + 1
            live = [worker for worker in self.workers.values() if not (worker.lost or worker.final)]
            missing = [worker.name for worker in live if worker.through < t]
            waited = now - (t + 1) > GRACE_S
            if not waited and any(name not in self._slow for name in missing):
                return
            self._slow = set(missing)
            self._close(t, sorted(missing))

    def close_all(self) -> None:
        """Write every second for which there is anything; nothing more is expected."""
        now = int(self.clock.now())
        for t in sorted(self._pending):
            if self._closed is None or t > self._closed:
                for empty in range(self._closed + 1 if self._closed is not None else t, min(t, now)):
                    self._close(empty, [])
                self._close(t, [])

    def _close(self, t: int, missing: list[str]) -> None:
        self._write("second", t, self._pending.get(t, []), missing)
        self._pending.pop(t, None)
        self._closed = t

    def _write(self, kind: str, t: int, parts: list[tuple[str, Part]], missing: list[str]) -> None:
        """Write a second, or what amends it. What cannot be written costs its own part alone, and is told."""
        try:
            self.feed.append(kind, self._merge(kind, t, parts, missing))
            return
        except Exception:  # whatever is wrong with a part
            logger.exception("loadlab: second %d cannot be written as a whole", t)
        if kind == "second":
            self.feed.append(kind, self._merge(kind, t, [], missing))
        for node, part in parts:
            try:
                self.feed.append("amend", self._merge("amend", t, [(node, part)], []))
            except Exception as error:  # noqa: BLE001 - the same, and it stands in the event
                name = self.workers[node].name
                text = f"a part of {name} cannot be written and is left out: {type(error).__name__}: {error}"
                self.feed.event("warning", name, clean_text(text, MAX_SAMPLE), {"t": t, "n": part["n"]})

    def _merge(self, kind: str, t: int, parts: list[tuple[str, Part]], missing: list[str]) -> dict[str, Any]:
        cells: dict[tuple[str, str], Cell] = {}
        errors: dict[tuple[str, ...], list[Any]] = {}
        exemplars: list[list[Any]] = []
        metrics: list[list[Any]] = []
        users: dict[str, int] = {}
        generators: list[list[Any]] = []
        for node, part in parts:
            name = self.workers[node].name
            for row in part["requests"]:
                cells.setdefault((row[0], row[1]), Cell()).merge(row)
            for *key, count, sample in part["errors"]:
                errors.setdefault(tuple(key), [0, sample])[0] += count
            exemplars += [[*row[:-1], name, row[-1]] for row in part["exemplars"]]
            metrics += [[metric, metric_kind, name, value] for metric, metric_kind, value in part["metrics"]]
            for user_class, count in part.get("users", {}).items():
                users[user_class] = users.get(user_class, 0) + count
            if "generator" in part:
                generators.append([name, *part["generator"]])
        if kind == "second":
            own = self.own_generator(t)
            if own is not None:
                generators.append(own)
        return {
            "t": t,
            "requests": [cell.row(*key) for key, cell in cells.items()],
            "errors": [[*key, *value] for key, value in errors.items()],
            "exemplars": heapq.nlargest(EXEMPLARS, exemplars, key=lambda row: float(row[3])),
            "metrics": metrics,
            "users": users,
            "generators": generators,
            "missing": missing,
        }
