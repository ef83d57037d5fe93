"""Errors grouped by what went wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadlab.analyse.bins import MAX_BINS, Instant, TimeBins
from loadlab.analyse.grouping import group_rows
from loadlab.analyse.statistic import divide
from loadlab.errors import AnalysisError

_KEY = ["kind", "message", "request_type", "name"]


def group_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """The errors by kind, message, request_type and name, the most frequent first.

    Columns: kind, message, request_type, name, count (int64), first_seen and last_seen (starts of the first and last
    second, UTC), sample (the first text that is not empty, secrets left out), share (of all errors, 0 to 1). Errors of
    the kind 'task exception' are in it too, though they are not requests.
    """
    codes, keys = group_rows(errors, _KEY)
    counts = np.bincount(codes, weights=errors["count"].to_numpy(), minlength=len(keys))
    in_time = errors.assign(code=codes).sort_values("time", kind="stable")
    seen = in_time.groupby("code")["time"].agg(["first", "last"]).reindex(range(len(keys)))
    told = in_time[in_time["sample"].fillna("") != ""].groupby("code")["sample"].first()
    frame = keys.assign(
        count=counts.astype(np.int64),
        first_seen=seen["first"].to_numpy(),
        last_seen=seen["last"].to_numpy(),
        sample=told.reindex(range(len(keys)), fill_value="").astype("str"),
        share=divide(counts, float(counts.sum())),
    )
    for column in ("first_seen", "last_seen"):
        frame[column] = pd.to_datetime(frame[column], utc=True).dt.as_unit("us")
    return frame.sort_values(["count", *_KEY], ascending=[False, True, True, True, True], ignore_index=True)


def errors_by_kind(
    errors: pd.DataFrame, resolution: str = "1s", start: Instant | None = None, end: Instant | None = None
) -> pd.DataFrame:
    """The errors in bins of `resolution`, a row for each bin and kind, in order of time and kind.

    Bins are those of `timeline`; give both the same `start` and `end` to draw them over each other. A kind without an
    error in a bin is there with count 0. Columns: time, kind (category), count (int64), errors_per_s (by the seconds
    of the bin that are covered). Raises what `timeline` raises.
    """
    bins = TimeBins.over([errors["time"]], resolution, start, end)
    kind_codes, keys = group_rows(errors, ["kind"])
    kinds = keys["kind"].to_numpy()
    rows = len(bins) * len(kinds)
    if rows > MAX_BINS:
        raise AnalysisError(f"{len(bins):,} bins x {len(kinds):,} kinds: choose a coarser resolution")
    bin_codes = bins.codes(errors["time"])
    codes = np.where(bin_codes < 0, -1, bin_codes * len(kinds) + kind_codes)
    counts = np.bincount(codes + 1, weights=errors["count"].to_numpy(), minlength=rows + 1)[1:]
    return pd.DataFrame(
        {
            "time": bins.starts.repeat(len(kinds)),
            "kind": pd.Categorical(np.tile(kinds, len(bins)), categories=kinds),
            "count": counts.astype(np.int64),
            "errors_per_s": divide(counts, bins.covered_s.repeat(len(kinds))),
        }
    )
