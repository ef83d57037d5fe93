"""Frames with the columns that analyse and schema promise, from a fixed seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-11-23T10:00:00Z")
NASTY = "<img src=x onerror=\"alert('x')\"><script>alert(1)</script>"


def times(seconds: int, start: pd.Timestamp = START) -> pd.Series:
    return pd.Series(pd.date_range(start, periods=seconds, freq="1s", unit="us"), name="time")


def timeline(seconds: int = 60, *, gap: slice | None = slice(30, 33), seed: int = 7) -> pd.DataFrame:
    """One bin a second; the bins of `gap` hold no requests."""
    random = np.random.default_rng(seed)
    count = random.poisson(200 + 100 * np.linspace(0, 1, seconds)).astype(np.int64)
    failures = random.binomial(count, 0.02).astype(np.int64)
    if gap is not None:
        count[gap] = 0
        failures[gap] = 0
    base = random.lognormal(np.log(20), 0.15, seconds) * (1 + np.linspace(0, 1, seconds))
    base[count == 0] = np.nan
    ratio = np.divide(failures, count, out=np.full(seconds, np.nan), where=count > 0)
    return pd.DataFrame(
        {
            "time": times(seconds),
            "count": count,
            "failures": failures,
            "rps": (count - failures).astype(np.float64),
            "failures_per_s": failures.astype(np.float64),
            "error_ratio": ratio,
            "response_bytes": count * 512,
            "mean_ms": base * 1.1,
            "min_ms": base * 0.4,
            "max_ms": base * 9,
            "p50_ms": base,
            "p90_ms": base * 1.9,
            "p95_ms": base * random.lognormal(np.log(2.5), 0.1, seconds),
            "p99_ms": base * random.lognormal(np.log(4.5), 0.3, seconds),
        }
    )


def errors_by_kind(
    frame: pd.DataFrame, kinds: tuple[str, ...] = ("HTTP 503", "timeout", "check failed")
) -> pd.DataFrame:
    """The failures of a timeline shared out over `kinds`, and one exception in a task every ten bins."""
    rows = []
    for place, (time, failures) in enumerate(zip(frame["time"], frame["failures"], strict=True)):
        left = int(failures)
        for number, kind in enumerate(kinds):
            part = left if number == len(kinds) - 1 else (left + 1) // 2
            rows.append((time, kind, part))
            left -= part
        rows.append((time, "task exception", int(place % 10 == 0)))
    counts = pd.DataFrame(rows, columns=["time", "kind", "count"])
    return counts.astype({"kind": "category"})


def users(seconds: int = 60, classes: tuple[str, ...] = ("ShopUser", "Checker")) -> pd.DataFrame:
    rows = [
        (time, name, max(0, min(50, 2 + 3 * place) // (1 + number)))
        for place, time in enumerate(times(seconds))
        for number, name in enumerate(classes)
    ]
    return pd.DataFrame(rows, columns=["time", "user_class", "users"]).astype({"user_class": "category"})


def generators(
    seconds: int = 60, workers: tuple[str, ...] = ("master", "worker-1", "worker-2"), seed: int = 3
) -> pd.DataFrame:
    """The last worker is silent from two thirds to five sixths of the time."""
    random = np.random.default_rng(seed)
    rows = []
    for number, worker in enumerate(workers):
        for place, time in enumerate(times(seconds)):
            if worker == workers[-1] and seconds * 2 // 3 <= place < seconds * 5 // 6:
                continue
            rows.append(
                (
                    time,
                    worker,
                    25,
                    120,
                    3.0 if worker == "master" else 45 + 12 * number + random.normal(0, 3),
                    int(80e6 + 5e6 * number + place * 5e4),
                    float(random.gamma(2, 1.5)),
                    0.1,
                )
            )
    columns = ["time", "worker", "users", "requests", "cpu_percent", "memory_bytes", "lag_ms", "clock_offset_ms"]
    return pd.DataFrame(rows, columns=columns).astype({"worker": "category"})


def events(seconds: int = 60) -> pd.DataFrame:
    rows = [
        (0.2, "test_start", "", "the first user is about to spawn", "{}"),
        (0.3, "stage", "", "20 users, 5 a second", '{"index": 0, "users": 20, "spawn_rate": 5}'),
        (0.08 * seconds, "ramp_complete", "", "20 users are spawned", '{"users": 20}'),
        (0.5 * seconds, "stage", "", "50 users, 5 a second", '{"index": 1, "users": 50, "spawn_rate": 5}'),
        (0.67 * seconds, "worker_lost", "worker-2", "worker-2 went silent", '{"requests_lost": 12}'),
        (0.8 * seconds, "note", "", "deployed build 1234", "{}"),
        (0.97 * seconds, "test_stopping", "", "users begin to stop", "{}"),
    ]
    frame = pd.DataFrame(rows, columns=["time", "kind", "object", "text", "data"])
    frame["time"] = START + pd.to_timedelta(frame["time"], unit="s")
    return frame.assign(region="").astype({"kind": "category", "region": "category"})


def heat(frame: pd.DataFrame, seed: int = 5) -> pd.DataFrame:
    """Counts of lognormal response times around each bin's p50, in cells of a sixteenth of a decade."""
    random = np.random.default_rng(seed)
    rows = []
    for time, count, median in zip(frame["time"], frame["count"], frame["p50_ms"], strict=True):
        if not count:
            continue
        cells = np.floor(np.log10(random.lognormal(np.log(median), 0.6, int(count))) * 16).astype(int)
        for cell, number in zip(*np.unique(cells, return_counts=True), strict=True):
            rows.append((time, 10 ** (cell / 16), 10 ** ((cell + 1) / 16), int(number), number / count))
    return pd.DataFrame(rows, columns=["time", "low_ms", "high_ms", "count", "share"])


def spectrum(count: int = 20_000) -> pd.DataFrame:
    inverse = np.concatenate([np.geomspace(1, count, 199), [np.inf]])
    quantile = 1 - 1 / inverse
    values = np.sort(np.random.default_rng(11).lognormal(np.log(25), 0.6, count))
    ranks = np.clip(np.ceil(quantile * count), 1, count).astype(int) - 1
    return pd.DataFrame({"quantile": quantile, "value_ms": values[ranks], "inverse": inverse})


NAMES = (
    ("GET", "/"),
    ("GET", "/products/{id}"),
    ("POST", "/checkout"),
    ("GET", "/search?q=<term>"),
    ("", "warm cache"),
)


def named_timelines(names: tuple[tuple[str, str], ...] = NAMES, seconds: int = 60) -> pd.DataFrame:
    parts = [
        timeline(seconds, seed=number).assign(request_type=request_type, name=name)
        for number, (request_type, name) in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True).astype({"request_type": "category", "name": "category"})


def summary(names: tuple[tuple[str, str], ...] = NAMES) -> pd.DataFrame:
    rows = []
    for number, (request_type, name) in enumerate([*names, ("", "Aggregated")]):
        base = 3.21 * 4**number
        rows.append(
            {
                "request_type": request_type,
                "name": name,
                "count": 12_345 // (number + 1),
                "failures": 17 * (number % 2),
                "error_ratio": 17 * (number % 2) / (12_345 // (number + 1)),
                "rps": 205.7 / (number + 1),
                "mean_ms": base * 1.2,
                "min_ms": base * 0.3,
                "p50_ms": base,
                "p75_ms": base * 1.4,
                "p90_ms": base * 1.9,
                "p95_ms": base * 2.4,
                "p99_ms": base * 4.1,
                "p999_ms": base * 6,
                "max_ms": base * 9,
                "mean_response_bytes": 512.0,
                "few_samples": "p99, p99.9" if number == 3 else "",
                "p50_low_ms": base * 0.9,
                "p50_high_ms": base * 1.1,
                "p95_low_ms": base * 2.2,
                "p95_high_ms": base * 2.6,
                "p99_low_ms": np.nan if number == 3 else base * 3.7,
                "p99_high_ms": np.nan if number == 3 else base * 4.6,
            }
        )
    return pd.DataFrame(rows)


def staged(frame: pd.DataFrame, stages: int = 3) -> pd.DataFrame:
    """A timeline with the stage of each bin; the first bins of each stage are its ramp and belong to none."""
    length = -(-len(frame) // stages)
    place = np.arange(len(frame))
    stage = pd.Series(place // length, dtype="Int64")
    stage[place % length < length // 5] = pd.NA
    return frame.assign(stage=stage)
