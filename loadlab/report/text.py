"""A run in a terminal: plain text, aligned, at most 100 columns wide."""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from loadlab.plot import plain_text
from loadlab.report import provenance, tables, verdict
from loadlab.report.data import ReportData
from loadlab.report.fragments import find_table
from loadlab.report.table import FIGURE_SPACE, PUNCTUATION_SPACE, Column, Table

WIDTH = 100
ENDPOINT_ROWS = 20
ERROR_ROWS = 10
TABLE_ROWS = 60
_GAP = 2
_NARROWEST = 12
_LEFT_OUT = {"mean", "p99.9", "Size", "Share", "Sample, secrets hidden", "Steady from"}
_SHORT = {"Throughput": "Rate", "Error ratio": "Errors"}
_DOUBT = "†"


def render_text(data: ReportData, width: int | None = None) -> str:
    """Verdict, criteria, headline numbers, endpoints (the worst first), regions, stages, errors and validity as text.

    `width` is that of the terminal if not given, and never more than 100 columns. Names and messages are made
    printable: nothing from the system under test reaches the terminal as a control sequence.
    """
    columns = min(width or shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    return "\n".join(line.rstrip() for line in _lines(data, columns)) + "\n"


def run_line(data: ReportData) -> str:
    """The run in one line: verdict, headline numbers, and where it is kept."""
    judged = verdict.judge(data)
    kept = f" Kept in {plain_text(data.kept_in, 400)}." if data.kept_in else ""
    sign = verdict.SIGNS.get(judged.status, "?")
    line = f"Run {provenance.run_id(data)}: {sign} {judged.title}. {judged.sentence}{kept}"
    return line.replace("\u00a0", " ")


def render_table_text(data: ReportData, name: str, width: int | None = None) -> str:
    """The table `name`, one that `render_table` knows, as text, `width` as in `render_text`.

    Raises:
        SpecError: there is no such table.
    """
    columns = min(width or shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    table, nothing = find_table(data, name)
    if table is None:
        return nothing
    return "\n".join(line.rstrip() for line in _show(table, columns, TABLE_ROWS, "rows")).rstrip()


def _lines(data: ReportData, width: int) -> Iterator[str]:
    judged = verdict.judge(data)
    started = provenance.format_instant(data.info.get("started"))
    took = verdict.format_duration(verdict.duration_s(data.info))
    yield f"Run {provenance.run_id(data)}, started {started}, took {took}"
    yield ""
    yield from _wrap(f"{verdict.SIGNS.get(judged.status, '?')} {judged.title}. {judged.sentence}", width)
    yield ""
    if data.verdict["criteria"]:
        yield "Criteria"
        for each in data.verdict["criteria"]:
            told = plain_text(f"{each['criterion']}: {each['text']}", 400)
            yield from _wrap(f"{verdict.CRITERION_SIGNS.get(each['status'], '?')} {told}", width)
        yield ""
    for headline in verdict.headlines(data):
        yield f"{headline.label:<18}{headline.value:>12} {headline.unit:<6} {headline.note}"
    yield ""
    if len(data.endpoints):
        yield from _show(tables.endpoint_table(data), width, ENDPOINT_ROWS + 1, "endpoints")
    regions = tables.region_table(data)
    if regions:
        yield from _show(regions, width, len(regions), "regions")
    stages = tables.stage_table(data)
    if stages:
        yield from _show(stages, width, len(stages), "stages")
    errors = tables.error_table(data)
    if errors:
        yield from _show(errors, width, ERROR_ROWS, "groups of errors")
    yield "Validity"
    for check in verdict.checks(data):
        yield from _wrap(f"{verdict.SIGNS.get(check.status, '?')} {check.name}: {check.text}", width)


def _show(table: Table, width: int, most: int, what: str) -> Iterator[str]:
    shown = table.rows(0, most, table.caption)
    columns = [
        replace(column, title=_SHORT.get(column.title, column.title))
        for column in shown.columns
        if column.kind != "line" and column.title not in _LEFT_OUT
    ]
    cells = [[_plain_cell(column, row) for row in range(len(shown))] for column in columns]
    widths = _fit(columns, cells, width)
    yield table.caption
    yield _line(columns, [column.title for column in columns], widths)
    if any(column.unit for column in columns):
        yield _line(columns, [column.unit for column in columns], widths)
    for row in zip(*cells, strict=True):
        yield _line(columns, row, widths)
    if len(table) > most:
        yield f"... and {len(table) - most:,} more {what}"
    if any(column.marked for column in columns):
        yield f"{_DOUBT} too few requests for a 95 % interval"
    yield ""


def _plain_cell(column: Column, row: int) -> str:
    cell = column.cells[row].replace(FIGURE_SPACE, " ").replace(PUNCTUATION_SPACE, " ")
    if not column.marked:
        return cell
    number = cell.rstrip()
    return number + (_DOUBT if row in column.marked else " ") + cell[len(number) :]


def _fit(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The width of each column: what its longest cell needs; where that is too much, text columns give way."""
    widths = [max(map(_width, (column.title, column.unit, *own))) for column, own in zip(columns, cells, strict=True)]
    texts = [place for place, column in enumerate(columns) if column.kind in ("text", "long", "code")]
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        widest = max(texts, key=lambda place: widths[place])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        shown = _cut(cell, width)
        space = " " * (width - _width(shown))
        parts.append(space + shown if column.kind == "number" else shown + space)
    return (" " * _GAP).join(parts)


def _cut(text: str, width: int) -> str:
    """`text`, at most `width` columns wide; an ellipsis marks what was cut."""
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _width(text: str) -> int:
    """How many columns of a terminal `text` takes: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _wrap(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]
