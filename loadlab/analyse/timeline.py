"""Throughput, errors and latencies over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import MAX_BINS, Instant, TimeBins
from loadlab.analyse.confidence import quantile_column
from loadlab.analyse.grouping import group_rows, key_columns
from loadlab.analyse.statistic import mean_ms, quantile_columns, rate_columns, sum_rows
from loadlab.errors import AnalysisError

QUANTILES = (0.5, 0.9, 0.95, 0.99)


def timeline(
    requests: pd.DataFrame,
    resolution: str = "1s",
    by: str | Sequence[str] | None = None,
    quantiles: Sequence[float] = QUANTILES,
    start: Instant | None = None,
    end: Instant | None = None,
    *,
    intended: bool = False,
) -> pd.DataFrame:
    """The requests in bins of `resolution`, a row for each bin (and each group of `by`), in order of time.

    Bins begin at UTC multiples of the resolution and cover [start, end), by default from the first second of
    `requests` to the end of the last. A bin without requests is there with count 0 and NaN latencies. The first and
    the last bin may be covered in part; their rates divide by the seconds covered, so that the end of a test is not
    drawn as a drop.

    `by="name"` groups by request_type and name, any other column name, such as "region", or list of names by just
    these.

    Columns: time (start of the bin), the columns of `by`, count, failures, rps (successful requests a second),
    failures_per_s, error_ratio (0 to 1), response_bytes, mean_ms, min_ms, max_ms, p50_ms, p90_ms, ... for `quantiles`
    and, with `intended`, intended_p50_ms, ... measured from the intended start (NaN where no user paces itself).
    Means and extremes are exact, quantiles within 1 %; see `Histogram.quantile`.

    Raises SpecError for a resolution that is not a whole number of seconds and for a column that does not group,
    AnalysisError for more than MAX_BINS rows.
    """
    bins = TimeBins.over([requests["time"]], resolution, start, end)
    grouped_by = key_columns(by, requests)
    group_codes, keys = group_rows(requests, grouped_by)
    groups = len(keys)
    rows = len(bins) * groups
    if rows > MAX_BINS:
        raise AnalysisError(f"{len(bins):,} bins x {groups:,} groups: choose a coarser resolution")
    bin_codes = bins.codes(requests["time"])
    codes = np.where(bin_codes < 0, -1, bin_codes * groups + group_codes)

    sums = sum_rows(requests, codes, rows)
    histograms = merge_histograms(requests["histogram"], codes, rows)
    columns: dict[str, object] = {"time": bins.starts.repeat(groups)}
    for name in grouped_by:
        columns[name] = pd.Categorical(np.tile(keys[name].to_numpy(), len(bins)), categories=sorted(set(keys[name])))
    columns |= {name: sums[name] for name in ("count", "failures")}
    columns |= rate_columns(sums, bins.covered_s.repeat(groups))
    columns["response_bytes"] = sums["response_bytes"]
    columns["mean_ms"] = mean_ms(sums, histograms)
    columns |= {name: sums[name] for name in ("min_ms", "max_ms")}
    columns |= quantile_columns(sums, histograms, quantiles)
    if intended:
        values = merge_histograms(requests["intended_histogram"], codes, rows).quantiles(quantiles)
        columns |= {f"intended_{quantile_column(q)}": values[:, place] for place, q in enumerate(quantiles)}
    return pd.DataFrame(columns)
