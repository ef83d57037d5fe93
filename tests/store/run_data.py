"""A run's info and tables, made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from loadlab.schema import TABLES, arrow_schema

START = datetime(2026, 11, 23, 21, 6, 40, tzinfo=UTC)


def make_info(**changes: Any) -> dict[str, Any]:
    """A run.json as workbench writes it."""
    return {
        "status": "finished",
        "loadtest": {"host": "http://shop", "users": 10, "run_time": 60.0, "stages": []},
        "started": "2026-11-23T21:06:40.123Z",
        "ended": "2026-11-23T21:07:41.001Z",
        "versions": {"loadlab": "0.1.0"},
        "labels": {"service": "shop", "build": "17"},
        "validity": {"status": "valid"},
    } | changes


def make_table(name: str, rows: int, *, order: int = 1) -> pa.Table:
    """`rows` rows of the schema's table `name`, a second each; order -1 begins with the last one."""
    values: dict[str, Any] = {
        "timestamp": lambda i: START + timedelta(seconds=i),
        "category": lambda i: f"c{i % 3}",
        "string": lambda i: f"text {i} 🛒\0",
        "int64": lambda i: i,
        "float64": lambda i: None if i % 5 == 0 else i / 7,
        "histogram": lambda i: None if i % 2 else [{"bucket": i % 100, "count": i}] * (i % 4),
    }
    numbers = list(range(rows))[::order]
    columns = [[values[column.dtype](i) for i in numbers] for column in TABLES[name]]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, arrow_schema(name), strict=True)],
        schema=arrow_schema(name),
    )
