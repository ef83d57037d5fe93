"""The tables of a report, made from the results of an analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadlab.plot import format_ms, format_stage
from loadlab.plot.sparkline import sparkline_svg
from loadlab.report.data import ReportData
from loadlab.report.table import (
    Column,
    Table,
    count_column,
    number_column,
    percent_column,
    text_column,
    time_column,
)

ALL_REQUESTS = "All requests"
ERROR_ROWS = 100
"""Groups of errors that a report shows at most; the archive has them all."""
EXEMPLAR_ROWS = 10
EVENT_ROWS = 200
LINE_ROWS = 50
"""Endpoints that get a small line chart."""

_LATENCIES = {
    "mean": "mean_ms",
    "p50": "p50_ms",
    "p95": "p95_ms",
    "p99": "p99_ms",
    "p99.9": "p999_ms",
    "max": "max_ms",
}
_DISTRIBUTION = {
    "min": "min_ms",
    "p50": "p50_ms",
    "p75": "p75_ms",
    "p90": "p90_ms",
    "p95": "p95_ms",
    "p99": "p99_ms",
    "p99.9": "p999_ms",
    "max": "max_ms",
}


def percentile_table(data: ReportData) -> Table | None:
    """The response time of all requests by percentile, with the 95 % interval of those that have one."""
    total = data.total
    shown = {title: column for title, column in _DISTRIBUTION.items() if total.get(column) == total.get(column)}
    if not total["count"] or len(shown) < 2:
        return None
    bounds = [
        [total.get(f"{column.removesuffix('_ms')}_{bound}_ms", float("nan")) for column in shown.values()]
        for bound in ("low", "high")
    ]
    return Table(
        "Response time of all requests by percentile",
        (
            text_column("Percentile", shown),
            number_column("Response time", [total[column] for column in shown.values()], "ms"),
            number_column("95 % interval from", bounds[0], "ms"),
            number_column("to", bounds[1], "ms"),
        ),
    )


def endpoint_table(data: ReportData) -> Table:
    """A row for all requests, then a row an endpoint, the worst first; quantiles with too few samples are marked."""
    frame = pd.concat([data.summary.tail(1), data.endpoints], ignore_index=True)
    names = [ALL_REQUESTS, *map(endpoint_name, frame["request_type"][1:], frame["name"][1:])]
    columns = [text_column("Endpoint", names, kind="long"), *_statistics(frame)]
    if data.endpoint_timelines is not None:
        columns.insert(1, _line_column(frame, data.endpoint_timelines))
    caption = "Endpoints, the worst first: by error ratio in whole percent, then by p95"
    return Table(caption, tuple(columns), totals=1)


def stage_table(data: ReportData) -> Table | None:
    """A row a load stage with its ramp left out; None when the load had no stages."""
    frame = data.stages
    if frame is None or len(frame) < 2:
        return None
    names = map(format_stage, frame["stage"], frame["name"], frame["users"])
    return Table(
        "Load stages, each from the end of its ramp",
        (
            text_column("Stage", names),
            count_column("Users", frame["users"]),
            time_column("Steady from", list(frame["ramp_end"])),
            count_column("Steady", frame["steady_s"], "s"),
            *_statistics(frame),
        ),
    )


def region_table(data: ReportData) -> Table | None:
    """A row for all requests, then a row a region; None where all load came from one place."""
    if data.regions is None:
        return None
    frame = pd.concat([data.regions.tail(1), data.regions.iloc[:-1]], ignore_index=True)
    told = data.info.get("regions") or {}
    states = ["", *(str(told.get(region, {}).get("state", "")) for region in frame["region"][1:])]
    offsets = [float("nan"), *(told.get(region, {}).get("clock_offset_ms") for region in frame["region"][1:])]
    columns = (
        text_column("Region", ["All regions", *frame["region"][1:]], limit=60),
        *_statistics(frame),
        number_column("Clock offset", pd.Series(offsets, dtype="float64"), "ms"),
        text_column("State", states),
    )
    return Table("What came from each region", columns, totals=1)


def timeline_table(data: ReportData) -> Table | None:
    """The run over time as numbers."""
    frame = data.timeline
    if frame is None or frame.empty:
        return None
    return Table(
        "The run over time",
        (
            time_column("From", list(frame["time"])),
            count_column("Requests", frame["count"]),
            count_column("Failed", frame["failures"]),
            number_column("Throughput", frame["rps"], "req/s"),
            *(
                number_column(title, frame[column], "ms")
                for title, column in _LATENCIES.items()
                if column in frame.columns
            ),
        ),
    )


def event_table(data: ReportData) -> Table | None:
    """What happened during the run."""
    if data.events is None or data.events.empty:
        return None
    frame = data.events.sort_values("time", kind="stable").head(EVENT_ROWS)
    return Table(
        "Events",
        (
            time_column("Time", list(frame["time"])),
            text_column("Event", (str(kind).replace("_", " ") for kind in frame["kind"])),
            text_column("Object", frame["object"], limit=60),
            *([text_column("Region", frame["region"], limit=60)] if data.regions is not None else []),
            text_column("What happened", frame["text"], limit=300, kind="long"),
        ),
    )


def error_table(data: ReportData) -> Table | None:
    """The errors grouped by kind, message and endpoint, the most frequent first."""
    if data.errors.empty:
        return None
    frame = data.errors.head(ERROR_ROWS)
    samples = [
        "" if sample == message else sample for sample, message in zip(frame["sample"], frame["message"], strict=True)
    ]
    return Table(
        "Errors, the most frequent first",
        (
            text_column("Kind", frame["kind"], limit=40),
            text_column("Message", frame["message"], limit=240, kind="long"),
            text_column("Endpoint", map(endpoint_name, frame["request_type"], frame["name"]), limit=80, kind="long"),
            count_column("Count", frame["count"]),
            percent_column("Share", frame["share"]),
            time_column("First seen", list(frame["first_seen"])),
            time_column("Last seen", list(frame["last_seen"])),
            text_column("Sample, secrets hidden", samples, limit=240, kind="long"),
        ),
    )


def exemplar_table(data: ReportData) -> Table | None:
    """The slowest requests with what is needed to find them in logs and traces; columns without content are left out.

    A URL on the test's own host is told without it. Where the request id is the trace id, as the agent sends it, one
    column tells both.
    """
    if data.exemplars is None or data.exemplars.empty:
        return None
    frame = data.exemplars.sort_values("response_time_ms", ascending=False, kind="stable").head(EXEMPLAR_ROWS)
    host = str((data.info.get("loadtest") or {}).get("host") or "").rstrip("/")
    same_id = bool((frame["trace_id"] == frame["request_id"]).all())
    columns = [
        text_column("Endpoint", map(endpoint_name, frame["request_type"], frame["name"]), limit=80, kind="long"),
        number_column("Response time", frame["response_time_ms"], "ms"),
        text_column("Status", (status or "–" for status in frame["status"])),
        time_column("Started", list(frame["time"])),
        text_column("Trace and request id" if same_id else "Trace id", frame["trace_id"], limit=40, kind="code"),
        text_column("X-Request-Id", [] if same_id else frame["request_id"], limit=40, kind="code"),
        text_column("URL", (str(url).removeprefix(host) for url in frame["url"]), limit=160, kind="long"),
        text_column("Error", frame["error"], limit=120, kind="long"),
    ]
    return Table("The slowest requests", tuple(column for column in columns if any(column.cells)))


def generator_table(data: ReportData) -> Table | None:
    """What each load generator needed at most."""
    if data.generators is None or data.generators.empty:
        return None
    by_worker = data.generators.groupby("worker", observed=True)
    highest = by_worker[["users", "cpu_percent", "lag_ms", "memory_bytes"]].max()
    return Table(
        "What each load generator needed",
        (
            text_column("Generator", highest.index, limit=60),
            count_column("Requests", by_worker["requests"].sum()),
            count_column("Most users", highest["users"]),
            number_column("Mean CPU", by_worker["cpu_percent"].mean(), "% of a core"),
            number_column("Highest CPU", highest["cpu_percent"], "% of a core"),
            number_column("Longest lag", highest["lag_ms"], "ms"),
            number_column("Most memory", highest["memory_bytes"] / 1e6, "MB"),
        ),
    )


def endpoint_name(request_type: object, name: object) -> str:
    """Locust's request type and name in one, each of them whole."""
    return f"{request_type} {name}".strip()


def _statistics(frame: pd.DataFrame) -> list[Column]:
    few = [set(str(labels).split(", ")) for labels in frame["few_samples"]]

    def doubted(title: str) -> list[int]:
        return [row for row, labels in enumerate(few) if title in labels]

    return [
        count_column("Requests", frame["count"]),
        number_column("Throughput", frame["rps"], "req/s"),
        count_column("Failed", frame["failures"]),
        percent_column("Error ratio", frame["error_ratio"]),
        *(number_column(title, frame[column], "ms", marked=doubted(title)) for title, column in _LATENCIES.items()),
        number_column("Size", frame["mean_response_bytes"] / 1e3, "kB"),
    ]


def _line_column(frame: pd.DataFrame, timelines: pd.DataFrame) -> Column:
    keys = [timelines["request_type"].astype("str"), timelines["name"].astype("str")]
    lines = {}
    for key, rows in timelines.groupby(keys, sort=False):
        p95_ms = rows.sort_values("time")["p95_ms"]
        lines[key] = sparkline_svg(
            p95_ms.to_numpy(dtype=np.float64), f"p95 over time, highest {format_ms(p95_ms.max())}"
        )
    shown = list(zip(frame["request_type"], frame["name"], strict=True))[:LINE_ROWS]
    cells = [lines.get(key, "") for key in shown]
    return Column("p95 over time", (*cells, *[""] * (len(frame) - len(cells))), kind="line")
