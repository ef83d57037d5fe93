"""A run of a minute that is fine, to be spoiled in one way at a time, and what is judged of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from raw_samples import START, event, requests_table, table

from loadlab.analyse import Check, Validity, check_validity

SECONDS = 60
EVENTS = [
    event(0.1, "test_start"),
    event(0.1, "stage", "0", index=0, users=10, spawn_rate=10, name=""),
    event(2.4, "ramp_complete", users=10),
    event(SECONDS + 0.2, "test_stopping"),
    event(SECONDS + 0.9, "test_stop"),
]
STEADY = SECONDS - 3


def make_samples(
    *, seconds: int = SECONDS, rate: int = 50, scale_ms: float = 100.0, seed: int = 3, failing: float = 0.01
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = seconds * rate
    return pd.DataFrame(
        {
            "second": np.repeat(START + np.arange(seconds), rate),
            "request_type": "GET",
            "name": "/",
            "ms": scale_ms * rng.lognormal(0, 0.3, n),
            "failed": rng.random(n) < failing,
            "size": 100,
        }
    )


def make_generators(seconds: int = SECONDS, **changes: object) -> pd.DataFrame:
    """Two calm workers and a master; `changes` replaces a column: a value or a function of (second, worker)."""
    rows = []
    for second in range(seconds):
        for worker in ("worker-1", "worker-2", "master"):
            row = {
                "time": pd.Timestamp(START + second, unit="s", tz="UTC"),
                "worker": worker,
                "users": 5,
                "requests": 0 if worker == "master" else 25,
                "cpu_percent": 35.0,
                "memory_bytes": 10**8,
                "lag_ms": 2.0,
                "clock_offset_ms": None if second == 0 else 0.3,
            }
            for column, change in changes.items():
                row[column] = change(second, worker) if callable(change) else change
            rows.append(row)
    return table("generators", rows)


def judge(**changes: object) -> Validity:
    samples = changes.pop("samples", None)
    requests = requests_table(make_samples() if samples is None else samples)
    finished, failed = int(requests["count"].sum()), int(requests["failures"].sum())
    counts = {"sent": finished + 4, "ok": finished - failed, "failed": failed, "in_flight": 4, "lost": 0}
    events = table("events", [*changes.pop("events", EVENTS), *changes.pop("more_events", [])])
    arguments = {"conservation": counts, "end_reason": "run_time", "planned_s": SECONDS, **changes}
    return check_validity(requests, arguments.pop("generators", make_generators()), events, **arguments)


def check(validity: Validity, name: str) -> Check:
    return next(check for check in validity.checks if check.name == name)


def counts(**changes: int) -> dict[str, int]:
    finished = SECONDS * 50
    return {"sent": finished, "ok": finished - 30, "failed": 30, "in_flight": 0, "lost": 0, **changes}
