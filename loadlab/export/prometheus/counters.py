"""Requests, failures, bytes and response times, errors by kind, and what a locustfile counts: all that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loadlab.export.keys import OTHER, Ints, Key, distinct_keys, fold
from loadlab.export.prometheus.buckets import bound_s
from loadlab.export.prometheus.family import Family, Kind, Labels, Numbers, metric_names, readable
from loadlab.export.prometheus.grid import Grid, seconds_of
from loadlab.export.prometheus.target import Target

if TYPE_CHECKING:
    import pandas as pd

MAX_KINDS = 10
"""Kinds of failures that are kept apart."""

MAX_OWN_METRICS = 50
"""Business metrics of each sort that are written, and signals."""

COUNTED, SUMMED = "loadlab_metric_", "loadlab_sum_"
"""What the names of business metrics that were counted begin with: only up, or down too."""


def request_families(frame: pd.DataFrame, grid: Grid, target: Target) -> tuple[list[Family], list[str]]:
    """The families of the `requests` table, and sentences for the plan."""
    columns = ("request_type", "name", "region") if target.by_region else ("request_type", "name")
    codes, keys = distinct_keys(frame, columns[:2], readable)
    count = frame["count"].to_numpy(np.int64)
    codes, keys, folded = fold(codes, keys, count, target.max_names)
    notes = [f"{folded:,} request names beyond {target.max_names:,} are counted together as {OTHER}."] if folded else []
    if target.by_region:
        codes, keys = _crossed(codes, keys, *distinct_keys(frame, ("region",), readable))
    grid.check(len(keys) * (6 + len(target.bounds)))
    labels = [(*target.base, *zip(columns, key, strict=True)) for key in keys]
    times = seconds_of(frame)

    def counted(column: str, kind: type = np.int64) -> Numbers:
        return grid.accumulate(codes, times, frame[column].to_numpy(kind), (len(keys),))

    families = [
        _counter("loadlab_requests", "Requests that finished, failed ones included.", grid, labels, counted("count")),
        _counter("loadlab_failures", "Requests that failed.", grid, labels, counted("failures")),
        _counter(
            "loadlab_response_bytes", "Length of all responses.", grid, labels, counted("response_bytes"), "bytes"
        ),
    ]
    below = _below_bounds(frame["histogram"], codes, times, grid, (len(keys), len(target.bounds) + 1), target.bounds)
    spent_s = counted("sum_ms", np.float64) / 1000.0
    series = tuple(map(grid.series, labels, below, spent_s))
    families.append(
        Family(
            "loadlab_response_time_seconds",
            "histogram",
            "Response times of all requests that had one, failed ones included.",
            series,
            "seconds",
            tuple(bound_s(bucket) for bucket in target.bounds),
        )
    )
    return families, notes


def _crossed(codes: Ints, keys: Sequence[Key], others: Ints, other_keys: Sequence[Key]) -> tuple[Ints, list[Key]]:
    """Both keys of each row, one after the other."""
    pairs, places = np.unique(codes * len(other_keys) + others, return_inverse=True)
    both = [keys[pair // len(other_keys)] + other_keys[pair % len(other_keys)] for pair in pairs.tolist()]
    return places.reshape(-1).astype(np.int64), both


def _below_bounds(
    column: pd.Series, codes: Ints, times: Ints, grid: Grid, shape: tuple[int, int], bounds: Sequence[int]
) -> Numbers:
    """How many response times were at or below each bound at each instant, shape (keys, instants, bounds + 1)."""
    lists = column.array.__arrow_array__()
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    entries = lists.flatten()
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    buckets, counts = (
        entries.field(name).to_numpy(zero_copy_only=False).astype(np.int64) for name in ("bucket", "count")
    )
    places = np.searchsorted(np.asarray(bounds), buckets, side="left")  # the first bound that is not below the bucket's
    inside = grid.accumulate(np.stack((codes[rows], places)), times[rows], counts, shape)
    return np.cumsum(inside, axis=2, out=inside)


def error_families(frame: pd.DataFrame, grid: Grid, target: Target) -> tuple[list[Family], list[str]]:
    """The family of the `errors` table, and sentences for the plan."""
    codes, keys = distinct_keys(frame, ("kind",), readable)
    count = frame["count"].to_numpy(np.int64)
    codes, keys, folded = fold(codes, keys, count, MAX_KINDS)
    notes = [f"{folded:,} kinds of failures beyond {MAX_KINDS} are counted together as {OTHER}."] if folded else []
    grid.check(len(keys))
    counted = grid.accumulate(codes, seconds_of(frame), count, (len(keys),))
    labels = [(*target.base, ("kind", kind)) for (kind,) in keys]
    family = _counter("loadlab_errors", "Failed requests and exceptions in tasks, by kind.", grid, labels, counted)
    return [family], notes


def counted_families(frame: pd.DataFrame, grid: Grid, target: Target) -> tuple[list[Family], list[str]]:
    """The counted ones of the `metrics` table: a family for each name, and sentences for the plan.

    What was counted down too is no counter: it becomes a gauge of the sum so far.
    """
    codes, keys = distinct_keys(frame, ("name",), str)
    codes, keys, left = keep_own(codes, keys)
    frame, codes = frame[codes >= 0], codes[codes >= 0]
    grid.check(len(keys))
    values = frame["value"].to_numpy(np.float64)
    counted = grid.accumulate(codes, seconds_of(frame), values, (len(keys),))
    falling = set(codes[values < 0].tolist())
    names = metric_names({key: key[0].removesuffix("_total") for i, key in enumerate(keys) if i not in falling})
    names |= metric_names({key: key[0] for i, key in enumerate(keys) if i in falling})
    families = []
    for code, key in enumerate(keys):
        kind: Kind = "gauge" if code in falling else "counter"
        prefix = SUMMED if code in falling else COUNTED
        text = f"Counted by the locustfile as {key[0]!r}."
        series = (grid.series(target.base, counted[code]),)
        families.append(Family(prefix + names[key], kind, text, series))
    notes = [f"{left:,} counted metrics beyond {MAX_OWN_METRICS} are left out, the rarest."] if left else []
    return families, notes


def keep_own(codes: Ints, keys: list[Key]) -> tuple[Ints, list[Key], int]:
    """The `MAX_OWN_METRICS` keys that have the most rows; the code of a row whose key is left out is -1."""
    rows = np.bincount(codes, minlength=len(keys))
    kept = sorted(sorted(range(len(keys)), key=lambda code: (-rows[code], keys[code]))[:MAX_OWN_METRICS])
    places = np.full(len(keys), -1, dtype=np.int64)
    places[kept] = np.arange(len(kept))
    return places[codes], [keys[code] for code in kept], len(keys) - len(kept)


def _counter(name: str, text: str, grid: Grid, labels: Sequence[Labels], counted: Numbers, unit: str = "") -> Family:
    return Family(name, "counter", text, tuple(map(grid.series, labels, counted)), unit)
