"""Judges the criteria of a test while it goes on, and tells when one is broken that ends the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from loadlab.schema import BROKEN_END as BROKEN_END

if TYPE_CHECKING:
    from loadlab.analyse import CriterionResult
    from loadlab.spec import Criteria
    from loadlab.stream import TableBuilder

_ENDINGS = ("test_stopping", "test_stop")


class CriteriaWatch:
    """The criteria of a test that is going on; `see` each record once it is in `tables`.

    A second is judged when every region that is not lost has closed it. `on_breach` is called once, when a criterion
    with ``else stop`` is broken before the test ends by itself; an event 'criterion_broken' says so then. Judging never
    costs measurements: when it fails, a warning joins the events, and the archive is judged all the same.

    `results` may be asked for by any thread; `see` is called by one.
    """

    def __init__(self, criteria: Criteria, tables: TableBuilder, on_breach: Callable[[], None]) -> None:
        from loadlab.analyse import Evaluator

        self.breach: CriterionResult | None = None
        self._tables = tables
        self._on_breach = on_breach
        self._evaluator = Evaluator(criteria)
        self._rows = dict.fromkeys(self._evaluator.tables, 0)
        self._regions: dict[str, int | None] = {}
        self._closed: int | None = None
        self._ending = self._failed = False
        self._lock = threading.Lock()

    def see(self, record: Mapping[str, Any]) -> None:
        """Judge what a record (a parsed line) makes it possible to judge. Never raises."""
        if self._failed:
            return
        try:
            if self._look(record):
                self._judge(over=record["kind"] == "end")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on and is judged when it is over
            self._failed = True
            text = f"The criteria are not judged any more until the run is over: {type(error).__name__}: {error}"
            self._tables.add_event("warning", text, time=time.time())

    def results(self) -> tuple[CriterionResult, ...]:
        """What each criterion has come to so far, in their order: as if the run had ended with the last second."""
        with self._lock:
            return self._evaluator.results()

    def count_broken(self) -> int:
        """How many criteria are broken as it stands."""
        return sum(result.status == "failed" for result in self.results())

    def _look(self, record: Mapping[str, Any]) -> bool:
        """Note how far the regions are; True when there is something new to judge."""
        kind, region = record.get("kind"), str(record.get("region") or "")
        if kind == "hello":
            self._regions = dict.fromkeys(record.get("regions") or ("",))
        elif kind == "event" and record.get("event") == "region_lost":
            self._regions.pop(region, None)
        elif kind == "event":
            self._ending = self._ending or record.get("event") in _ENDINGS
        elif kind == "second" and isinstance(record.get("t"), int):
            before = self._regions.get(region)
            self._regions[region] = record["t"] if before is None else max(record["t"], before)
        seconds = list(self._regions.values())
        if kind == "end":
            return True
        if not seconds or any(second is None for second in seconds):
            return False
        closed = min(second for second in seconds if second is not None) + 1
        if self._closed is not None and closed <= self._closed:
            return False
        self._closed = closed
        return True

    def _judge(self, *, over: bool) -> None:
        with self._lock:
            for table, row in self._rows.items():
                if self._tables.rows(table) > row:
                    rows = self._tables.since(table, row)
                    self._rows[table] += len(rows)
                    self._evaluator.add(table, rows)
            self._evaluator.advance(None if over else self._closed)
            breaches = [] if self.breach is not None or self._ending or over else self._evaluator.breaches()
        if breaches:
            self.breach = breaches[0]
            second = breaches[0].first_broken
            data = {"second": None if second is None else int(second.timestamp())}
            text = f"the test is ended, because this criterion is broken: {breaches[0].text}"
            self._tables.add_event(BROKEN_END, text, time=time.time(), object=breaches[0].criterion, data=data)
            self._on_breach()
