"""summary.json: the numbers of a run for machines."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from loadlab.report.data import ReportData
from loadlab.report.verdict import DOUBTS
from loadlab.schema import SCHEMA_VERSION

STATISTICS = (
    "count",
    "failures",
    "error_ratio",
    "rps",
    "mean_ms",
    "min_ms",
    "p50_ms",
    "p75_ms",
    "p90_ms",
    "p95_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "mean_response_bytes",
)
"""The numbers of the whole run and of each endpoint, named and measured as in ``analyse.summarise``."""


def summary_dict(data: ReportData) -> dict[str, Any]:
    """What summary.json holds: plain JSON values, times as ISO 8601 in UTC, an undefined number as null.

    Keys: schema_version, id, status, started, ended, validity (status, reasons), verdict (status, reasons, criteria:
    criterion, status, text, value, threshold, unit, samples, first_broken of each), total (STATISTICS), endpoints
    (sorted by name; request_type, name and STATISTICS of each), regions (region and STATISTICS of each; empty where all
    load came from one place), conservation (sent, ok, failed, in_flight, lost), labels.
    Statistics are rounded to nine significant digits; names are exact, and hostile: escape them where they are shown.
    """
    info = data.info
    rows = data.summary.to_dict("records")
    return {
        "schema_version": SCHEMA_VERSION,
        "id": info["id"],
        "status": info["status"],
        "started": info.get("started"),
        "ended": info.get("ended"),
        "validity": {
            "status": data.validity["status"],
            "reasons": [check["text"] for check in data.validity["checks"] if check["status"] in DOUBTS],
        },
        "verdict": {
            "status": data.verdict["status"],
            "reasons": list(data.verdict["reasons"]),
            "criteria": [
                {**each, "value": _finite(each["value"]), "threshold": _finite(each["threshold"])}
                for each in data.verdict["criteria"]
            ],
        },
        "total": _statistics(rows[-1]),
        "endpoints": [
            {"request_type": str(row["request_type"]), "name": str(row["name"]), **_statistics(row)}
            for row in rows[:-1]
        ],
        "regions": [
            {"region": str(row["region"]), **_statistics(row)}
            for row in (data.regions.to_dict("records")[:-1] if data.regions is not None else ())
        ],
        "conservation": dict(info.get("conservation") or {}),
        "labels": dict(info.get("labels") or {}),
    }


def _statistics(row: Mapping[Hashable, Any]) -> dict[str, float | int | None]:
    return {key: _plain(row[key]) for key in STATISTICS}


def _finite(value: float | None) -> float | None:
    """Exact: a rounded value might lie on the other side of its threshold."""
    return value if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> float | int | None:
    if isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu"):
        return int(value)
    number = float(value)
    return float(f"{number:.9g}") if math.isfinite(number) else None
