"""Runs as an exporter meets them: an id, a folder, run.json's contents and tables, made from raw samples."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import numpy as np
import pandas as pd
from raw_samples import requests_table, table

from loadlab import schema


class SampleRun:
    """What `loadlab.export.Source` asks for; tables that were not given are empty."""

    def __init__(self, path, *, labels=None, run_id="r20261124-101500-abcd", **tables):
        self.path = Path(path)
        self.id = run_id
        self.info = {
            "labels": {"service": "shop", "environment": "staging"} if labels is None else labels,
            "started": "2026-11-24T10:15:00.000Z",
            "ended": "2026-11-24T11:15:00.000Z",
        }
        self.tables = tables

    def table(self, name):
        return self.tables.get(name, schema.empty_frame(name))


def recent(seconds_ago=3600):
    """A second in the past that is no whole minute."""
    return int(time.time()) - seconds_ago // 60 * 60 // 60 * 60 + 17


def samples(start, *, seconds=180, rate=20, names=("/", "/cart", "/pay"), seed=1, sigma=0.7):
    """Raw requests, a row each; see raw_samples.requests_table."""
    rng = np.random.default_rng(seed)
    n = seconds * rate
    return pd.DataFrame(
        {
            "second": start + np.sort(rng.integers(0, seconds, n)),
            "request_type": rng.choice(["GET", "POST"], n, p=[0.9, 0.1]) if len(names) < 20 else ["GET"] * n,
            "name": rng.choice(list(names), n),
            "ms": np.where(rng.random(n) < 0.01, np.nan, rng.lognormal(3, sigma, n)),
            "failed": rng.random(n) < 0.05,
            "size": rng.integers(0, 10_000, n),
        }
    )


def at(second):
    return pd.Timestamp(second, unit="s", tz="UTC")


def error_rows(raw):
    """A row of the errors table for each failed request."""
    return table(
        "errors",
        [
            {
                "time": at(row.second),
                "request_type": row.request_type,
                "name": row.name,
                "kind": f"HTTP {500 + i % 3}",
                "message": "no",
                "count": 1,
                "sample": "no",
            }
            for i, row in enumerate(raw[raw.failed].drop(columns=["name"]).assign(name="/").itertuples(index=False))
        ],
    )


START = recent()


def full_run(path, *, seconds=180, parts=2):
    """A run with something in every table, and the raw samples it was made of."""
    tables, raw = full_tables(seconds, parts)
    return SampleRun(path, **tables), raw


@functools.cache
def full_tables(seconds, parts):
    start = START
    raw = samples(start, seconds=seconds)
    every = range(start, start + seconds)
    users = [{"time": at(t), "user_class": c, "users": n} for t in every for c, n in (("A", 7), ("B", t % 3))]
    generators = [
        {
            "time": at(t),
            "worker": w,
            "users": 4,
            "requests": 10,
            "cpu_percent": c,
            "memory_bytes": 1,
            "lag_ms": 0.0,
            "clock_offset_ms": 0.0,
        }
        for t in every
        for w, c in (("w1", 40 + t % 7 / 3), ("w2", 55.0), ("master", 99.0))
    ]
    metrics = [
        {"time": at(t), "name": n, "kind": k, "worker": "w1", "value": v}
        for t in every
        for n, k, v in (("checkouts", "count", 2.0), ("carts", "gauge", 17.123456))
    ]
    signals = [
        {"time": at(t), "source": "kubernetes", "object": pod, "metric": "pod_cpu", "value": 60 + i, "unit": "%"}
        for t in range(start, start + seconds, 10)
        for i, pod in enumerate(("shop-a", "shop-b"))
    ]
    tables = {
        "requests": requests_table(raw, parts=parts),
        "errors": error_rows(raw),
        "users": table("users", users),
        "generators": table("generators", generators),
        "metrics": table("metrics", metrics),
        "signals": table("signals", signals),
    }
    return tables, raw
