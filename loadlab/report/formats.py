"""The forms in which a run's report can be had as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loadlab.errors import SpecError
from loadlab.report.data import ReportData
from loadlab.report.html import render_report
from loadlab.report.junit import render_junit, render_junit_failure
from loadlab.report.markdown import render_markdown
from loadlab.report.policy import write_page
from loadlab.report.summary import summary_dict


def render_summary(data: ReportData) -> str:
    """The contents of summary.json."""
    return json.dumps(summary_dict(data), indent=2, allow_nan=False) + "\n"


_RENDER: dict[str, Callable[[ReportData], str]] = {
    "html": render_report,
    "markdown": render_markdown,
    "junit": render_junit,
    "json": render_summary,
}
FORMATS = {"html": "report.html", "markdown": "report.md", "junit": "junit.xml", "json": "summary.json"}
"""What a report can be written as, and how its file is named unless somebody says otherwise."""


def render(data: ReportData, form: str) -> str:
    """The report in `form`, one of FORMATS.

    Raises:
        SpecError: there is no such form.
    """
    if form not in _RENDER:
        raise SpecError.unknown("format", form, FORMATS)
    return _RENDER[form](data)


def write_junit_failure(loadtest: Mapping[str, Any], message: str, path: str | Path) -> Path:
    """Write the JUnit file of a test that could not be carried out; see `render_junit_failure`.

    Raises:
        ReportError: the file cannot be written.
    """
    return write_page(render_junit_failure(loadtest, message), Path(path))
