"""A run as Markdown, for a comment on a merge request: as GitHub and GitLab read it, short, and without a trap.

What comes from the system under test, from the test or from a run's labels is hostile here: a name may hold a table's
pipes, a link, HTML, or ``@somebody``, whom a comment would notify. Names and messages stand as code, in which neither
GitHub nor GitLab looks for anything; sentences that quote them are escaped. After GitHub Flavored Markdown 0.29, and
what GitHub and GitLab add to it when they show a comment: mentions, references such as #12 and !12, emoji, formulas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from loadlab.plot import plain_text
from loadlab.report import provenance, tables, verdict, verdict_tables
from loadlab.report.data import ReportData
from loadlab.report.table import FIGURE_SPACE, PUNCTUATION_SPACE, Column, Table

LONGEST_COMMENT = 65_536
"""Characters that GitHub takes for a comment; GitLab takes more."""

CRITERIA_ROWS = 40
ENDPOINT_ROWS = 5
ERROR_ROWS = 5
REASONS = 10

_SHOWN = {
    "Criterion", "Result", "What was measured", "First broken",
    "Endpoint", "Requests", "Throughput", "Error ratio", "p50", "p95", "p99",
    "Kind", "Message", "Count",
}  # fmt: skip
"""The columns that a comment has room for."""
_CODE = {"Criterion", "Endpoint", "Kind", "Message"}
_DOUBT = "†"

_SENTENCE_LENGTH = 300
_NAME_LENGTH = 120
_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#|~&]|^[+-]")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_REFERENCE = re.compile(r"([@#!~%&^](?=\\?[\w\"])|:(?=\\?[a-z/+_-])|\bwww(?=\.))", re.IGNORECASE)
"""Where a mention, a reference, an emoji or a bare address begins."""
_APART = "\N{ZERO WIDTH SPACE}"


def render_markdown(data: ReportData) -> str:
    """The run as Markdown: verdict, reasons, criteria, headline numbers, the worst endpoints, the most frequent errors.

    Never longer than LONGEST_COMMENT characters.
    """
    judged = verdict.judge(data)
    lines = [f"### {verdict.SIGNS.get(judged.status, '?')} {_sentence(judged.title)}", "", _sentence(judged.sentence)]
    lines += ["", *(f"- {_sentence(reason)}" for reason in judged.reasons[:REASONS])] if judged.reasons else []
    if len(judged.reasons) > REASONS:
        lines.append(f"- … and {len(judged.reasons) - REASONS} more reasons")
    lines += ["", _sentence(judged.further)] if judged.further else []
    lines += ["", *_criteria(data), *_headlines(data), *_endpoints(data), *_errors(data)]
    lines.append(_whence(data))
    return "\n".join(lines) + "\n"


def _criteria(data: ReportData) -> Iterator[str]:
    rank = {"failed": 0, "invalid": 1}
    order = sorted(data.verdict["criteria"], key=lambda each: rank.get(each["status"], 2))
    table = verdict_tables.criteria_table(replace(data, verdict={**data.verdict, "criteria": order[:CRITERIA_ROWS]}))
    if table:
        yield from _table(table)
    if len(order) > CRITERIA_ROWS:
        yield from (f"… and {len(order) - CRITERIA_ROWS} more criteria, none of them worse", "")


def _headlines(data: ReportData) -> Iterator[str]:
    found = verdict.headlines(data)
    yield _row(_sentence(headline.label) for headline in found)
    yield _row("---:" for _ in found)
    yield _row(_sentence(f"{headline.value} {headline.unit}".strip()) for headline in found)
    yield ""


def _endpoints(data: ReportData) -> Iterator[str]:
    if not len(data.endpoints):
        return
    table = tables.endpoint_table(data)
    yield from _details("The worst endpoints", table, ENDPOINT_ROWS + table.totals, "endpoints")


def _errors(data: ReportData) -> Iterator[str]:
    table = tables.error_table(data)
    if table:
        yield from _details("The most frequent errors", table, ERROR_ROWS, "groups of errors")


def _details(title: str, table: Table, most: int, what: str) -> Iterator[str]:
    """A table under a title that unfolds it; at most `most` rows."""
    yield from (f"<details><summary>{title}</summary>", "")
    yield from _table(table.rows(0, most, table.caption))
    if len(table) > most:
        yield from (f"… and {len(table) - most:,} more {what}", "")
    yield from ("</details>", "")


def _table(table: Table) -> Iterator[str]:
    columns = [column for column in table.columns if column.title in _SHOWN]
    titles = [f"{column.title}, {column.unit}" if column.unit else column.title for column in columns]
    yield _row(map(_sentence, titles))
    yield _row("---:" if column.kind == "number" else "---" for column in columns)
    for row in range(len(table)):
        yield _row(_cell(column, row, named=row >= table.totals) for column in columns)
    yield ""
    if any(column.marked for column in columns):
        yield from (f"{_DOUBT} too few requests for a 95 % interval", "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: Column, row: int, *, named: bool) -> str:
    text = column.cells[row].replace(FIGURE_SPACE, "").replace(PUNCTUATION_SPACE, "").strip()
    if column.title in _CODE and named:
        return _code(text)
    return _sentence(text) + (f" {_DOUBT}" if row in column.marked else "")


def _whence(data: ReportData) -> str:
    started = provenance.format_instant(data.info.get("started"))
    took = verdict.format_duration(verdict.duration_s(data.info))
    host = str((data.info.get("loadtest") or {}).get("host") or "")
    against = f" against {_code(host)}" if host else ""
    where = f", kept in {_code(data.kept_in)}" if data.kept_in else ""
    return f"Run {_code(str(data.info['id']))}{against}, started {_sentence(started)}, took {took}{where}."


def _code(text: str) -> str:
    """`text` as a code span that also stands in a table's cell; nothing in it means anything."""
    shown = plain_text(text, _NAME_LENGTH).strip()
    if not shown:
        return ""
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}".replace("|", r"\|")


def _sentence(text: str) -> str:
    """`text` without a meaning to Markdown, GitHub or GitLab; dollars, which begin formulas, become code."""
    shown = plain_text(text, _SENTENCE_LENGTH).strip()
    escaped = _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", shown))
    escaped = re.sub(r"\$+", r"`\g<0>`", escaped)
    return _REFERENCE.sub(rf"\g<0>{_APART}", escaped)
