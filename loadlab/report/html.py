"""The report of a run as one HTML file that needs nothing else: no network, no script for its words and numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from loadlab.errors import ReportError
from loadlab.plot import plain_text
from loadlab.report import provenance, tables, verdict, verdict_tables
from loadlab.report.data import FIGURES, ReportData
from loadlab.report.embed import embed_figures
from loadlab.report.environment import read_template, template_environment
from loadlab.report.policy import CONTENT_POLICY, write_page
from loadlab.report.summary import summary_dict
from loadlab.report.table import Table
from loadlab.spec import hide_text

TOP = 10
"""Rows of the endpoint and error tables that are open; the others are folded."""

_TEXT_LENGTH = 1000


def write_report(data: ReportData, path: str | Path) -> Path:
    """Write the report of a run to `path` and return it.

    The page holds the verdict, validity, headline numbers and all tables as plain HTML, readable with scripts and
    styles blocked; the figures are drawn by BokehJS, which is part of the page, under a policy that forbids every
    fetch. Names and texts from the system under test are escaped, made printable and shortened. The numbers stand in it
    once more as JSON (``summary_dict``) in the element ``loadlab-summary``.

    Raises:
        ReportError: the file cannot be written.
    """
    return write_page(render_report(data), Path(path))


def render_report(data: ReportData) -> str:
    """The report's page as text."""
    figures = embed_figures(data.figures)
    endpoints = tables.endpoint_table(data)
    errors = tables.error_table(data)
    page = (
        template_environment()
        .get_template("report.html.j2")
        .render(
            policy=CONTENT_POLICY,
            style=Markup(read_template("report.css")),
            behaviour=Markup(read_template("report.js")),
            title=_title(data),
            run_id=provenance.run_id(data),
            started=provenance.format_instant(data.info.get("started")),
            took=verdict.format_duration(verdict.duration_s(data.info)),
            notice=_notice(data),
            verdict=verdict.judge(data),
            signs=verdict.SIGNS,
            criteria=verdict_tables.criteria_table(data),
            doubts=verdict_tables.check_table(data, verdict.DOUBTS, "What speaks against this measurement"),
            passed=verdict_tables.check_table(data, ("ok",), "Checks that were passed"),
            unjudged=verdict_tables.check_table(
                data, ("unjudged",), "Checks that could not be made, or were not asked for"
            ),
            headlines=verdict.headlines(data),
            figures={name: Markup(place) for name, place in figures.places.items()},
            captions=FIGURES,
            endpoints=_fold(endpoints, "endpoints") if len(data.endpoints) else [],
            percentiles=tables.percentile_table(data),
            few_samples=any(column.marked for column in endpoints.columns if column.unit == "ms"),
            stages=tables.stage_table(data),
            regions=tables.region_table(data),
            timeline=tables.timeline_table(data),
            events=tables.event_table(data),
            errors=_fold(errors, "groups of errors") if errors else [],
            hidden_errors=max(len(data.errors) - tables.ERROR_ROWS, 0),
            hidden_events=max(0 if data.events is None else len(data.events) - tables.EVENT_ROWS, 0),
            exemplars=tables.exemplar_table(data),
            generators=tables.generator_table(data),
            facts=provenance.collect_facts(data),
            command=provenance.command(data),
            summary=Markup(_embed_json(data)),
            library=Markup(figures.library),
            script=Markup(figures.script),
        )
    )
    return str(page)


def _title(data: ReportData) -> str:
    loadtest = data.info.get("loadtest") or {}
    title = loadtest.get("description") or f"Load test of {loadtest.get('host') or 'a service'}"
    return plain_text(hide_text(str(title)), 160)


def _notice(data: ReportData) -> str:
    """What has to be said about a run that did not end in good order, or ""."""
    return {
        "running": "The run was still going on when this report was written: its numbers are not final.",
        "recovered": "The run was recovered from its journal after its recorder ended early: "
        "everything up to then is in it.",
    }.get(str(data.info["status"]), "")


def _fold(table: Table, what: str) -> list[Table]:
    """The first rows, and the others where there are any."""
    top = TOP + table.totals
    rest = len(table) - top
    if rest <= 0:
        return [table]
    return [table.rows(0, top, table.caption), table.rows(top, None, f"The other {rest:,} {what}")]


def _embed_json(data: ReportData) -> str:
    """summary.json for a script element: nothing in it can end the element. Endless texts are cut, secrets hidden."""
    try:
        text = json.dumps(_shorten(summary_dict(data)), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ReportError(f"the run's information cannot be written as JSON: {error}") from error
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shorten(value: Any) -> Any:
    if isinstance(value, str):
        return hide_text(value[: 2 * _TEXT_LENGTH])[:_TEXT_LENGTH]
    if isinstance(value, dict):
        return {_shorten(key): _shorten(part) for key, part in value.items()}
    return [_shorten(part) for part in value] if isinstance(value, list) else value
