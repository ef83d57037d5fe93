"""The tables of a run: columns, dtypes and units. Every part that touches a table takes its names from here.

All times are UTC. `time` in the per-second tables is the start of that second on the master's clock; of several
regions, on the clock of the first one's master.
Counts and histograms are additive: a late part of a second appends rows with the same key, and a reader sums them.

Version history of the record format (stream and archive share it):

2
    Every table of what was sent says from which `region`. An archive of version 1 is read as one of a single region.
1
    The first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION = 2

READABLE_VERSIONS = (1, 2)
"""Versions of archives that can be read; of a stream it is only the newest."""

RELATIVE_ERROR = 0.01
"""Relative error bound of every quantile that a histogram answers."""

GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
"""Ratio of neighbouring bucket bounds. Bucket i holds the values in (GAMMA**(i-1), GAMMA**i] milliseconds; its
estimate is 2*GAMMA**i/(GAMMA+1). Source: Masson, Rim, Lee: DDSketch, VLDB 2019, section 2.2."""

ZERO_BUCKET = -1024
"""The bucket of values of 1e-6 ms and less (and of negative ones); its estimate is 0.0."""

MAX_BUCKET = 1036
"""The bucket that larger values fall into too (about 1e9 ms, eleven days)."""


@dataclass(frozen=True)
class Column:
    """One column. `dtype` is one of timestamp, category, string, int64, float64, histogram.

    `since` is the version that brought it; in what an earlier one wrote it is empty text.
    """

    name: str
    dtype: str
    unit: str
    doc: str
    since: int = 1


def _table(*columns: tuple[str, str, str, str] | Column) -> tuple[Column, ...]:
    return tuple(column if isinstance(column, Column) else Column(*column) for column in columns)


_TIME = ("time", "timestamp", "UTC", "start of the second")
_TYPE = ("request_type", "category", "", "Locust's request_type: GET, POST, ... or what a custom client fires")
_NAME = ("name", "category", "", "Locust's name of the request")
_WORKER = ("worker", "category", "", "worker name; of several regions 'region/worker'")
_REGION = Column(
    "region", "category", "", "where it was sent from: a context's name; empty when all is in one", since=2
)

TABLES: dict[str, tuple[Column, ...]] = {
    "requests": _table(
        _TIME,
        _TYPE,
        _NAME,
        ("count", "int64", "requests", "finished in this second, failed ones included"),
        ("failures", "int64", "requests", "of these, the failed ones"),
        ("response_bytes", "int64", "bytes", "sum of response lengths"),
        ("sum_ms", "float64", "ms", "sum of response times"),
        ("min_ms", "float64", "ms", "shortest response time; NaN without a timed request"),
        ("max_ms", "float64", "ms", "longest response time; NaN without a timed request"),
        ("histogram", "histogram", "", "response times of all timed requests, failed ones included"),
        (
            "intended_histogram",
            "histogram",
            "",
            "response times from the intended start, for users with constant_pacing or constant_throughput; else null",
        ),
        _REGION,
    ),
    "errors": _table(
        _TIME,
        _TYPE,
        ("name", "category", "", "Locust's name of the request; the user class for an exception in a task"),
        ("kind", "category", "", "'HTTP 503', 'timeout', 'connection refused', 'check failed', 'task exception', ..."),
        ("message", "string", "", "the text with ids, numbers and hex folded to <n>, <hex>, <uuid>, <host>, <query>"),
        ("count", "int64", "errors", "in this second"),
        ("sample", "string", "", "one text as it came, shortened, secrets left out"),
        _REGION,
    ),
    "users": _table(
        _TIME,
        ("user_class", "category", "", "Locust's user class"),
        ("users", "int64", "users", "running at the end of the second, over all workers"),
        _REGION,
    ),
    "generators": _table(
        _TIME,
        (
            "worker",
            "category",
            "",
            "worker name; 'master' for the master, 'local' for a single process; of several regions 'region/worker'",
        ),
        ("users", "int64", "users", "running on this worker"),
        ("requests", "int64", "requests", "finished on this worker in this second"),
        ("cpu_percent", "float64", "% of one core", "CPU time of the process in this second"),
        ("memory_bytes", "int64", "bytes", "resident set size"),
        ("lag_ms", "float64", "ms", "longest delay of the event loop in this second"),
        (
            "clock_offset_ms",
            "float64",
            "ms",
            "the first master's clock minus this worker's clock, corrected in all times",
        ),
        _REGION,
    ),
    "signals": _table(
        _TIME,
        ("source", "category", "", "where it was read: kubernetes, prometheus, cgroup, ..."),
        ("object", "category", "", "what it belongs to: a pod, a container, a node"),
        ("metric", "category", "", "what was measured"),
        ("value", "float64", "", "in `unit`"),
        ("unit", "category", "", "of `value`"),
    ),
    "events": _table(
        ("time", "timestamp", "UTC", "when it happened"),
        ("kind", "category", "", "one of schema.EVENT_KINDS"),
        ("object", "string", "", "what it happened to: a worker, a stage, a deployment"),
        ("text", "string", "", "one sentence for a person"),
        ("data", "string", "", "JSON object with the numbers of the event"),
        _REGION,
    ),
    "exemplars": _table(
        ("time", "timestamp", "UTC", "start of the request"),
        _TYPE,
        _NAME,
        ("response_time_ms", "float64", "ms", "its response time"),
        ("status", "int64", "", "HTTP status; 0 where there was none"),
        ("url", "string", "", "requested URL"),
        ("trace_id", "string", "", "trace id of the W3C traceparent sent with it; empty when switched off"),
        ("request_id", "string", "", "X-Request-Id sent with it; empty when switched off"),
        _WORKER,
        ("error", "string", "", "empty when it succeeded"),
        _REGION,
    ),
    "metrics": _table(
        _TIME,
        ("name", "category", "", "the metric's name in the locustfile"),
        ("kind", "category", "", "count (summed in this second) or gauge (last value in this second)"),
        _WORKER,
        ("value", "float64", "", "counted, or last set"),
        _REGION,
    ),
}

EVENT_KINDS: dict[str, str] = {
    "swarm_ready": "all workers are connected, no load yet",
    "test_start": "Locust's test_start; the first user is about to spawn",
    "stage": "the load shape asks for another number of users; data: index, users, spawn_rate",
    "ramp_complete": "all users of the stage are spawned; data: users",
    "test_stopping": "users begin to stop",
    "test_stop": "all users have stopped",
    "worker_joined": "a worker connected",
    "worker_left": "a worker quit in good order",
    "worker_lost": "a worker went silent; data: requests_lost when known",
    "worker_returned": "a worker that was silent reports again",
    "master_lost": "the master does not answer any more",
    "region_lost": "nothing comes from a region any more; data: last_second, workers",
    "lease_expired": "nobody has read the stream for `lease` seconds; the test stops itself",
    "interrupted": "the run was interrupted: Ctrl-C, SIGTERM or the interrupt of a notebook",
    "criterion_broken": "a criterion that ends the test was broken; data: second, at whose end it was",
    "journal_failed": "the journal could not be written any more",
    "names_folded": "too many different names; further ones are counted under '(other)'",
    "note": "a person's or the locustfile's note",
    "warning": "something the reader of the result should know",
}

BROKEN_END = "criterion_broken"
"""The end reason of a test that was ended by one of its criteria; the kind of event that says so has the same name."""

MASTER = "master"
"""The name of a master among the generators; of several regions 'region/master'."""


def is_master(worker: str) -> bool:
    """True for the name of a master among the generators."""
    return worker == MASTER or worker.endswith(f"/{MASTER}")


def column_names(table: str) -> list[str]:
    """The column names of `table` in order."""
    return [column.name for column in TABLES[table]]


def arrow_schema(table: str) -> pa.Schema:
    """`table` as an Arrow schema: what its Parquet file holds. Times are timestamp[us, UTC]."""
    import pyarrow as pa

    types = {
        "timestamp": pa.timestamp("us", tz="UTC"),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "histogram": pa.list_(pa.struct([("bucket", pa.int16()), ("count", pa.int32())])),
    }
    fields = [pa.field(column.name, types[column.dtype]) for column in TABLES[table]]
    return pa.schema(fields, metadata={"loadlab.table": table, "loadlab.schema_version": str(SCHEMA_VERSION)})


def to_frame(table: str, data: pa.Table) -> pd.DataFrame:
    """An Arrow table with `arrow_schema(table)` as a DataFrame.

    `time` is datetime64[us, UTC], category columns are pandas categoricals, histogram columns stay Arrow-backed
    (``ArrowDtype(list<struct<bucket: int16, count: int32>>)``), so that a day of seconds needs no Python objects.
    """
    import pandas as pd

    histogram_type = arrow_schema("requests").field("histogram").type
    frame: pd.DataFrame = data.cast(arrow_schema(table)).to_pandas(
        types_mapper=lambda kind: pd.ArrowDtype(kind) if kind == histogram_type else None
    )
    return frame


def empty_frame(table: str) -> pd.DataFrame:
    """`table` without rows, with the right dtypes."""
    return to_frame(table, arrow_schema(table).empty_table())
