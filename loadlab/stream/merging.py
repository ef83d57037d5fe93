"""Makes one stream of the records of several regions. No threads and no network: see `merged` for these.

Every record of a region keeps its content, with the region's name added, its times put on the first region's clock
(whole seconds in per-second records, exactly in events and exemplars), and ``region/`` before the names of workers.
There is one `hello` before everything else and one `end` after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from loadlab.stream.clocks import Offset
from loadlab.stream.record import Record

CLOCK_NOTE_S = 1.0
"""A clock that is off by more than this is worth an event."""

_SHARED = ("schema", "relative_error", "run_id", "locust", "python", "shape")
"""What the merged `hello` takes from the first region's; all regions are installed by the same launcher."""

_OWN = ("hostname", "locust", "python", "workers_expected")
"""What it keeps of each region's."""


class Region:
    """What is known of one region while its records come."""

    def __init__(self, name: str, offset: Offset | None) -> None:
        self.name = name
        self.offset = offset
        self.hello: dict[str, Any] | None = None
        self.end: dict[str, Any] | None = None
        self.lost = ""
        self.last_seq = 0
        self.last_second: int | None = None
        self.workers: dict[str, dict[str, Any]] = {}

    @property
    def over(self) -> bool:
        """Nothing more comes from it."""
        return self.end is not None or bool(self.lost)

    @property
    def shift_s(self) -> float:
        """What brings its times onto the first region's clock."""
        return self.offset.seconds if self.offset is not None else 0.0

    @property
    def clock(self) -> dict[str, Any]:
        """The offset of its master's clock, for people; nulls when it was never measured."""
        known = self.offset
        return {
            "clock_offset_ms": None if known is None else round(known.seconds * 1000, 3),
            "clock_error_ms": None if known is None else round(known.error_s * 1000, 3),
        }

    @property
    def described(self) -> dict[str, Any]:
        """What the merged `hello` tells of it."""
        return {name: (self.hello or {}).get(name) for name in _OWN} | self.clock

    def clock_of(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """A worker's offset and error to its own master as those to the first region's; a null stays one."""
        both = {}
        for name, known in self.clock.items():
            measured = report.get(name)
            both[name] = None if measured is None else round(measured + (known or 0.0), 3)
        return both

    def own(self, worker: object) -> str:
        """A worker's name among those of all regions."""
        return f"{self.name}/{worker}"

    def shifted(self, time: float) -> float:
        """A time of this region on the first region's clock."""
        return round(time + self.shift_s, 6)


class Merger:
    """Takes each region's records in their order, whatever the order among regions, and gives the merged ones.

    `regions` are the names with the offsets that put their clocks right; None for one that could not be measured.
    """

    def __init__(self, regions: Mapping[str, Offset | None]) -> None:
        self.regions = {name: Region(name, offset) for name, offset in regions.items()}
        self.stopped_for: str = ""
        """The lost region for which the others are stopped."""
        self.last_seq = 0
        self._begun = False
        self._held: list[dict[str, Any]] = []

    @property
    def ended(self) -> bool:
        """Every region has ended or is lost."""
        return all(region.over for region in self.regions.values())

    @property
    def all_lost(self) -> bool:
        """No region has come to its end."""
        return all(region.lost for region in self.regions.values())

    def add(self, name: str, records: Iterable[Record]) -> list[Record]:
        """The merged records that follow from these of region `name`."""
        region = self.regions[name]
        made: list[dict[str, Any]] = []
        for record in records:
            region.last_seq = record.seq
            payload = record.payload
            if record.kind == "hello":
                region.hello = payload
            elif record.kind == "end":
                region.end = payload
            else:
                made.append(self._rewrite(region, payload))
        return self._emit(made)

    def lose(self, name: str, text: str, time: float) -> list[Record]:
        """The merged records that follow from the loss of region `name`, which was noticed at `time`, on the first
        region's clock."""
        region = self.regions[name]
        region.lost = text
        data = {"last_second": region.last_second, "workers": sorted(region.workers)}
        event = _event(name, "region_lost", name, f"{name} is lost: {text}", time, data)
        return self._emit([event])

    def _emit(self, made: list[dict[str, Any]]) -> list[Record]:
        """Number `made`, after the one `hello` and before the one `end`; hold it back until there is a hello."""
        self._held += made
        if not self._begun:
            if not all(region.hello or region.over for region in self.regions.values()):
                return []
            self._begun = True
            if any(region.hello for region in self.regions.values()):
                self._held = [self._hello(), *self._clock_notes(), *self._held]
        if self.ended and not self.all_lost:
            self._held.append(self._end())
        payloads, self._held = self._held, []
        return [self._number(payload) for payload in payloads]

    def _number(self, payload: dict[str, Any]) -> Record:
        self.last_seq += 1
        numbered = {**payload, "seq": self.last_seq}
        line = json.dumps(numbered, separators=(",", ":")).encode()
        return Record(self.last_seq, str(payload.get("kind")), numbered, line)

    def _hello(self) -> dict[str, Any]:
        known = [region for region in self.regions.values() if region.hello]
        hellos = [region.hello or {} for region in known]
        return {
            "seq": 0,
            "kind": "hello",
            **{name: hellos[0].get(name) for name in _SHARED},
            "time": min(region.shifted((region.hello or {}).get("time", 0)) for region in known),
            "hostname": ", ".join(str(hello.get("hostname", "")) for hello in hellos),
            "workers_expected": sum(hello.get("workers_expected", 0) for hello in hellos),
            "user_classes": sorted({each for hello in hellos for each in hello.get("user_classes", ())}),
            "regions": {name: region.described for name, region in self.regions.items()},
        }

    def _clock_notes(self) -> list[dict[str, Any]]:
        first = next(iter(self.regions))
        notes = []
        for name, region in self.regions.items():
            if region.hello is None:
                continue
            time = region.shifted(region.hello.get("time", 0))
            if region.offset is None:
                text = f"the clock of {name} could not be compared with the others: its times are its own"
                notes.append(_event(name, "warning", name, text, time, {}))
            elif abs(region.shift_s) > CLOCK_NOTE_S:
                side = "behind" if region.shift_s > 0 else "ahead of"
                text = f"the clock of {name} is {abs(region.shift_s):.1f} s {side} that of {first}; it was put right"
                notes.append(_event(name, "warning", name, text, time, region.clock))
        return notes

    def _end(self) -> dict[str, Any]:
        workers: dict[str, Any] = {}
        regions: dict[str, Any] = {}
        times, reasons = [], []
        for name, region in self.regions.items():
            if region.end is not None:
                times.append(region.shifted(region.end.get("time", 0)))
                reasons.append(str(region.end.get("reason")))
                for worker, report in region.end.get("workers", {}).items():
                    workers[region.own(worker)] = {**report, **region.clock_of(report)}
                regions[name] = {"state": "ended", "reason": reasons[-1], **region.clock}
            else:
                workers |= {region.own(worker): report for worker, report in region.workers.items()}
                regions[name] = {"state": "lost", "reason": region.lost, **region.clock}
        others = [reason for reason in reasons if reason != "run_time"]
        reason = "region_lost" if self.stopped_for else (others or reasons)[0]
        return {"seq": 0, "kind": "end", "time": max(times), "reason": reason, "workers": workers, "regions": regions}

    def _rewrite(self, region: Region, payload: dict[str, Any]) -> dict[str, Any]:
        """`payload` as a record of this region; one that makes no sense stays as it is, and the tables say so."""
        try:
            rewrite = {"second": _second, "amend": _second, "event": _told, "gap": _gap}[str(payload.get("kind"))]
            made = rewrite(region, payload)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            made = dict(payload)
        return {**made, "region": region.name, "region_seq": payload.get("seq")}


def _event(region: str, kind: str, about: str, text: str, time: float, data: Mapping[str, Any]) -> dict[str, Any]:
    made = {"seq": 0, "kind": "event", "time": round(time, 6), "event": kind, "object": about, "text": text}
    return {**made, "data": dict(data), "region": region}


def _second(region: Region, payload: dict[str, Any]) -> dict[str, Any]:
    second = int(payload["t"]) + round(region.shift_s)
    changed: dict[str, Any] = {"t": second}
    if payload.get("generators"):
        changed["generators"] = [
            [
                region.own(worker),
                *numbers,
                None if offset is None else round(offset + region.shift_s * 1000, 3),
            ]
            for worker, *numbers, offset in payload["generators"]
        ]
        for row in payload["generators"]:
            _count(region, row)
    if payload.get("exemplars"):
        changed["exemplars"] = [
            [region.shifted(row[0]), *row[1:8], region.own(row[8]), *row[9:]] for row in payload["exemplars"]
        ]
    if payload.get("metrics"):
        changed["metrics"] = [[*row[:2], region.own(row[2]), *row[3:]] for row in payload["metrics"]]
    if payload.get("missing"):
        changed["missing"] = [region.own(worker) for worker in payload["missing"]]
    region.last_second = max(second, region.last_second or second)
    return {**payload, **changed}


def _count(region: Region, row: list[Any]) -> None:
    """Keep what a worker has reported: all that is known of it should its region be lost."""
    name, requests, offset = str(row[0]), int(row[2]), row[6]
    if name == "master":
        return
    known = region.workers.setdefault(name, {"sent": 0, "clock_error_ms": None, "state": "lost"})
    known["sent"] += requests
    known["clock_offset_ms"] = None if offset is None else round(offset + region.shift_s * 1000, 3)


def _told(region: Region, payload: dict[str, Any]) -> dict[str, Any]:
    about, text, data = str(payload.get("object", "")), str(payload.get("text", "")), payload.get("data")
    if payload["event"] == "worker_joined":
        region.workers.setdefault(about, {"sent": 0, "clock_offset_ms": None, "clock_error_ms": None, "state": "lost"})
    if about in region.workers and about in text:
        text, about = text.replace(about, region.own(about), 1), region.own(about)
    else:
        text = f"{region.name}: {text}"
    if isinstance(data, dict) and isinstance(data.get("last_second"), int):
        data = {**data, "last_second": data["last_second"] + round(region.shift_s)}
    return {**payload, "time": region.shifted(payload["time"]), "object": about, "text": text, "data": data}


def _gap(region: Region, payload: dict[str, Any]) -> dict[str, Any]:
    """A gap counts the region's own records, so it is told as what it means."""
    first, last = int(payload["from"]), int(payload["to"])
    text = f"Records {first} to {last} of {region.name} are lost: its master could not keep them for its reader."
    time = (region.last_second or 0) + 1.0
    return _event(region.name, "warning", region.name, text, time, {"from": first, "to": last})
