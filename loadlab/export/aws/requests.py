"""The requests of a run as datums: counts, failures, and response times straight from the histograms.

A datum's values are the estimates of the histogram's buckets, its counts the buckets' counts, so what CloudWatch makes
of them (percentiles, sum, count) is what the archive answers, within the bound of `loadlab.schema.RELATIVE_ERROR`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loadlab.export.aws.datum import Datum, Metric
from loadlab.export.aws.naming import Dimensions
from loadlab.schema import GAMMA, MAX_BUCKET, ZERO_BUCKET

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]

BUCKETS = MAX_BUCKET - ZERO_BUCKET + 1

_ESTIMATES = 2.0 * GAMMA ** np.arange(ZERO_BUCKET, MAX_BUCKET + 1, dtype=np.float64) / (GAMMA + 1.0)
_ESTIMATES[0] = 0.0
ESTIMATE_MS: tuple[float, ...] = tuple(_ESTIMATES.tolist())
"""What each bucket answers in milliseconds, by its position; see `loadlab.schema.GAMMA`."""


@dataclass(frozen=True)
class RequestRows:
    """The rows of the `requests` table as arrays, the histograms flat: entry i is `entry_counts[i]` requests of row
    `entry_rows[i]` in the bucket at `entry_positions[i]`."""

    period: Ints
    count: Ints
    failures: Ints
    entry_rows: Ints
    entry_positions: Ints
    entry_counts: Ints


def request_rows(frame: pd.DataFrame, resolution_s: int) -> RequestRows:
    """The arrays of a `requests` table."""
    column = frame["histogram"].array.__arrow_array__()
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    entries = lists.flatten()
    return RequestRows(
        period=period_starts(frame, resolution_s),
        count=frame["count"].to_numpy(np.int64),
        failures=frame["failures"].to_numpy(np.int64),
        entry_rows=pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64),
        entry_positions=_field(entries, "bucket") - ZERO_BUCKET,
        entry_counts=_field(entries, "count"),
    )


def _field(entries: pa.StructArray, name: str) -> Ints:
    values: Ints = entries.field(name).to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def period_starts(frame: pd.DataFrame, resolution_s: int) -> Ints:
    """The start of each row's period, epoch seconds."""
    seconds: Ints = frame["time"].to_numpy("datetime64[s]").astype(np.int64)
    return seconds // resolution_s * resolution_s


def request_datums(rows: RequestRows, groups: Ints, dimensions: Sequence[Dimensions]) -> Iterator[Datum]:
    """Requests, Failures and ResponseTime of every group in every period that has rows.

    `groups` is the group of each row, `dimensions` those of each group.
    """
    keys, cells = np.unique(np.stack((rows.period, groups)), axis=1, return_inverse=True)
    cells = cells.reshape(-1)
    count = _sums(cells, rows.count, keys.shape[1])
    failures = _sums(cells, rows.failures, keys.shape[1])
    metrics = [
        (Metric("Requests", of, "Count", "count"), Metric("Failures", of, "Count", "count")) for of in dimensions
    ]
    for period, group, requests, failed in zip(*keys.tolist(), count, failures, strict=True):
        yield Datum(period, metrics[group][0], (float(requests),), (1,))
        yield Datum(period, metrics[group][1], (float(failed),), (1,))
    yield from _response_times(rows, cells, keys, [Metric("ResponseTime", of, "Milliseconds") for of in dimensions])


def _sums(cells: Ints, values: Ints, size: int) -> list[int]:
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, cells, values)
    return totals.tolist()


def _response_times(rows: RequestRows, cells: Ints, keys: NDArray[Any], metrics: Sequence[Metric]) -> Iterator[Datum]:
    known = rows.entry_counts > 0
    wanted = cells[rows.entry_rows[known]] * BUCKETS + rows.entry_positions[known]
    found, places = np.unique(wanted, return_inverse=True)
    if not len(found):
        return
    counts = _sums(places.reshape(-1), rows.entry_counts[known], len(found))
    owners, positions = np.divmod(found, BUCKETS)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(found)], strict=True):
        period, group = keys[:, owners[start]].tolist()
        values = tuple(ESTIMATE_MS[position] for position in positions[start:end].tolist())
        yield Datum(period, metrics[group], values, tuple(counts[start:end]))
