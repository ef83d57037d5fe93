"""Parts of a report as HTML fragments for a notebook: they bring their style along and follow JupyterLab's theme."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from loadlab.errors import SpecError
from loadlab.plot import plain_text
from loadlab.report import provenance, tables, verdict, verdict_tables
from loadlab.report.data import ReportData
from loadlab.report.environment import read_template, template_environment
from loadlab.report.table import Table

_MakeTable = Callable[[ReportData], Table | None]


def _endpoint_table(data: ReportData) -> Table | None:
    return tables.endpoint_table(data) if len(data.endpoints) else None


TABLES: dict[str, tuple[_MakeTable, str]] = {
    "checks": (verdict_tables.check_table, "No check was made."),
    "criteria": (verdict_tables.criteria_table, "The test has no criteria."),
    "endpoints": (_endpoint_table, "No request was finished."),
    "errors": (tables.error_table, "No request failed and no task raised an exception."),
    "events": (tables.event_table, "Nothing happened."),
    "exemplars": (tables.exemplar_table, "No request was finished."),
    "generators": (tables.generator_table, "No load generator reported."),
    "regions": (tables.region_table, "All load came from one place."),
    "stages": (tables.stage_table, "The load had no stages."),
}
"""The tables that `render_table` knows: how each is made, and what is said where there is nothing to show."""


def render_table(data: ReportData, name: str) -> str:
    """The table `name`, a key of TABLES, as an HTML fragment; foreign text in it is escaped and shortened.

    Raises:
        SpecError: there is no such table.
    """
    return _render("table", *find_table(data, name))


def find_table(data: ReportData, name: str) -> tuple[Table | None, str]:
    """The table `name`, a key of TABLES, or None when it is empty, and what is said then.

    Raises:
        SpecError: there is no such table.
    """
    if name not in TABLES:
        raise SpecError.unknown("table", name, TABLES)
    make, nothing = TABLES[name]
    return make(data), nothing


def render_verdict(data: ReportData) -> str:
    """The run as an HTML fragment: verdict and reasons, headline numbers, validity, where it is kept, and criteria."""
    judged = verdict.judge(data)
    sign = verdict.SIGNS.get(judged.status, "?")
    about = {
        "run_id": provenance.run_id(data),
        "headlines": verdict.headlines(data),
        "validity": verdict.describe_validity(data),
        "kept_in": plain_text(data.kept_in, 400),
    }
    return _render("verdict", judged, sign, about, verdict_tables.criteria_table(data))


def _render(macro: str, *arguments: object) -> str:
    module = template_environment().get_template("fragments.html.j2").module
    return f"<style>{_style()}</style>{getattr(module, macro)(*arguments)}"


@cache
def _style() -> str:
    return read_template("fragments.css")
