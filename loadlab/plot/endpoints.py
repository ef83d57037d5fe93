"""The table of endpoints: their numbers and how they went over time, as plain HTML that needs no script.

Everything foreign in it is escaped; the style sheet and the sparklines are inline, so that it stands alone in a
notebook, a report or a mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from loadlab.plot.sparkline import sparkline_svg
from loadlab.plot.text import format_count, format_ms, format_number, format_percent, plain_text

MAX_ROWS = 200
"""Endpoints in the table at most: those with the most requests, and a note about the others."""

_AGGREGATED = ("", "Aggregated")
_QUANTILES = ("p50", "p90", "p95", "p99")
_HEADINGS = ("type", "name", "requests", "failed", "failed %", "rps", "mean", *_QUANTILES, "max")
_TRENDS = ("rps over time", "p95 over time")

TABLE_CSS = """
.loadlab-endpoints { overflow-x: auto; color: var(--loadlab-text, var(--jp-ui-font-color1, inherit)); }
.loadlab-endpoints table { border-collapse: collapse; font: 13px/1.4 system-ui, sans-serif; }
.loadlab-endpoints td { font-variant-numeric: tabular-nums; }
.loadlab-endpoints th, .loadlab-endpoints td { padding: 3px 5px; text-align: right; white-space: nowrap; }
.loadlab-endpoints th { font-weight: 600; }
.loadlab-endpoints tr > :first-child, .loadlab-endpoints tr > :nth-child(2) { text-align: left; }
.loadlab-endpoints tbody th { font-weight: 400; white-space: normal; overflow-wrap: anywhere; min-width: 12em; }
.loadlab-endpoints thead tr, .loadlab-endpoints tbody tr { border-bottom: 1px solid rgba(128, 128, 128, 0.35); }
.loadlab-endpoints tbody tr:hover { background: rgba(128, 128, 128, 0.12); }
.loadlab-endpoints tfoot th, .loadlab-endpoints tfoot td { font-weight: 600; }
.loadlab-endpoints .failing { font-weight: 600; text-decoration: underline; text-decoration-color: #D55E00; }
.loadlab-endpoints svg { vertical-align: middle; }
.loadlab-endpoints p { font: 12px/1.4 system-ui, sans-serif; margin: 6px 0; }
"""


def endpoint_table_html(
    summary: pd.DataFrame, timelines: pd.DataFrame | None = None, *, max_rows: int = MAX_ROWS
) -> str:
    """The numbers of each endpoint as an HTML fragment: a style element and a table, three significant digits.

    `summary` has a row for each (request_type, name) and a last one for all requests (request_type "", name
    "Aggregated"): count, failures, error_ratio, rps, mean_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms, and where known
    few_samples ("p99, p99.9": these are marked with †) and p50_low_ms, p50_high_ms and so on (95 % intervals, told when
    the pointer rests on the number). `timelines` is long: time, request_type, name, rps, p95_ms; it adds a sparkline of
    each.
    """
    rows = [{str(column): value for column, value in row.items()} for row in summary.to_dict("records")]
    endpoints = [row for row in rows if _key(row) != _AGGREGATED]
    total = [row for row in rows if _key(row) == _AGGREGATED]
    style = f"<style>{TABLE_CSS}</style>"
    if not endpoints:
        return f'{style}<div class="loadlab-endpoints"><p>no data: no requests</p></div>'
    most = set(sorted(range(len(endpoints)), key=lambda place: -endpoints[place]["count"])[:max_rows])
    shown = [row for place, row in enumerate(endpoints) if place in most]
    trends = _trends(timelines) if timelines is not None else None
    headings = (*_HEADINGS, *_TRENDS) if trends is not None else _HEADINGS
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join(_row(row, trends) for row in shown)
    foot = "".join(_row(row, trends) for row in total)
    return (
        f'{style}<div class="loadlab-endpoints" role="region" aria-label="Endpoints" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>"
        f"{_notes(shown + total, hidden=len(endpoints) - len(shown))}</div>"
    )


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["request_type"]), str(row["name"])


def _row(row: Mapping[str, Any], trends: Mapping[tuple[str, str], str] | None) -> str:
    request_type, name = _key(row)
    few = _few_samples(row)
    failing = ' class="failing"' if row["failures"] else ""
    cells = [
        f"<td>{escape(plain_text(request_type, 24))}</td>",
        f'<th scope="row">{escape(plain_text(name, 120))}</th>',
        f"<td>{format_count(row['count'])}</td>",
        f"<td{failing}>{format_count(row['failures'])}</td>",
        f"<td{failing}>{format_percent(row['error_ratio'])}</td>",
        f"<td>{format_number(row['rps'])}</td>",
        f"<td>{format_ms(row['mean_ms'])}</td>",
        *(_quantile_cell(row, quantile, doubtful=quantile in few) for quantile in _QUANTILES),
        f"<td>{format_ms(row['max_ms'])}</td>",
    ]
    if trends is not None:
        cells.append(trends.get((request_type, name), "<td></td><td></td>"))
    return f"<tr>{''.join(cells)}</tr>"


def _quantile_cell(row: Mapping[str, Any], quantile: str, *, doubtful: bool) -> str:
    low, high = row.get(f"{quantile}_low_ms", np.nan), row.get(f"{quantile}_high_ms", np.nan)
    told = (
        f' title="95 % interval: {format_ms(low)} to {format_ms(high)}"'
        if np.isfinite(low) and np.isfinite(high)
        else ""
    )
    return f"<td{told}>{format_ms(row[f'{quantile}_ms'])}{'†' if doubtful else ''}</td>"


def _few_samples(row: Mapping[str, Any]) -> set[str]:
    return {quantile.strip() for quantile in str(row.get("few_samples", "")).split(",")}


def _trends(timelines: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Two table cells, rps and p95 over time, for each endpoint."""
    cells: dict[tuple[str, str], str] = {}
    keys = [timelines["request_type"].astype(str), timelines["name"].astype(str)]
    for (request_type, name), rows in timelines.groupby(keys, sort=False):
        ordered = rows.sort_values("time")
        rps, p95_ms = ordered["rps"].to_numpy(dtype=np.float64), ordered["p95_ms"].to_numpy(dtype=np.float64)
        rps_label = f"successful requests a second over time, highest {format_number(ordered['rps'].max())}"
        p95_label = f"p95 response time over time, highest {format_ms(ordered['p95_ms'].max())}"
        cells[str(request_type), str(name)] = (
            f"<td>{sparkline_svg(rps, rps_label)}</td><td>{sparkline_svg(p95_ms, p95_label)}</td>"
        )
    return cells


def _notes(shown: Sequence[Mapping[str, Any]], *, hidden: int) -> str:
    notes = ""
    if any(_few_samples(row) & set(_QUANTILES) for row in shown):
        notes += "<p>† too few requests for a 95 % interval of this percentile</p>"
    if hidden:
        notes += f"<p>and {format_count(hidden)} more endpoints with fewer requests</p>"
    return notes
