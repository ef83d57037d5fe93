"""A finished run whose load is a synthetic day: every table as a recorder would have left it.

Besides the requests of `benchmarks.synthetic_day`: failures by kind, two workers and the master in `generators`, users
that ramp up in five minutes, five exemplars a minute, start, ramp, notes and end as events.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.synthetic_day import DAY_S, NAMES, START, synthetic_requests
from loadlab import schema, store

RAMP_S = 300
USERS = 500
WORKERS = ("master", "worker-1", "worker-2")
EXEMPLARS_EVERY_S = 60


def write_run(root: Path, *, seconds: int = DAY_S, names: int = NAMES) -> Path:
    """Write the run below `root` and return its folder."""
    requests = pa.concat_tables(synthetic_requests(seconds=seconds, names=names))
    sent, failed = (int(pc.sum(requests[column]).as_py()) for column in ("count", "failures"))
    started = datetime.fromtimestamp(START, UTC)
    info = {
        "status": "finished",
        "loadtest": {
            "host": "http://127.0.0.1:8000",
            "locustfile": "locustfiles/storefront.py",
            "users": USERS,
            "spawn_rate": USERS / RAMP_S,
            "run_time": float(seconds),
            "workers": len(WORKERS) - 1,
            "stages": [],
            "labels": {"service": "synthetic"},
            "target_rps": None,
        },
        "labels": {"service": "synthetic"},
        "launcher": "local",
        "started": started.isoformat(),
        "ended": datetime.fromtimestamp(START + seconds, UTC).isoformat(),
        "end_reason": "run_time",
        "versions": {},
        "git": None,
        "host": {},
        "command": "loadlab run",
        "clock_offsets": {worker: {"offset_ms": 0.1, "error_ms": 0.1} for worker in WORKERS[1:]},
        "conservation": {
            "sent": sent, "ok": sent - failed, "failed": failed, "in_flight": 0, "unreported": 0, "lost": 0,
        },
    }  # fmt: skip
    folder = store.RunFolder.create(root, store.new_run_id(started), info)
    folder.write_tables(
        {
            "requests": requests,
            "errors": _errors(requests),
            "users": _users(seconds),
            "generators": _generators(requests, seconds),
            "events": _events(seconds),
            "exemplars": _exemplars(requests, seconds),
        }
    )
    return folder.path


def _table(name: str, columns: Sequence[Any]) -> pa.Table:
    """The schema's table of `columns`, all but the region: there is one only."""
    fields = schema.arrow_schema(name)
    arrays = []
    columns = [*columns, [""] * len(columns[0])]
    for field, column in zip(fields, columns, strict=True):
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else pa.array(column)
        arrays.append(array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=fields)


def _microseconds(second: np.ndarray) -> pa.Array:
    return pa.array((START + second) * 1_000_000, type=pa.timestamp("us", tz="UTC"))


def _errors(requests: pa.Table) -> pa.Table:
    failed = requests.filter(pc.greater(requests["failures"], 0))
    number = np.arange(failed.num_rows) % 3
    kinds = np.array(["HTTP 503", "HTTP 500", "timeout"])[number]
    texts = np.array(["503 Service Unavailable for order <n>", "500 for <uuid>", "read timed out after <n> s"])[number]
    names = [failed[name].cast(pa.string()) for name in ("request_type", "name")]
    return _table("errors", [failed["time"], *names, kinds, texts, failed["failures"], texts])


def _users(seconds: int) -> pa.Table:
    second = np.arange(seconds)
    return _table("users", [_microseconds(second), ["Visitor"] * seconds, _running(second)])


def _running(second: np.ndarray) -> np.ndarray:
    return np.minimum(USERS, 1 + second * USERS // RAMP_S)


def _generators(requests: pa.Table, seconds: int) -> pa.Table:
    random = np.random.default_rng(2)
    at = pc.divide(requests["time"].cast(pa.int64()), 1_000_000).to_numpy() - START
    finished = np.bincount(at, weights=requests["count"].to_numpy(), minlength=seconds)
    second, worker = np.repeat(np.arange(seconds), len(WORKERS)), np.tile(np.arange(len(WORKERS)), seconds)
    loads = worker > 0
    rows = len(second)
    return _table(
        "generators",
        [
            _microseconds(second),
            np.array(WORKERS)[worker],
            np.where(loads, _running(second) // 2, 0),
            np.where(loads, finished[second] // 2, 0).astype(np.int64),
            np.where(loads, random.normal(35, 4, rows), random.normal(3, 0.5, rows)).round(2),
            90_000_000 + random.integers(0, 2_000_000, rows),
            random.gamma(2, 0.6, rows).round(3),
            np.where(loads, random.normal(0.1, 0.02, rows), 0.0).round(3),
        ],
    )


def _events(seconds: int) -> pa.Table:
    stage = {"index": 0, "users": USERS, "spawn_rate": USERS / RAMP_S}
    ramp = min(RAMP_S, seconds // 2)
    found: list[tuple[int, str, str, str, dict[str, Any]]] = [
        (0, "swarm_ready", "", "2 of 2 workers are connected", {}),
        (0, "test_start", "", "the test starts", {}),
        (0, "stage", "0", f"{USERS} users", stage),
        (ramp, "ramp_complete", "", f"{USERS} users are running", {"users": USERS}),
        *((at, "note", "", "a deployment", {}) for at in range(3600, seconds, 3 * 3600)),
        (seconds, "test_stopping", "", "users begin to stop", {}),
        (seconds, "test_stop", "", "all users have stopped", {}),
    ]
    at, kinds, things, texts, data = zip(*found, strict=True)
    return _table("events", [_microseconds(np.array(at)), kinds, things, texts, [json.dumps(each) for each in data]])


def _exemplars(requests: pa.Table, seconds: int) -> pa.Table:
    step = max(1, requests.num_rows // max(1, 5 * seconds // EXEMPLARS_EVERY_S))
    rows = requests.take(pa.array(np.arange(0, requests.num_rows, step)))
    count = rows.num_rows
    names = rows["name"].cast(pa.string())
    ids = [f"{number:032x}" for number in range(count)]
    return _table(
        "exemplars",
        [
            rows["time"],
            rows["request_type"].cast(pa.string()),
            names,
            rows["max_ms"],
            np.full(count, 200),
            [f"http://127.0.0.1:8000{name}" for name in names.to_pylist()],
            ids,
            ids,
            ["worker-1"] * count,
            [""] * count,
        ],
    )
