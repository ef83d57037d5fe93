"""Counts each finished request of this process into its second, and closes seconds."""

from __future__ import annotations

import heapq
import time
from typing import Any

from loadlab.agent.buckets import LONGEST_MS, Cell
from loadlab.agent.clock import Clock
from loadlab.agent.failures import MAX_SAMPLE, clean_text, failure_kind, fold_message, readable
from loadlab.agent.pacing import Pacing
from loadlab.agent.tally import Tally

MAX_NAMES = 5000
"""Different (request_type, name) pairs a worker keeps apart; further ones are counted under OTHER."""

MAX_ERRORS_A_SECOND = 100
"""Different failures a worker keeps apart in one second; further ones are counted under OTHER."""

MAX_ERRORS = 2000
"""Different failures a worker keeps apart in a run; further messages are counted under OTHER."""

MAX_NAME = 500
MAX_STATUS = 1 << 31
EXEMPLARS = 5
"""The slowest requests of each second that are kept, per worker and again after merging."""

OTHER = "(other)"

Second = dict[str, Any]
"""One closed second: t, requests, errors, exemplars as in a `second` record (worker left out)."""


class Recorder:
    """What this process has measured and not yet handed on.

    `on_request` is the listener of Locust's request event; it never blocks and never lets another greenlet run, so a
    second is always whole. A request belongs to the second in which it ended.
    """

    def __init__(self, clock: Clock, tally: Tally, pacing: Pacing) -> None:
        self.clock = clock
        self.tally = tally
        self.pacing = pacing
        self.folded_names = 0
        self._names: dict[Any, tuple[str, str]] = {}
        self._texts: dict[str, tuple[str, str]] = {}
        self._error_keys: set[tuple[str, str, str, str]] = set()
        self._closed: list[Second] = []
        self._open(int(clock.now()))

    def _open(self, second: int) -> None:
        self.second = second
        self._next = second + 1
        self._cells: dict[Any, Cell] = {}
        self._errors: dict[tuple[str, str, str, str], list[Any]] = {}
        self._slowest: list[tuple[float, int, list[Any]]] = []
        self._slow_ms = -1.0
        self._kept = 0

    def on_request(
        self,
        request_type: Any = "",
        name: Any = "",
        response_time: float | None = None,
        response_length: int | None = 0,
        response: Any = None,
        exception: Any = None,
        url: Any = "",
        **_: Any,
    ) -> None:
        """Count one finished request (the arguments are those of Locust's request event; each may be missing)."""
        now = time.monotonic() + self.clock.base
        if now >= self._next:
            self.roll(int(now))
        if type(response_time) is not float or not -LONGEST_MS <= response_time <= LONGEST_MS:
            response_time = _milliseconds(response_time)
        if type(response_length) is not int:
            response_length = _bytes(response_length)
        try:
            cell = self._cells[request_type, name]
        except KeyError:
            cell = self._cell(request_type, name)
        except TypeError:  # a name that cannot be a key
            request_type, name = readable(request_type), readable(name)
            cell = self._cells.get((request_type, name)) or self._cell(request_type, name)
        tally = self.tally
        ids = getattr(response, "loadlab_ids", None)
        if type(ids) is not tuple:  # not one of Locust's own HTTP clients: sent, answered and reported at once
            tally.send()
            tally.answered += 1
        if exception is None:
            tally.ok += 1
            cell.add(response_time, response_length, False)
        else:
            tally.failed += 1
            cell.add(response_time, response_length, True)
            self._fail(request_type, name, exception, response)
        if response_time is not None:
            if self.pacing.active:
                for intended in self.pacing.response_times(response_time):
                    cell.add_intended(intended)
            if response_time > self._slow_ms:
                self._keep_exemplar(now, request_type, name, response_time, response, exception, url, ids)

    def _cell(self, request_type: Any, name: Any) -> Cell:
        key = (request_type, name)
        if key not in self._names:
            if len(self._names) < MAX_NAMES:
                self._names[key] = (clean_text(request_type or "", MAX_NAME), clean_text(name or "", MAX_NAME))
            else:
                self.folded_names += 1
                key = ("", OTHER)
                self._names[key] = key
        return self._cells.setdefault(key, Cell())

    def _clean(self, request_type: Any, name: Any) -> tuple[str, str]:
        return self._names.get((request_type, name), ("", OTHER))

    def _fail(self, request_type: Any, name: Any, exception: Any, response: Any) -> None:
        status = _status(response)
        raw = readable(exception)
        known = self._texts.get(raw)
        if known is None:
            text = clean_text(raw, MAX_SAMPLE)
            known = fold_message(text), text
            if len(raw) <= MAX_SAMPLE:
                if len(self._texts) > MAX_NAMES:
                    self._texts.clear()
                self._texts[raw] = known
        self.add_error(*self._clean(request_type, name), failure_kind(exception, status), *known)

    def add_error(self, request_type: str, name: str, kind: str, message: str, sample: str) -> None:
        """Count one failure of `kind` in the open second."""
        key = (request_type, name, kind, message)
        if key not in self._error_keys:
            if len(self._error_keys) < MAX_ERRORS:
                self._error_keys.add(key)
            else:
                key = (request_type, name, kind, OTHER)
        elif key not in self._errors:
            sample = ""  # the first second with this failure has one
        if key not in self._errors and len(self._errors) >= MAX_ERRORS_A_SECOND:
            key = ("", OTHER, kind, OTHER)
        self._errors.setdefault(key, [0, "" if key[3] == OTHER else sample])[0] += 1

    def on_user_error(self, user_instance: Any = None, exception: Any = None, **_: Any) -> None:
        """Count an exception that left a task (Locust's user_error event)."""
        user = getattr(user_instance, "user", user_instance)
        text = clean_text(f"{type(exception).__name__}: {readable(exception)}", MAX_SAMPLE)
        self.roll(int(self.clock.now()))
        self.add_error("", clean_text(type(user).__name__, MAX_NAME), "task exception", fold_message(text), text)

    def _keep_exemplar(self, now: float, request_type: Any, name: Any, ms: float, response: Any, *rest: Any) -> None:
        exception, url, ids = rest
        row = [
            round(now - ms / 1000, 6),
            *self._clean(request_type, name),
            ms,
            _status(response),
            clean_text(url or "", MAX_SAMPLE),
            *(ids if type(ids) is tuple else ("", "")),
            "" if exception is None else clean_text(exception, MAX_SAMPLE),
        ]
        self._kept += 1  # of two that took equally long, the earlier one goes first
        entry = (ms, self._kept, row)
        if len(self._slowest) < EXEMPLARS:
            heapq.heappush(self._slowest, entry)
        else:
            heapq.heapreplace(self._slowest, entry)
        if len(self._slowest) == EXEMPLARS:
            self._slow_ms = self._slowest[0][0]

    def roll(self, second: int) -> None:
        """Close the open second if `second` is a later one. A clock put back never opens a closed second again."""
        if second > self.second:
            if self._cells or self._errors:
                self._closed.append(self._take())
            self._open(second)

    def shift(self, change_s: float) -> None:
        """Move what was counted so far by a change of the clock's offset; under half a second nothing moves."""
        whole = round(change_s)
        if whole:
            if self._cells or self._errors:
                self._closed.append(self._take())
            for second in self._closed:
                second["t"] += whole
            self._open(int(self.clock.now()))

    def _take(self) -> Second:
        rows: dict[tuple[str, str], Cell] = {}
        for key, cell in self._cells.items():
            clean = self._names[key]
            if clean in rows:  # two raw names that are one once they are cleaned
                rows[clean].merge(cell.row(*clean))
            else:
                rows[clean] = cell
        slowest = sorted(self._slowest, key=lambda entry: -entry[0])
        return {
            "t": self.second,
            "requests": [cell.row(*clean) for clean, cell in rows.items()],
            "errors": [[*key, count, sample] for key, (count, sample) in self._errors.items()],
            "exemplars": [row for _, _, row in slowest],
        }

    def take_closed(self) -> list[Second]:
        """The seconds closed since the last call, the oldest first; seconds in which nothing happened are left out."""
        self.roll(int(self.clock.now()))
        closed, self._closed = self._closed, []
        return closed

    def take_all(self) -> list[Second]:
        """As `take_closed`, and the open second as far as it has come."""
        closed = self.take_closed()
        if self._cells or self._errors:
            closed.append(self._take())
            second = self.second
            self._open(second)
        return closed


def _milliseconds(value: object) -> float | None:
    """What a custom client calls a response time, as a float; None for nothing and for what is no time."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -LONGEST_MS <= number <= LONGEST_MS else None


def _bytes(value: object) -> int:
    """What a custom client calls a response length, as a whole number; 0 for what is none."""
    if value is None:
        return 0
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return 0


def _status(response: Any) -> int:
    status = getattr(response, "status_code", 0)
    return int(status) if isinstance(status, int) and 0 <= status <= MAX_STATUS else 0
