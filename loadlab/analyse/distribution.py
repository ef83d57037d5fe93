"""The whole distribution: as a heatmap over time and as a percentile spectrum."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import Instant, TimeBins
from loadlab.analyse.histogram import BUCKET_COUNT, UPPER_MS, bucket_positions
from loadlab.analyse.statistic import divide, sum_rows
from loadlab.schema import GAMMA, ZERO_BUCKET


def heatmap(
    requests: pd.DataFrame,
    resolution: str = "1s",
    start: Instant | None = None,
    end: Instant | None = None,
    *,
    cells_per_decade: int = 16,
    floor_ms: float = 0.01,
) -> pd.DataFrame:
    """How many requests fell into each cell of time x latency, a row for each cell that is not empty.

    Time bins are those of `timeline`. A latency cell is a run of whole histogram buckets, about `cells_per_decade` of
    them to a factor of ten, so the counts are exact. Everything at or below the cell of `floor_ms` is counted in that
    cell, so that a logarithmic axis can show zeros.

    Columns: time (start of the bin), low_ms (excluded), high_ms (included), count (int64), share (of the bin's timed
    requests, 0 to 1); in order of time and latency. Raises what `timeline` raises for the resolution, ValueError for
    cells_per_decade below 1 or a floor_ms that is not above 0.
    """
    if cells_per_decade < 1 or not floor_ms > 0:
        raise ValueError(f"cells_per_decade must be 1 or more and floor_ms above 0: {cells_per_decade}, {floor_ms}")
    buckets_per_cell = max(1, round(math.log(10) / math.log(GAMMA) / cells_per_decade))
    cells = -(-BUCKET_COUNT // buckets_per_cell)
    floor_cell = int(bucket_positions(floor_ms)) // buckets_per_cell

    bins = TimeBins.over([requests["time"]], resolution, start, end)
    histograms = merge_histograms(requests["histogram"], bins.codes(requests["time"]), len(bins))
    cell = np.maximum(histograms.positions.astype(np.int64) // buckets_per_cell, floor_cell)
    time_bin = np.repeat(np.arange(len(bins), dtype=np.int64), np.diff(histograms.starts))
    keys, place = np.unique(time_bin * cells + cell, return_inverse=True)
    counts = np.bincount(place, weights=histograms.counts, minlength=len(keys))
    used_bin, used_cell = keys // cells, keys % cells
    low_ms, high_ms = _cell_bounds(used_cell, buckets_per_cell)
    return pd.DataFrame(
        {
            "time": bins.starts[used_bin],
            "low_ms": low_ms,
            "high_ms": high_ms,
            "count": counts.astype(np.int64),
            "share": divide(counts, histograms.totals[used_bin]),
        }
    )


def spectrum(requests: pd.DataFrame, points: int = 200) -> pd.DataFrame:
    """The latency of each quantile over all requests: the data of a percentile spectrum.

    The quantiles stand evenly on the axis log(1/(1 - q)), from 0 to the last one that a single request decides,
    1 - 1/n, and then 1 (the maximum). At most `points` rows, none without a timed request.

    Columns: quantile (0 to 1), value_ms (within 1 %, exact at 0 and 1), inverse (1/(1 - quantile), infinite at 1). The
    form is that of HdrHistogram's percentile output. Raises ValueError for fewer than 3 points.
    """
    if points < 3:
        raise ValueError(f"a spectrum needs 3 points or more, got {points}")
    codes = np.zeros(len(requests), dtype=np.int64)
    histograms = merge_histograms(requests["histogram"], codes, 1)
    total = int(histograms.totals[0])
    if not total:
        return pd.DataFrame({"quantile": [], "value_ms": [], "inverse": []}, dtype="float64")
    inverse = np.unique(np.concatenate((np.geomspace(1, total, points - 1), [np.inf])))
    quantiles = 1 - 1 / inverse
    extremes = sum_rows(requests, codes, 1)
    low, high = extremes["min_ms"].iloc[0], extremes["max_ms"].iloc[0]
    values = np.clip(histograms.quantiles(quantiles.tolist())[0], low, high)
    values[0], values[-1] = low, high
    return pd.DataFrame({"quantile": quantiles, "value_ms": values, "inverse": inverse})


def _cell_bounds(cells: NDArray[np.int64], buckets_per_cell: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first = cells * buckets_per_cell
    last = np.minimum(first + buckets_per_cell, BUCKET_COUNT) - 1
    low_ms = np.power(GAMMA, first + ZERO_BUCKET - 1, dtype=np.float64)
    return low_ms, UPPER_MS[last]
