"""One row of numbers for each request name, and one for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import GroupedHistograms, merge_histograms
from loadlab.analyse.bins import epoch_seconds
from loadlab.analyse.confidence import quantile_column
from loadlab.analyse.grouping import group_rows, key_columns
from loadlab.analyse.statistic import (
    divide,
    few_samples,
    interval_columns,
    mean_ms,
    quantile_columns,
    rate_columns,
    regroup_sums,
    sum_rows,
)

AGGREGATED = "Aggregated"
"""Name of the row for all requests, as Locust calls it; its request_type is empty and it is always the last."""

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
INTERVAL_QUANTILES = (0.5, 0.95, 0.99)


def summarise(
    requests: pd.DataFrame,
    duration_s: float | None = None,
    *,
    by: str | Sequence[str] = "name",
    intended: bool = False,
) -> pd.DataFrame:
    """The numbers of each (request_type, name), sorted by name, and of all requests in the last row.

    `by` groups by another column or list of columns, such as "region", as for `timeline`; these are then the first
    columns, and the last of them is "Aggregated" in the last row. `duration_s` is what rates divide by; by default the
    seconds from the first to the last one in `requests`.

    Columns, those first that are looked at most, for pandas shows the first and the last ten: request_type, name,
    count, failures, error_ratio (0 to 1), rps (successful requests a second), p50_ms, p95_ms, p99_ms, max_ms, mean_ms,
    min_ms, p75_ms, p90_ms, p999_ms, mean_response_bytes, few_samples (the quantiles whose 95 % interval does not exist
    for want of samples, such as "p99.9", or ""), p50_low_ms, p50_high_ms and the same for p95 and p99 (the 95 %
    interval, NaN for want of samples), and with `intended` intended_p50_ms, ... from the intended start. Undefined
    numbers are NaN. Means and extremes are exact, quantiles within 1 %; requests without a response time are counted
    but have no part in the latencies.
    """
    grouped_by = key_columns(by, requests)
    codes, keys = group_rows(requests, grouped_by)
    sums = sum_rows(requests, codes, len(keys))
    histograms = merge_histograms(requests["histogram"], codes, len(keys))
    duration = covered_seconds(requests) if duration_s is None else duration_s
    to_one = np.zeros(len(keys), dtype=np.int64)

    named = pd.concat([keys, describe(sums, histograms, duration)], axis="columns")
    total = describe(regroup_sums(sums), histograms.regroup(to_one, 1), duration)
    if intended:
        histograms = merge_histograms(requests["intended_histogram"], codes, len(keys))
        named = pd.concat([named, _intended(histograms)], axis="columns")
        total = pd.concat([total, _intended(histograms.regroup(to_one, 1))], axis="columns")
    for place, column in enumerate(grouped_by):
        text = AGGREGATED if column == grouped_by[-1] else ""
        total.insert(place, column, pd.Series([text], dtype="str"))
    named = named.sort_values(grouped_by[::-1], kind="stable")
    return pd.concat([named, total], ignore_index=True) if len(named) else total


def describe(sums: pd.DataFrame, histograms: GroupedHistograms, duration_s: NDArray[np.int64] | float) -> pd.DataFrame:
    """The statistic columns of `summarise` for groups that `sum_rows` and `merge_histograms` have added up."""
    rates = rate_columns(sums, duration_s)
    quantiles = quantile_columns(sums, histograms, QUANTILES)
    return pd.DataFrame(
        {
            "count": sums["count"],
            "failures": sums["failures"],
            "error_ratio": rates["error_ratio"],
            "rps": rates["rps"],
            **{column: quantiles[column] for column in map(quantile_column, INTERVAL_QUANTILES)},
            "max_ms": sums["max_ms"],
            "mean_ms": mean_ms(sums, histograms),
            "min_ms": sums["min_ms"],
            **quantiles,
            "mean_response_bytes": divide(
                sums["response_bytes"].to_numpy().astype(np.float64), sums["count"].to_numpy()
            ),
            "few_samples": pd.Series(few_samples(histograms, QUANTILES), dtype="str"),
            **interval_columns(sums, histograms, INTERVAL_QUANTILES),
        }
    )


def covered_seconds(requests: pd.DataFrame) -> float:
    """Seconds from the first to the end of the last second in `requests`; 0 without rows."""
    if not len(requests):
        return 0.0
    seconds = epoch_seconds(requests["time"])
    return float(seconds.max() - seconds.min() + 1)


def _intended(histograms: GroupedHistograms) -> pd.DataFrame:
    values = histograms.quantiles(QUANTILES)
    return pd.DataFrame({f"intended_{quantile_column(q)}": values[:, place] for place, q in enumerate(QUANTILES)})
