"""Runs of a minute with slow, failing, silent and unrecorded times: raw rows, tables and records of a stream."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from raw_samples import START, bucket, event, table

Row = dict[str, Any]
WORKERS = ("w1", "w2")


@dataclass
class RawRun:
    """Lists of plain rows; seconds count from START. `steady` are the first and one past the last second judged."""

    seconds: int = 60
    steady: tuple[int, int] = (3, 60)
    requests: list[Row] = field(default_factory=list)
    errors: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    metrics: list[Row] = field(default_factory=list)
    signals: list[Row] = field(default_factory=list)
    missing: frozenset[int] = frozenset()
    events: list[Row] = field(default_factory=list)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of the archive."""
        rows: dict[str, list[Row]] = {"events": self.events, "generators": [], "signals": _timed(self.signals)}
        for name in ("errors", "users", "metrics"):
            rows[name] = _timed(row for row in getattr(self, name) if row["second"] not in self.missing)
        for second in self._recorded():
            rows["generators"] += _timed(
                {"second": second, "worker": worker, "users": 5, "requests": 9} for worker in WORKERS
            )
        rows["requests"] = _timed(
            {"second": second, **_sum_up(kind, name, group)}
            for (second, kind, name), group in self._groups(self.requests).items()
        )
        return {name: table(name, own) for name, own in rows.items()}

    def records(self, seed: int, *, regions: tuple[str, ...] = ("",)) -> list[Row]:
        """The records of a stream. Each region has its half of what there is; every third part of w2 comes late, as an
        `amend` at some later time, in no order."""
        rng = np.random.default_rng(seed)
        due: list[tuple[float, int, Row]] = []
        for place, region in enumerate(regions):
            own = {"region": region} if region else {}
            for told in self.events:
                when = told["time"].timestamp() - START
                data = json.loads(told["data"]) if told["data"] else {}
                record = {"kind": "event", "time": told["time"].timestamp(), "event": told["kind"], "data": data}
                due.append((when, 0, {**record, "object": told["object"], "text": told["text"], **own}))
            for second in self._recorded():
                for number, worker in enumerate(WORKERS):
                    part = self._part(second, place * len(WORKERS) + number, len(regions) * len(WORKERS), worker)
                    late = worker == "w2" and rng.random() < 0.3
                    when = second + 1.5 + number * 0.01 + place * 0.001 + (rng.uniform(0.5, 15) if late else 0)
                    kind = "amend" if late or number else "second"
                    due.append((when, 1, {"kind": kind, "t": START + second, **part, **own}))
        hello = {"kind": "hello", "schema": 2, "time": START - 1.0}
        if regions != ("",):
            hello["regions"] = {region: {} for region in regions}
        end = {"kind": "end", "time": START + self.seconds + 2.0, "reason": "run_time", "workers": {}}
        ordered = [record for _, _, record in sorted(due, key=lambda entry: entry[:2])]
        return [{"seq": seq, **record} for seq, record in enumerate([hello, *ordered, end], 1)]

    def _recorded(self) -> list[int]:
        return [second for second in range(self.seconds) if second not in self.missing]

    def _groups(self, rows: list[Row]) -> Mapping[tuple[int, str, str], list[Row]]:
        groups: dict[tuple[int, str, str], list[Row]] = {}
        for row in rows:
            if row["second"] not in self.missing:
                groups.setdefault((row["second"], row["request_type"], row["name"]), []).append(row)
        return groups

    def _part(self, second: int, share: int, of: int, worker: str) -> Row:
        """What one worker of one region tells of a second: every so-manieth row."""

        def own(rows: list[Row]) -> list[Row]:
            return [row for place, row in enumerate(rows) if place % of == share and row["second"] == second]

        requests = []
        for (_, kind, name), group in self._groups(own(self.requests)).items():
            row = _sum_up(kind, name, group)
            pairs = row["histogram"]
            numbers = [row[column] for column in ("count", "failures", "response_bytes", "sum_ms", "min_ms", "max_ms")]
            numbers = [None if isinstance(value, float) and math.isnan(value) else value for value in numbers]
            lists = [[pair[column] for pair in pairs] for column in ("bucket", "count")]
            requests.append([kind, name, *numbers, *lists, None, None])
        return {
            "requests": requests,
            "errors": [
                [row["request_type"], row["name"], row["kind"], "m", row["count"], ""] for row in own(self.errors)
            ],
            "users": {row["user_class"]: row["users"] for row in own(self.users)},
            "metrics": [[row["name"], row["kind"], row["worker"], row["value"]] for row in own(self.metrics)],
            "generators": [[worker, 5, 9, 30.0, 1000, 1.0, 0.1]],
            "exemplars": [],
            "missing": [],
        }


def _timed(rows: Any) -> list[Row]:
    return [{**row, "time": pd.Timestamp(START + row["second"], unit="s", tz="UTC")} for row in rows]


def _sum_up(kind: str, name: str, group: list[Row]) -> Row:
    times = [row["ms"] for row in group if not math.isnan(row["ms"])]
    return {
        "request_type": kind,
        "name": name,
        "count": len(group),
        "failures": sum(row["failed"] for row in group),
        "response_bytes": 0,
        "sum_ms": math.fsum(times),
        "min_ms": min(times, default=math.nan),
        "max_ms": max(times, default=math.nan),
        "histogram": [{"bucket": index, "count": count} for index, count in Counter(map(bucket, times)).items()],
    }


def steady_events(ramp_end: float, stop: float, start: float = 0.2) -> list[Row]:
    return [
        event(start, "test_start"),
        event(start, "stage", "0", index=0, users=10, spawn_rate=10, name=""),
        event(ramp_end, "ramp_complete", users=10),
        event(stop, "test_stopping"),
        event(stop + 0.5, "test_stop"),
    ]


def make_run(seed: int, *, seconds: int = 60, rate: int = 24) -> RawRun:
    """A run with a slow, a failing and a silent time; with an odd seed some seconds were not recorded."""
    rng = np.random.default_rng(seed)
    slow, failing, silent = (int(rng.integers(8, seconds - 10)) for _ in range(3))
    run = RawRun(seconds, (3, seconds), events=steady_events(2.4, seconds + 0.3))
    run.missing = frozenset({int(rng.integers(5, seconds - 5))} if seed % 2 else ())
    for second in range(seconds):
        count = 0 if silent <= second < silent + 4 else int(rng.poisson(rate))
        for _ in range(count):
            ms = float(rng.lognormal(3, 0.5)) * (6 if slow <= second < slow + 6 else 1)
            run.requests.append(
                {
                    "second": second,
                    "request_type": str(rng.choice(["GET", "POST"], p=[0.8, 0.2])),
                    "name": str(rng.choice(["/", "/cart", "/item?id=[id]"], p=[0.5, 0.3, 0.2])),
                    "ms": math.nan if rng.random() < 0.02 else ms,
                    "failed": bool(rng.random() < (0.4 if failing <= second < failing + 5 else 0.01)),
                }
            )
        for kind in ("timeout", "HTTP 503"):
            if failing <= second < failing + 5 and rng.random() < 0.7:
                count = int(rng.integers(1, 4))
                run.errors.append({"second": second, "request_type": "GET", "name": "/", "kind": kind, "count": count})
        for user_class in ("Buyer", "Looker"):
            users = min(second * 3, 5) + (seed % 2)
            run.users.append({"second": second, "user_class": user_class, "users": users})
        for worker in WORKERS:
            if rng.random() < 0.8:
                counted = {"name": "checkouts", "kind": "count", "value": float(rng.integers(1, 9))}
                run.metrics.append({"second": second, "worker": worker, **counted})
            gauge = {"name": "online", "kind": "gauge", "value": float(10 + second % 7)}
            run.metrics.append({"second": second, "worker": worker, **gauge})
        if second % 5 == 0:
            for pod in ("pod-a", "pod-b"):
                cpu = {"object": pod, "metric": "pod_cpu", "value": float(rng.uniform(0.2, 1.0)), "unit": "cores"}
                run.signals.append({"second": second, **cpu})
    return run
