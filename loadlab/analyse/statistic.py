"""The statistics of groups of rows that timeline, summary and stages share: sums, extremes, means, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import GroupedHistograms
from loadlab.analyse.confidence import quantile_column, quantile_label, required_samples

SUMMED = ("count", "failures", "response_bytes")


def sum_rows(requests: pd.DataFrame, codes: NDArray[np.int64], groups: int) -> pd.DataFrame:
    """Add up the rows with the same code; rows with a negative code are left out.

    Returns a row a group: count, failures, response_bytes (int64), sum_ms (float64), min_ms and max_ms (float64, NaN
    without a timed request). Integer sums are exact below 2**53.
    """
    shifted = codes + 1
    columns: dict[str, NDArray[np.int64] | NDArray[np.float64]] = {}
    for name in (*SUMMED, "sum_ms"):
        sums = np.bincount(shifted, weights=requests[name].to_numpy(), minlength=groups + 1)[1:]
        columns[name] = sums.astype(np.int64) if name in SUMMED else sums
    for name, extreme in (("min_ms", np.fmin), ("max_ms", np.fmax)):
        values = np.full(groups + 1, np.nan)
        extreme.at(values, shifted, requests[name].to_numpy())
        columns[name] = values[1:]
    return pd.DataFrame(columns)


def regroup_sums(sums: pd.DataFrame) -> pd.DataFrame:
    """All rows of `sum_rows` as one."""
    columns = {name: [sums[name].sum()] for name in (*SUMMED, "sum_ms")}
    return pd.DataFrame({**columns, "min_ms": [sums["min_ms"].min()], "max_ms": [sums["max_ms"].max()]})


def rate_columns(sums: pd.DataFrame, seconds: NDArray[np.int64] | float) -> dict[str, NDArray[np.float64]]:
    """rps (successful requests a second), failures_per_s and error_ratio of each group; NaN where undefined."""
    count = sums["count"].to_numpy().astype(np.float64)
    failures = sums["failures"].to_numpy().astype(np.float64)
    return {
        "rps": divide(count - failures, seconds),
        "failures_per_s": divide(failures, seconds),
        "error_ratio": divide(failures, count),
    }


def mean_ms(sums: pd.DataFrame, histograms: GroupedHistograms) -> NDArray[np.float64]:
    """The exact mean response time of each group's timed requests in milliseconds; NaN without one."""
    return divide(sums["sum_ms"].to_numpy(), histograms.totals)


def quantile_columns(
    sums: pd.DataFrame, histograms: GroupedHistograms, quantiles: Sequence[float]
) -> dict[str, NDArray[np.float64]]:
    """p50_ms, p90_ms, ... of each group within 1 %, NaN without a timed request.

    The estimates are kept inside the exact [min_ms, max_ms]: the sample they stand for lies there too, so this only
    brings them closer, and no p99 is ever drawn above the maximum.
    """
    values = _inside(histograms.quantiles(quantiles), sums)
    return {quantile_column(q): values[:, place] for place, q in enumerate(quantiles)}


def interval_columns(
    sums: pd.DataFrame, histograms: GroupedHistograms, quantiles: Sequence[float]
) -> dict[str, NDArray[np.float64]]:
    """p50_low_ms, p50_high_ms, ...: the 95 % intervals of each group's quantiles, NaN with too few samples."""
    columns = {}
    for q in quantiles:
        bounds = _inside(np.column_stack(histograms.intervals(q)), sums)
        for place, side in enumerate(("low", "high")):
            columns[quantile_column(q).replace("_ms", f"_{side}_ms")] = bounds[:, place]
    return columns


def few_samples(histograms: GroupedHistograms, quantiles: Sequence[float]) -> list[str]:
    """For each group the quantiles whose two-sided 95 % interval does not exist, such as "p99, p99.9", or ""."""
    needed = {quantile_label(q): required_samples(q) for q in quantiles}
    return [", ".join(label for label, least in needed.items() if total < least) for total in histograms.totals]


def divide(
    numerator: NDArray[Any], denominator: NDArray[np.int64] | NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """The ratio (float64), NaN where the denominator is 0 or NaN."""
    below = np.broadcast_to(np.asarray(denominator, dtype=np.float64), numerator.shape)
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, below, out=ratio, where=below > 0)
    return ratio


def _inside(values: NDArray[np.float64], sums: pd.DataFrame) -> NDArray[np.float64]:
    low = sums["min_ms"].to_numpy()[:, np.newaxis]
    high = sums["max_ms"].to_numpy()[:, np.newaxis]
    return np.where(np.isnan(values), np.nan, np.fmin(np.fmax(values, low), high))
