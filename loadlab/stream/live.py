"""What a run has done so far, from its records: a window of the last seconds in full, the whole of it thinned.

The window keeps every second for `RECENT_S` seconds, and what each endpoint did for `ENDPOINTS_S`. The whole is a row
of at most `MAX_BINS` bins, as wide as they must be: when one more is needed, neighbours are merged in pairs. Histograms
are merged, percentiles never averaged. So a second costs the same after six hours as after one minute, and so does
looking at the whole.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadlab.stream.tally import Bin, BinRow, Endpoint, Second, Tally

WINDOW_S = 10
"""What is said of "now" is said of so many seconds, the last one that is complete included."""

RECENT_S = 300
ENDPOINTS_S = WINDOW_S + 10
MAX_BINS = 240
GENERATORS_S = 30
MAX_WARNINGS = 20

_WARNING_EVENTS = ("warning", "names_folded", "lease_expired", "region_lost")


class LiveSeconds:
    """The sums over a run that goes on. One thread adds records, others read: methods lock, attributes are plain.

    Attributes:
        last_second: the latest second (epoch) that is closed, None before the first.
        began: when the test started, on the master's clock; None before.
        stopped: when the users were told to stop, the last region's if there are several; None before.
        ended: whether the `end` record has come.
        phase: "waiting" for the start, "ramping", "steady", "stopping" or "ended".
        workers: names of the workers that are connected. `lost` are those that went silent and did not return.
        generators: (second, row of a record's `generators`) of the last `GENERATORS_S`.
        warnings: (time, text) of the last events that a reader of the result should know.
        shape: the load shape of the locustfile that decides on users and duration, if there is one.
    """

    def __init__(self) -> None:
        self._total = Tally()
        self.last_second: int | None = None
        self.began: float | None = None
        self.stopped: float | None = None
        self.ended = False
        self.workers: set[str] = set()
        self.lost: set[str] = set()
        self.shape: str | None = None
        self.expected_workers = 0
        self.generators: deque[tuple[int, Sequence[Any]]] = deque()
        self.warnings: deque[tuple[float, str]] = deque(maxlen=MAX_WARNINGS)
        self._endpoints: dict[Endpoint, Tally] = {}
        self._recent: dict[int, Second] = {}
        self._bins: dict[int, Bin] = {}
        self._width_s = 1
        self._phases: dict[str, str] = {}
        self._targets: dict[str, int] = {}
        self._running: dict[str, int] = {}
        self._stopped: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one record (a parsed line). Raises what a record of another form makes it raise."""
        region = str(record.get("region") or "")
        with self._lock:
            match record["kind"]:
                case "second" | "amend":
                    self._add_second(record, region)
                case "event":
                    self._add_event(record, region)
                case "hello":
                    self.shape = record.get("shape")
                    self.expected_workers = int(record.get("workers_expected") or 0)
                case "end":
                    self.ended = True

    def _add_second(self, record: Mapping[str, Any], region: str) -> None:
        start = int(record["t"])
        second = self._recent.get(start)
        if second is None:
            second = Second(start)  # a part that comes very late goes into the whole alone
            if self.last_second is None or start > self.last_second - RECENT_S:
                self._recent[start] = second
        news = Bin(start, 1)
        for row in record.get("requests") or ():
            key = (str(row[0]), str(row[1]))
            news.add_row(row)
            second.endpoints.setdefault(key, Tally()).add_row(row)
            self._endpoints.setdefault(key, Tally()).add_row(row)
        users = sum((record.get("users") or {}).values())
        second.users += users
        news.users = second.users
        second.add(news)
        self._total.add(news)
        self._bin_of(start).add_bin(news)
        self.generators.extend((start, row) for row in record.get("generators") or ())
        if record["kind"] == "second":
            self._running[region] = users
            self.last_second = start if self.last_second is None else max(self.last_second, start)
            self._forget()

    def _bin_of(self, start: int) -> Bin:
        while start // self._width_s not in self._bins and len(self._bins) >= MAX_BINS:
            self._widen()
        place = start // self._width_s
        if place not in self._bins:
            self._bins[place] = Bin(place * self._width_s, self._width_s)
        return self._bins[place]

    def _widen(self) -> None:
        self._width_s *= 2
        narrow, self._bins = self._bins, {}
        for each in narrow.values():
            self._bin_of(each.start).add_bin(each)

    def _forget(self) -> None:
        last = self.last_second or 0
        while self._recent and (oldest := next(iter(self._recent))) <= last - RECENT_S:
            del self._recent[oldest]
        while self.generators and self.generators[0][0] <= last - GENERATORS_S:
            self.generators.popleft()
        if (old := self._recent.get(last - ENDPOINTS_S)) is not None:
            old.endpoints = {}

    @property
    def requests(self) -> int:
        """Finished requests of the whole run."""
        return self._total.count

    @property
    def failures(self) -> int:
        """Of these, the failed ones."""
        return self._total.failures

    def _add_event(self, record: Mapping[str, Any], region: str) -> None:
        event, about = record.get("event"), str(record.get("object") or "")
        if event in _WARNING_EVENTS:
            self.warnings.append((float(record["time"]), str(record.get("text") or event)))
        match event:
            case "test_start":
                self.began = min(float(record["time"]), self.began or math.inf)
                self._phases[region] = "ramping"
            case "stage":
                self._targets[region] = int((record.get("data") or {}).get("users", 0))
                self._phases[region] = "ramping"
            case "ramp_complete":
                self._phases[region] = "steady"
            case "test_stopping" | "test_stop":
                self._phases[region] = "stopping"
                self._stopped.setdefault(region, float(record["time"]))
                self.stopped = max(self._stopped.values())
            case "worker_joined" | "worker_returned":
                self.workers.add(about)
                self.lost.discard(about)
            case "worker_left" | "worker_lost":
                self.workers.discard(about)
                if event == "worker_lost":
                    self.lost.add(about)
            case "region_lost":
                for known in (self._phases, self._targets, self._running):
                    known.pop(region, None)
                self.workers = {name for name in self.workers if not name.startswith(f"{about or region}/")}

    @property
    def phase(self) -> str:
        """See the class: of several regions that of the one that is least far, but stopping when any is."""
        phases = set(self._phases.values())
        if self.ended or "stopping" in phases:
            return "ended" if self.ended else "stopping"
        return next((phase for phase in ("ramping", "steady") if phase in phases), "waiting")

    @property
    def users(self) -> int:
        """Users that run."""
        return sum(self._running.values())

    @property
    def target_users(self) -> int | None:
        """Users that were asked for last, None before any were."""
        return sum(self._targets.values()) if self._targets else None

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the test to the end of the last closed second."""
        if self.began is None or self.last_second is None:
            return 0.0
        return max(0.0, self.last_second + 1 - self.began)

    @property
    def last_rps(self) -> int:
        """Successful requests in the last closed second."""
        last = self._recent.get(self.last_second or 0)
        return last.count - last.failures if last is not None else 0

    def window(self) -> tuple[Tally, int]:
        """What the last `WINDOW_S` closed seconds under load add up to, and how many they are."""
        with self._lock:
            whole = Tally()
            seconds = list(self._window())
            for second in seconds:
                whole.add(second)
            return whole, len(seconds)

    def _window(self) -> Iterator[Second]:
        """The seconds of the window, from the one on in which the test began."""
        if self.last_second is not None and self.began is not None:
            first = max(self.last_second + 1 - WINDOW_S, int(self.began))
            yield from (self._recent[t] for t in range(first, self.last_second + 1) if t in self._recent)

    def endpoints(self) -> dict[Endpoint, tuple[Tally, Tally]]:
        """What each endpoint did: in the window, and in the whole run."""
        with self._lock:
            now: dict[Endpoint, Tally] = {}
            for second in self._window():
                for key, tally in second.endpoints.items():
                    now.setdefault(key, Tally()).add(tally)
            return {key: (now.get(key, Tally()), total.copy()) for key, total in self._endpoints.items()}

    def whole(self) -> Tally:
        """All finished requests."""
        with self._lock:
            return self._total.copy()

    def recent_rows(self) -> list[BinRow]:
        """The closed seconds of the last `RECENT_S`, in order."""
        with self._lock:
            return [self._row(self._recent[t]) for t in sorted(self._recent) if t <= (self.last_second or 0)]

    def whole_rows(self) -> list[BinRow]:
        """The whole run in at most `MAX_BINS` bins of one width, in order. The last one may not be full yet."""
        with self._lock:
            return [self._row(self._bins[place]) for place in sorted(self._bins)]

    def _row(self, each: Bin) -> BinRow:
        end = min(each.start + each.width_s, (self.last_second or each.start) + 1)
        seconds = max(1, end - max(each.start, int(self.began or each.start)))
        return BinRow(each.start, seconds, each.count, each.failures, each.users, *each.percentiles())
