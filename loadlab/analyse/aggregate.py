"""Merging histogram columns by group without a Python object per row.

The lists of a column are read as two flat arrays (bucket, count). Each entry gets the key group * BUCKET_COUNT +
position; entries with the same key are added, slice by slice, so that the working memory beside the result stays at
some tens of megabytes however long the run is. Cost: about 20 ns an entry; a day of 20 names holds 26 million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loadlab.analyse.confidence import interval_ranks
from loadlab.analyse.grouping import group_rows
from loadlab.analyse.histogram import BUCKET_COUNT, ESTIMATE_MS, LOWER_MS, UPPER_MS, Histogram, ranks
from loadlab.schema import ZERO_BUCKET

_SLICE_ENTRIES = 1 << 19
_DENSE_CELLS_PER_ENTRY = 16
_DENSE_CELLS = 1 << 23

_Entries = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Keys in increasing order and their counts."""


@dataclass(frozen=True, eq=False)
class GroupedHistograms:
    """One histogram for each group, sparse: the entries of group g are those from starts[g] to starts[g+1].

    `starts` int64 (groups + 1,); `positions` int16 (entries,), the bucket - ZERO_BUCKET, increasing within a group;
    `counts` int64 (entries,), above 0.
    """

    starts: NDArray[np.int64]
    positions: NDArray[np.int16]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def totals(self) -> NDArray[np.int64]:
        """Number of values of each group, int64, shape (groups,)."""
        return np.diff(self._cumulative[self.starts])

    @cached_property
    def _cumulative(self) -> NDArray[np.int64]:
        return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(self.counts)))

    def quantiles(self, quantiles: Sequence[float]) -> NDArray[np.float64]:
        """Each group's quantiles in milliseconds, float64, shape (groups, quantiles), NaN for an empty group.

        The definition and the bound are those of `Histogram.quantile`. Raises ValueError outside 0 to 1.
        """
        wanted = ranks(np.asarray(quantiles, dtype=np.float64)[np.newaxis, :], self.totals[:, np.newaxis])
        return self._at_ranks(wanted, ESTIMATE_MS)

    def intervals(self, q: float, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each group's confidence interval of the q-quantile as (low_ms, high_ms), float64, shape (groups,).

        As `quantile_interval` gives it; NaN where the samples are too few.
        """
        low, high = interval_ranks(self.totals, q, confidence)
        low_ms = self._at_ranks(low[:, np.newaxis], LOWER_MS)[:, 0]
        high_ms = self._at_ranks(high[:, np.newaxis], UPPER_MS)[:, 0]
        return np.where(low > 0, low_ms, np.nan), np.where(high > 0, high_ms, np.nan)

    def _at_ranks(self, wanted: NDArray[np.int64], bucket_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """`bucket_ms` of the bucket that holds the wanted rank of each group, shape (groups, k), NaN for empty ones.

        The counts of all groups form one increasing cumulative sum, so one binary search serves every group.
        """
        if not len(self.counts):
            return np.full(wanted.shape, np.nan)
        cumulative = self._cumulative
        before = cumulative[self.starts[:-1]][:, np.newaxis]
        entries = np.searchsorted(cumulative[1:], before + np.maximum(wanted, 1), side="left")
        values = bucket_ms[self.positions[np.minimum(entries, len(self.positions) - 1)]]
        return np.where((self.totals > 0)[:, np.newaxis], values, np.nan)

    def histogram(self, group: int) -> Histogram:
        """The histogram of one group."""
        own = slice(self.starts[group], self.starts[group + 1])
        counts = np.zeros(BUCKET_COUNT, dtype=np.int64)
        counts[self.positions[own]] = self.counts[own]
        return Histogram(counts)

    def regroup(self, codes: NDArray[np.int64], groups: int) -> GroupedHistograms:
        """Merge groups further: group g goes to codes[g], which lies in 0..groups-1, or is left out when negative."""
        of_entry = np.repeat(codes, np.diff(self.starts))
        kept = of_entry >= 0
        return _from_keys(
            *_add_up(of_entry[kept] * BUCKET_COUNT + self.positions[kept], self.counts[kept]), groups=groups
        )


def aggregate_histograms(
    requests: pd.DataFrame, by: Sequence[str] | NDArray[np.int64] = (), *, column: str = "histogram"
) -> tuple[pd.DataFrame, GroupedHistograms]:
    """Merge the histograms of `requests` by columns, or by an array of group codes (one a row, negative = left out).

    Returns the groups (a row each: the `by` columns, sorted; `group` for codes from 0 to the largest) and their
    histograms in the same order. Late rows with the same key are added like any others.
    """
    if isinstance(by, np.ndarray):
        codes, keys = by, pd.DataFrame({"group": np.arange(int(by.max(initial=-1)) + 1)})
    else:
        codes, keys = group_rows(requests, by)
    return keys, merge_histograms(requests[column], codes, len(keys))


def merge_histograms(
    column: pd.Series[Any] | pa.Array | pa.ChunkedArray, codes: NDArray[np.int64], groups: int
) -> GroupedHistograms:
    """Add up the histograms of `column` that have the same code; rows with a negative code are left out.

    `codes` holds one number below `groups` for each row. Null lists are empty. Raises TypeError when the column does
    not hold lists of (bucket, count), ValueError when the lengths differ.
    """
    lists = _as_lists(column)
    if len(lists) != len(codes):
        raise ValueError(f"{len(lists)} histograms but {len(codes)} group codes")
    merged: list[_Entries] = []
    for of_entry, buckets, counts in _slices(lists, codes):
        kept = of_entry >= 0
        if not kept.all():
            of_entry, buckets, counts = of_entry[kept], buckets[kept], counts[kept]
        _append(merged, _add_up(of_entry * BUCKET_COUNT + buckets - ZERO_BUCKET, counts))
    return _from_keys(*_join(merged), groups=groups)


def _as_lists(column: pd.Series[Any] | pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column, pd.Series):
        array = column.array
        data = array.__arrow_array__() if hasattr(array, "__arrow_array__") else pa.array(column, from_pandas=True)
    else:
        data = column
    lists = data if isinstance(data, pa.ChunkedArray) else pa.chunked_array([data])
    if not (
        pa.types.is_list(lists.type)
        and pa.types.is_struct(lists.type.value_type)
        and {field.name for field in lists.type.value_type} == {"bucket", "count"}
    ):
        raise TypeError(f"not a histogram column: {lists.type}")
    return lists


def _slices(
    lists: pa.ChunkedArray, codes: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """(code, bucket, count) of each entry, int64, in slices of about `_SLICE_ENTRIES` entries."""
    first_row = 0
    for chunk in lists.chunks:
        offsets = chunk.offsets.to_numpy()
        marks = np.arange(offsets[0], offsets[-1], _SLICE_ENTRIES)
        bounds = np.unique(np.concatenate((np.searchsorted(offsets, marks), [len(chunk)])))
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            part = chunk.slice(begin, end - begin)
            lengths = pc.list_value_length(part).fill_null(0).to_numpy()
            pairs = part.flatten()
            yield (
                np.repeat(codes[first_row + begin : first_row + end], lengths),
                pairs.field("bucket").to_numpy().astype(np.int64),
                pairs.field("count").to_numpy().astype(np.int64),
            )
        first_row += len(chunk)


def _append(merged: list[_Entries], part: _Entries) -> None:
    """Append `part` so that the keys go on increasing through `merged`; what overlaps is taken back and added to it.

    Rows usually come in order of time, so that only the groups at the seam overlap.
    """
    if not len(part[0]):
        return
    overlapping = [part]
    while merged and merged[-1][0][-1] >= part[0][0]:
        keys, counts = merged.pop()
        cut = int(np.searchsorted(keys, part[0][0]))
        overlapping.append((keys[cut:], counts[cut:]))
        if cut:
            merged.append((keys[:cut], counts[:cut]))
            break
    merged.append(part if len(overlapping) == 1 else _add_up(*_join(overlapping)))


def _join(parts: Sequence[_Entries]) -> _Entries:
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([keys for keys, _ in parts]), np.concatenate([counts for _, counts in parts])


def _add_up(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> _Entries:
    """The distinct keys in order and the sum of the counts of each; keys that come to 0 are left out."""
    if not len(keys):
        return keys, counts
    low = keys.min()
    cells = int(keys.max() - low) + 1
    if cells <= min(_DENSE_CELLS, _DENSE_CELLS_PER_ENTRY * len(keys)):
        # float64 weights are exact below 2**53 requests
        sums = np.bincount(keys - low, weights=counts, minlength=cells)
        used = np.flatnonzero(sums > 0)
        return used + low, sums[used].astype(np.int64)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sums = np.add.reduceat(counts, first)
    used = np.flatnonzero(sums > 0)
    return keys[first[used]], sums[used]


def _from_keys(keys: NDArray[np.int64], counts: NDArray[np.int64], *, groups: int) -> GroupedHistograms:
    starts = np.searchsorted(keys, np.arange(groups + 1, dtype=np.int64) * BUCKET_COUNT)
    return GroupedHistograms(starts=starts, positions=(keys % BUCKET_COUNT).astype(np.int16), counts=counts)
