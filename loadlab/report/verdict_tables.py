"""The tables of a report that say whether a run can be trusted and whether it meets its criteria."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from loadlab.plot import MISSING, format_ms, format_number, format_percent, plain_text
from loadlab.report.data import ReportData
from loadlab.report.table import Table, text_column, time_column
from loadlab.report.verdict import CRITERION_RESULTS, CRITERION_SIGNS, RESULTS, SIGNS, checks


def criteria_table(data: ReportData) -> Table | None:
    """A row a criterion, as they were written; None where the test has none."""
    found = data.verdict["criteria"]
    if not found:
        return None
    states = tuple(str(each["status"]) for each in found)
    broken = pd.Series([each["first_broken"] for each in found], dtype="object")
    results = [f"{CRITERION_SIGNS.get(state, '?')} {CRITERION_RESULTS.get(state, '?')}" for state in states]
    columns = [
        text_column("Criterion", [each["criterion"] for each in found], limit=160, kind="code"),
        text_column("Result", results),
        text_column("Measured", [_amount(each, "value") for each in found]),
        text_column("Threshold", [_amount(each, "threshold") for each in found]),
        text_column("What was measured", [each["text"] for each in found], limit=300, kind="long"),
    ]
    if broken.notna().any():
        columns.append(time_column("First broken", list(pd.to_datetime(broken, utc=True))))
    return Table("Criteria", tuple(columns), states=states)


def _amount(result: Mapping[str, Any], key: str) -> str:
    """The value or threshold of a criterion as a person reads it; ratios are percentages where it is written so."""
    value, unit = result[key], result["unit"]
    if value is None:
        return MISSING
    if unit == "ms":
        return format_ms(value)
    if not unit and "%" in result["criterion"]:
        return format_percent(value)
    return f"{format_number(value)}{' ' if unit[:1] not in '/%' else ''}{plain_text(unit, 20)}".strip()


def check_table(data: ReportData, statuses: Collection[str] = RESULTS, caption: str = "Validity") -> Table | None:
    """The validity checks of these `statuses`, what speaks against the run first; None where there are none."""
    found = [check for check in checks(data) if check.status in statuses]
    if not found:
        return None
    return Table(
        caption,
        (
            text_column("Check", [check.name for check in found]),
            text_column("Result", [f"{SIGNS.get(check.status, '?')} {check.result}" for check in found]),
            text_column("Why", [check.text for check in found], limit=400, kind="long"),
        ),
        states=tuple(check.status for check in found),
    )
