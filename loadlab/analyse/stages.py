"""The stages of a test from its events, and the statistics of each with the ramp left out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import Instant, epoch_seconds, second_from, second_until
from loadlab.analyse.statistic import sum_rows
from loadlab.analyse.summary import describe
from loadlab.errors import AnalysisError

_ENDS = ("test_stopping", "test_stop", "master_lost", "region_lost")
_NO_TIME = pd.Timestamp("NaT")


def stage_windows(events: pd.DataFrame, end: Instant | None = None) -> pd.DataFrame:
    """When each stage began, when all its users were spawned, and when it ended; a plain test has one stage.

    A stage reaches from its `stage` event (without one: from `test_start`) to the next stage's, the last one to the
    first of test_stopping, test_stop and master_lost; when there is none of these, because whoever wrote the events
    was killed, to `end` or else to the last event.

    Of several regions each has its own stages; a stage of the run begins with the first of them, its users are the sum,
    its ramp is complete when the last one's is, and it ends with the first one that ends. A region that was lost has no
    say in when, unless all were.

    Columns: stage (int64, from 0), name (""), users and spawn_rate (float64, NaN when unknown), start, ramp_end (NaT
    when the ramp was never completed) and end (datetime64[us, UTC]). No rows when the test never started. Raises
    AnalysisError when the data of an event is not a JSON object.
    """
    started = events.loc[events["kind"].isin(["test_start", "stage"]).to_numpy(), "region"].astype("str")
    regions = sorted(set(started))
    if len(regions) < 2:
        return _window_frame(_windows(events, end))
    told = events["region"].astype("str")
    lost = set(told[(events["kind"] == "region_lost").to_numpy()])
    rows = {region: _windows(events[(told == region) | (told == "")], end) for region in regions}
    return _window_frame(_together(rows, [each for each in regions if each not in lost] or regions))


def _windows(events: pd.DataFrame, end: Instant | None) -> list[dict[str, Any]]:
    """The rows of `stage_windows` for the events of one region."""
    ordered = events.sort_values("time", kind="stable")
    kinds = ordered["kind"].astype("str")
    started = ordered.loc[kinds.isin(["test_start", "stage"]), "time"]
    if started.empty:
        return []
    last = _end_of_load(ordered[ordered["time"] >= started.iloc[0]], end)
    inside = ordered["time"] <= last
    begins = ordered[(kinds == "stage") & inside]
    if begins.empty:
        begins = ordered[(kinds == "test_start") & inside].head(1)
    ramps = ordered[(kinds == "ramp_complete") & inside]
    rows = []
    ends = [*begins["time"].iloc[1:], last]
    for number, (start, data, stop) in enumerate(zip(begins["time"], begins["data"], ends, strict=True)):
        numbers = read_data(data)
        own = ramps[(ramps["time"] >= start) & ((ramps["time"] < stop) | (stop == last))].head(1)
        reached = read_data(own["data"].iloc[0]) if len(own) else {}
        rows.append(
            {
                "stage": int(numbers.get("index", number)),
                "name": str(numbers.get("name", "")),
                "users": float(numbers.get("users", reached.get("users", np.nan))),
                "spawn_rate": float(numbers.get("spawn_rate", np.nan)),
                "start": start,
                "ramp_end": own["time"].iloc[0] if len(own) else _NO_TIME,
                "end": stop,
            }
        )
    return rows


def _together(rows: dict[str, list[dict[str, Any]]], deciding: list[str]) -> list[dict[str, Any]]:
    """The stages of several regions as those of the run; `deciding` are the regions whose times count."""
    together = []
    for stage in sorted({row["stage"] for region in deciding for row in rows[region]}):
        parts = {region: row for region, own in rows.items() for row in own if row["stage"] == stage}
        times = [row for region, row in parts.items() if region in deciding]
        ramp_ends = [row["ramp_end"] for row in times]
        together.append(
            {
                **times[0],
                "users": sum(row["users"] for row in parts.values()),
                "spawn_rate": sum(row["spawn_rate"] for row in parts.values()),
                "start": min(row["start"] for row in times),
                "ramp_end": _NO_TIME if any(pd.isna(each) for each in ramp_ends) else max(ramp_ends),
                "end": min(row["end"] for row in times),
            }
        )
    return together


def steady_window(events: pd.DataFrame, end: Instant | None = None) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """From the first completed ramp to the moment users begin to stop: what verdicts look at. None without such a ramp.

    For a staged test this holds the later ramps too; `stage_windows` tells them apart. `end` as there.
    """
    windows = stage_windows(events, end)
    complete = windows[windows["ramp_end"].notna()]
    if complete.empty or complete["ramp_end"].iloc[0] >= windows["end"].iloc[-1]:
        return None
    return complete["ramp_end"].iloc[0], windows["end"].iloc[-1]


def summarise_stages(requests: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The numbers of each stage over all requests, from the seconds that lie inside [ramp_end, end) completely.

    Columns: those of `stage_windows`, steady_s (int64, the number of these seconds; rates divide by it) and the
    statistic columns of `summarise` from count on. A stage that never completed its ramp has steady_s 0, count 0 and
    NaN. Raises what `stage_windows` raises.
    """
    windows = stage_windows(events, end_of_rows(requests))
    bounds = steady_seconds(windows)
    seconds = epoch_seconds(requests["time"])
    codes = np.full(len(requests), -1, dtype=np.int64)
    for number, (first, stop) in enumerate(bounds):
        codes[(seconds >= first) & (seconds < stop)] = number
    sums = sum_rows(requests, codes, len(windows))
    histograms = merge_histograms(requests["histogram"], codes, len(windows))
    lengths: NDArray[np.int64] = np.array([stop - first for first, stop in bounds], dtype=np.int64)
    numbers = describe(sums, histograms, lengths)
    return pd.concat([windows.assign(steady_s=lengths), numbers], axis="columns")


def steady_seconds(windows: pd.DataFrame) -> list[tuple[int, int]]:
    """The whole seconds since 1970, first and one past the last, inside [ramp_end, end) of each row of `windows`."""
    bounds = []
    for ramp_end, end in zip(windows["ramp_end"], windows["end"], strict=True):
        first = 0 if pd.isna(ramp_end) else second_from(ramp_end)
        bounds.append((first, first if pd.isna(ramp_end) else max(first, second_until(end))))
    return bounds


def end_of_rows(requests: pd.DataFrame) -> pd.Timestamp | None:
    """The end of the last second in a per-second table; None without rows."""
    return requests["time"].max() + pd.Timedelta("1s") if len(requests) else None


def read_data(text: object) -> dict[str, Any]:
    """The JSON object of an event's `data` column; {} when it is empty. Raises AnalysisError for anything else."""
    if not isinstance(text, str) or not text:
        return {}
    try:
        data = json.loads(text)
    except ValueError as error:
        raise AnalysisError(f"the data of an event is not JSON: {text[:200]!r}") from error
    if not isinstance(data, dict):
        raise AnalysisError(f"the data of an event is not a JSON object: {text[:200]!r}")
    return data


def _end_of_load(events: pd.DataFrame, end: Instant | None) -> pd.Timestamp:
    for kind in _ENDS:
        found = events.loc[events["kind"] == kind, "time"]
        if len(found):
            return pd.Timestamp(found.iloc[0])
    last: pd.Timestamp = events["time"].iloc[-1]
    return last if end is None else max(last, pd.Timestamp(end))


def _window_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["stage", "name", "users", "spawn_rate", "start", "ramp_end", "end"]
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("start", "ramp_end", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True).dt.as_unit("us")
    return frame.astype({"stage": "int64", "name": "str", "users": "float64", "spawn_rate": "float64"})
