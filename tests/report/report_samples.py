"""A run as the recorder would leave it, from a fixed seed, analysed and drawn: what a report is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loadlab import analyse, plot, schema
from loadlab.analyse.histogram import ZERO_BUCKET, bucket_positions
from loadlab.report import ReportData

START = pd.Timestamp("2026-11-23T10:00:00Z")
ENDPOINTS = (
    ("GET", "/", 14.0),
    ("GET", "/products", 32.0),
    ("GET", "/products/[id]", 21.0),
    ("GET", "/search", 85.0),
    ("GET", "/cart", 11.0),
    ("POST", "/cart", 19.0),
    ("POST", "/checkout", 140.0),
    ("GET", "/recommendations", 55.0),
    ("GET", "/reviews", 27.0),
    ("GET", "/images/[name]", 4.0),
    ("GET", "/health", 0.6),
    ("GET", "/legal/terms-and-conditions/[country]/[language]", 9.0),
)


def requests(seconds: int, endpoints: Sequence[tuple[str, str, float]] = ENDPOINTS, seed: int = 1) -> pd.DataFrame:
    """A `requests` table with lognormal response times around each endpoint's median, a peak halfway, some failures."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {name: [] for name in schema.column_names("requests")}
    for second in range(seconds):
        load = 1.0 + 1.5 * np.exp(-(((second - seconds * 0.6) / (seconds * 0.06 + 1)) ** 2))
        for number, (request_type, name, median) in enumerate(endpoints):
            count = int(random.poisson(18 / (1 + number % 5)))
            if not count:
                continue
            values = random.lognormal(np.log(median * load), 0.45, count)
            buckets, counts = np.unique(bucket_positions(values) + ZERO_BUCKET, return_counts=True)
            columns["time"].append(START + timedelta(seconds=second))
            columns["request_type"].append(request_type)
            columns["name"].append(name)
            columns["count"].append(count)
            columns["failures"].append(int(random.binomial(count, 0.02 if "checkout" in name else 0.001)))
            columns["response_bytes"].append(count * (400 + 900 * number))
            columns["sum_ms"].append(float(values.sum()))
            columns["min_ms"].append(float(values.min()))
            columns["max_ms"].append(float(values.max()))
            columns["histogram"].append(
                [{"bucket": int(bucket), "count": int(held)} for bucket, held in zip(buckets, counts, strict=True)]
            )
            columns["intended_histogram"].append(None)
            columns["region"].append("")
    return to_table("requests", columns)


def to_table(name: str, columns: dict[str, list[Any]]) -> pd.DataFrame:
    target = schema.arrow_schema(name)
    return (
        schema.to_frame(name, pa.table([pa.array(columns[field.name]) for field in target], names=target.names))
        if (next(iter(columns.values())))
        else schema.empty_frame(name)
    )


def rows(name: str, values: Sequence[Sequence[Any]]) -> pd.DataFrame:
    names = schema.column_names(name)
    values = [value if len(value) == len(names) else (*value, "") for value in values]  # all in one region
    return to_table(name, {column: [value[place] for value in values] for place, column in enumerate(names)})


def errors(requests: pd.DataFrame) -> pd.DataFrame:
    found = []
    for row in requests[requests["failures"] > 0].itertuples():
        kind, message = (
            ("HTTP 503", "503 Service Unavailable") if row.Index % 3 else ("timeout", "read timed out after <n> s")
        )
        sample = "503 Service Unavailable for order 7f3a" if row.Index % 3 else "read timed out after 5.0 s"
        found.append((row.time, row.request_type, row.name, kind, message, row.failures, sample))
    return rows("errors", found)


def generators(seconds: int, workers: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(5)
    return rows(
        "generators",
        [
            (
                START + timedelta(seconds=second),
                f"worker-{number}" if number else "master",
                25 if number else 0,
                60 if number else 0,
                float(38 + random.normal(0, 3)) if number else 2.0,
                int(88e6 + number * 3e6),
                float(random.gamma(2, 0.9)),
                0.21 * number,
            )
            for second in range(seconds)
            for number in range(workers + 1)
        ],
    )


def users(seconds: int, most: int = 50) -> pd.DataFrame:
    return rows(
        "users",
        [
            (START + timedelta(seconds=second), name, int(min(second * 10, most) * share))
            for second in range(seconds)
            for name, share in (("ShopUser", 0.8), ("Checker", 0.2))
        ],
    )


def events(seconds: int, stages: Sequence[int] = (50,)) -> pd.DataFrame:
    found: list[tuple[float, str, str, str, dict[str, object]]] = [
        (-1.0, "swarm_ready", "", "2 workers are connected", {}),
        (0.0, "test_start", "", "the first user is about to spawn", {}),
    ]
    length = seconds / len(stages)
    for index, count in enumerate(stages):
        data = {"index": index, "users": count, "spawn_rate": 10.0}
        found.append((index * length, "stage", str(index), f"{count} users, 10 a second", data))
        found.append((index * length + 3.2, "ramp_complete", "", f"{count} users are spawned", {"users": count}))
    found.append((seconds * 0.7, "note", "", "build 1234 rolled out", {}))
    found.append((float(seconds), "test_stopping", "", "users begin to stop", {}))
    found.append((seconds + 1.0, "test_stop", "", "all users have stopped", {}))
    return rows(
        "events",
        [
            (START + timedelta(seconds=at), kind, thing, text, json.dumps(data))
            for at, kind, thing, text, data in sorted(found, key=lambda event: event[0])
        ],
    )


def exemplars(requests: pd.DataFrame) -> pd.DataFrame:
    slowest = requests.sort_values("max_ms", ascending=False).head(30)
    return rows(
        "exemplars",
        [
            (
                row.time + timedelta(milliseconds=120),
                row.request_type,
                row.name,
                row.max_ms,
                503 if place == 1 else 200,
                f"http://127.0.0.1:8000{row.name}?q=shoes&page={place}",
                f"{place:02d}f7651916cd43dd8448eb211c80319c",
                f"{place:08d}-7f3a-4c1e-9c55-b0d4a6c1e111",
                "worker-1",
                "503 Service Unavailable" if place == 1 else "",
            )
            for place, row in enumerate(slowest.itertuples())
        ],
    )


def information(seconds: int, **changes: Any) -> dict[str, Any]:
    started = START - timedelta(seconds=1, milliseconds=250)
    return {
        "id": "r20261123-095958-k3x9",
        "schema_version": 2,
        "status": "finished",
        "loadtest": {
            "host": "http://127.0.0.1:8000",
            "locustfile": "locustfiles/storefront.py",
            "users": 50,
            "spawn_rate": 10,
            "run_time": float(seconds),
            "workers": 2,
            "tags": ["browse", "buy"],
            "exclude_tags": [],
            "stages": [],
            "locust_options": [],
            "environment": {"SHOP_TOKEN": "hunter2"},
            "seed": 7,
            "labels": {"service": "storefront", "build": "1234"},
            "lease": 30.0,
            "target_rps": None,
            "description": "Can one pod take Black Friday?",
        },
        "launcher": "local",
        "started": started.isoformat(timespec="milliseconds"),
        "ended": (START + timedelta(seconds=seconds + 1.5)).isoformat(timespec="milliseconds"),
        "end_reason": "run_time",
        "versions": {"python": "3.11.7", "loadlab": "0.1.0", "locust": "2.47.0", "bokeh": "3.9.2", "pandas": "3.1.0"},
        "git": {"revision": "42ee1e7c0ffee", "branch": "main", "dirty": True},
        "host": {"platform": "Linux-6.1-x86_64", "cpus": 2, "memory_bytes": 8 * 2**30, "python": "3.11.7"},
        "clock_offsets": {
            "worker-1": {"offset_ms": 0.21, "error_ms": 0.18},
            "worker-2": {"offset_ms": 0.42, "error_ms": 0.2},
        },
        "conservation": {"sent": 0, "ok": 0, "failed": 0, "in_flight": 0, "lost": 0},
        "labels": {"service": "storefront", "build": "1234"},
        "command": "loadlab run --host http://127.0.0.1:8000 --users 50 --spawn-rate 10 --run-time 120s --workers 2",
        **changes,
    }


def report_data(
    seconds: int = 120,
    *,
    endpoints: Sequence[tuple[str, str, float]] = ENDPOINTS,
    stages: Sequence[int] = (50,),
    figures: bool = True,
    **changes: Any,
) -> ReportData:
    """The whole trip from tables to a ReportData, as the workbench makes it."""
    table = requests(seconds, endpoints)
    failed = errors(table)
    happened = events(seconds, stages)
    loaders = generators(seconds)
    people = users(seconds, max(stages))
    sent = int(table["count"].sum())
    lost = int(table["failures"].sum())
    conservation = {"sent": sent, "ok": sent - lost, "failed": lost, "in_flight": 0, "lost": 0}
    series = analyse.timeline(table)
    drawn: dict[str, Any] = {}
    if figures:
        by_kind = analyse.errors_by_kind(
            failed, start=series["time"].iloc[0], end=series["time"].iloc[-1] + timedelta(seconds=1)
        )
        parts = plot.overview_figures(
            series,
            events=happened,
            errors_by_kind=by_kind,
            users_table=people,
            heat=analyse.heatmap(table),
            generators=loaders,
            cpu_limit_percent=80,
        )
        drawn = {name: parts.pop(name) for name in ("heatmap", "errors", "generators") if name in parts}
        drawn |= {
            "timeline": plot.stack(parts.values()),
            "spectrum": plot.percentile_spectrum(analyse.spectrum(table)),
            "stages": plot.latency_by_rps(series.assign(stage=0)),
        }
    values: dict[str, Any] = {
        "info": information(seconds, conservation=conservation),
        "validity": analyse.check_validity(table, loaders, happened, conservation=conservation).to_dict(),
        "summary": analyse.summarise(table),
        "errors": analyse.group_errors(failed),
        "stages": analyse.summarise_stages(table, happened),
        "timeline": analyse.timeline(table, f"{max(1, -(-seconds // 60))}s"),
        "endpoint_timelines": analyse.timeline(table, f"{max(1, -(-seconds // 60))}s", by="name"),
        "users": people,
        "generators": loaders,
        "events": happened,
        "exemplars": exemplars(table),
        "figures": drawn,
    }
    return ReportData(**{**values, **changes})
