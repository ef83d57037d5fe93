"""A status as HTML without scripts: the numbers, the doubts, the charts, and the endpoints, the worst first.

Every text that comes from a test, a target or an error is made plain and escaped here.

A live picture that is not replaced by the next one says so by itself: its mark "not live any more" is hidden by an
animation that lasts `fresh_s` seconds from the moment the picture is put on the page. Where nothing animates, in print
or in mail, the mark is there. No clock of the browser has to be right for that. A snapshot always says that it is one:
whoever sees it, in a notebook that is opened again, has no live picture beside it.

JupyterLab takes the styles and drawings out of a notebook that it does not trust, and leaves their texts: what a style
sets apart is set apart by a space too, or by signs that the style hides (class `sep`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Literal

from loadlab.panel.charts import Line, draw_chart
from loadlab.plot.text import format_count, format_ms, format_number, format_percent, plain_text

if TYPE_CHECKING:
    from loadlab.panel.status import EndpointStatus, Status
    from loadlab.stream import BinRow

Kind = Literal["live", "snapshot", "final"]

MAX_ENDPOINTS = 15
MAX_DOUBTS = 6
NAME_CHARS = 60
DOUBT_CHARS = 300
OUTCOME_CHARS = 2000
"""An error tells the last words of a process, and what matters in them comes last."""

CSS = """
.loadlab-panel{--ink:var(--jp-ui-font-color1,#1f2328);--dim:var(--jp-ui-font-color2,#59636e);
--rule:var(--jp-border-color2,#d8dce1);font:13px/1.4 system-ui,sans-serif;color:var(--ink);max-width:1400px;
min-width:0;font-variant-numeric:tabular-nums}
.loadlab-panel header{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:baseline;margin:2px 0 6px}
.loadlab-panel header i,.loadlab-panel figcaption i{color:var(--dim);font-style:normal}
.loadlab-panel .state{font-weight:600;border:1px solid currentColor;border-radius:3px;padding:0 6px}
.loadlab-panel .sep{display:none}
.loadlab-panel .bad{color:#d55e00;font-weight:600}
.loadlab-panel .outcome{flex-basis:100%;white-space:pre-wrap;overflow-wrap:anywhere}
.loadlab-panel .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(92px,1fr));gap:6px;margin:0 0 6px}
.loadlab-panel .tiles>div{border:1px solid var(--rule);border-radius:4px;padding:3px 8px}
.loadlab-panel .tiles div>span{display:block;color:var(--dim);font-size:12px;white-space:nowrap}
.loadlab-panel .tiles b{font-size:17px;font-weight:500;white-space:nowrap}
.loadlab-panel .tiles small{font-size:12px;font-weight:400;color:var(--dim)}
.loadlab-panel .tiles small.when{display:block;font-size:11px;white-space:nowrap}
.loadlab-panel ul{margin:0 0 6px;padding-left:18px}
.loadlab-panel ul.doubts{list-style:none;padding-left:6px}
.loadlab-panel .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:4px 12px}
.loadlab-panel figure{margin:0;max-width:560px}
.loadlab-panel figcaption span{margin-right:10px;white-space:nowrap}
.loadlab-panel figcaption span::before{content:"";display:inline-block;width:14px;margin-right:4px;
vertical-align:middle;border-top:2px solid currentColor}
.loadlab-panel svg{width:100%;height:auto;display:block}
.loadlab-panel svg text{fill:var(--dim);font-size:11px}
.loadlab-panel svg path{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.loadlab-panel svg path.grid{stroke:var(--rule);stroke-width:1}
.loadlab-panel .a{color:#0072b2}.loadlab-panel .b{color:#d55e00}.loadlab-panel .c{color:#009e73}
.loadlab-panel svg .b{stroke-dasharray:5 3}.loadlab-panel svg .c{stroke-dasharray:1.5 3}
.loadlab-panel .table{overflow-x:auto}
.loadlab-panel .table table{table-layout:auto;border-collapse:collapse;width:100%;margin:6px 0 0;font-size:13px}
.loadlab-panel .table th,.loadlab-panel .table td{text-align:right;padding:2px 8px;white-space:nowrap;
border-top:1px solid var(--rule)}
.loadlab-panel .table thead th{border-top:0;color:var(--dim);font-weight:400}
.loadlab-panel .table th:first-child{text-align:left;font-weight:400;white-space:normal;overflow-wrap:anywhere;
min-width:10em}
.loadlab-panel caption{text-align:left;color:var(--dim)}
@keyframes loadlab-fresh-0{from,to{visibility:hidden;font-size:0}}
@keyframes loadlab-fresh-1{from,to{visibility:hidden;font-size:0}}
"""

# In the notebook's page: the snapshot steps back while a live panel is there, and a panel whose kernel is gone behind
# the snapshot. Buttons of a panel that gets no news any more do nothing: they fade.
_PAGE_CSS = """
.widget-html-content:has(>.loadlab-live){min-width:0}
.jp-OutputArea:has(.loadlab-live) .loadlab-snapshot{display:none}
.jp-OutputArea:has(.loadlab-snapshot):not(:has(.loadlab-live)) .jp-OutputArea-child:not(:has(.loadlab-snapshot))
.jupyter-widgets:not(:has(*)){display:none}
@keyframes loadlab-works-0{from,to{opacity:1;pointer-events:auto}}
@keyframes loadlab-works-1{from,to{opacity:1;pointer-events:auto}}
"""


def render(status: Status, *, kind: Kind, tick: int = 0, fresh_s: float = 5.0, controls: str = "") -> str:
    """`status` as a fragment of HTML. A live panel goes stale after `fresh_s`; a snapshot says what moment it is of.

    Alternate `tick` from picture to picture: the browser begins an animation anew when its name is another one.
    `controls` is the class of the buttons that are to fade when no next picture comes.
    """
    turn = tick % 2
    css = CSS if kind == "final" else CSS + _PAGE_CSS
    if controls:
        css += f".{controls}{{opacity:.35;pointer-events:none;animation:loadlab-works-{turn} {fresh_s:g}s}}\n"
    parts = [
        f'<div class="loadlab-panel loadlab-{kind}" role="region" aria-label="Load test {escape(status.run_id)}">',
        f"<style>{css}</style>",
        _header(status, kind, turn, fresh_s),
    ]
    if status.as_of is not None:
        parts += [_tiles(status), _criteria(status)]
    parts.append(_doubts(status.doubts))
    if status.as_of is not None:
        parts += [_charts(status), _endpoints(status)]
    return "".join([*parts, "</div>"])


def _header(status: Status, kind: Kind, turn: int, fresh_s: float) -> str:
    as_of, stale, progress = f'<i class="as-of">{escape(status.as_of_text)}</i>', "", status.progress_text
    if kind == "live":
        style = f"animation:loadlab-fresh-{turn} {fresh_s:g}s"
        stale = f'<span class="bad stale" style="{style}">Not live any more: {escape(status.as_of_text)}</span>'
    elif kind == "snapshot":
        moment = escape(status.moment_text or "its start")
        as_of = f'<span class="bad stale as-of">Picture of {moment}, while it ran</span>'
        progress = progress.replace(" left", " were left")
    role = ' role="status"' if kind == "live" else ""
    outcome = _outcome(status.outcome) if status.outcome else ""
    return (
        f'<header><span class="state"{role}>{escape(status.state)}</span> <b>{escape(status.run_id)}</b> '
        f"<i>{_plain(status.host, NAME_CHARS)}</i> <span>{escape(progress)}</span> "
        f"{as_of} {outcome} {stale}</header>"
    )


def _outcome(text: str) -> str:
    """An error can have many lines: they stay lines, below the rest."""
    cut = text if len(text) <= OUTCOME_CHARS else text[: OUTCOME_CHARS - 1] + "…"
    lines = [_plain(line, OUTCOME_CHARS) for line in cut.splitlines() if line.strip()]
    return f'<span class="outcome">{"<br>".join(lines)}</span>' if len(lines) > 1 else f"<span>{''.join(lines)}</span>"


def _tiles(status: Status) -> str:
    covered = "whole run" if status.over else f"last {status.window_s} s"
    target = "" if status.target_rps is None else f" <small>of {format_number(status.target_rps)}</small>"
    users = f"{format_count(status.users)} <small>of {format_count(status.target_users)}</small>"
    some_miss = status.workers < status.expected_workers and status.state in ("ramping", "steady")
    workers = f"{_alarming(str(status.workers), some_miss)} <small>of {status.expected_workers}</small>"
    so_far = covered if status.over else "so far"
    shown = [] if status.over else [("users", "Users", users, "now"), ("workers", "Workers", workers, "now")]
    shown += [
        ("requests", "Requests", format_count(status.requests), so_far),
        ("rps", "Successful rps", f"{format_number(status.rps)}{target}", covered),
        ("errors", "Failed", _alarming(format_percent(status.error_ratio), status.error_ratio > 0), covered),
        *((f"p{name}", f"p{name}", format_ms(value), covered) for name, value in _percentiles(status)),
    ]
    cells = "".join(
        f'<div><span>{label}<i class="sep">:</i></span> <b data-number="{key}">{value}</b> '
        f'<small class="when">{when}</small></div>'
        for key, label, value, when in shown
    )
    return f'<div class="tiles">{cells}</div>'


def _percentiles(row: Status | EndpointStatus) -> list[tuple[str, float]]:
    return [("50", row.p50_ms), ("95", row.p95_ms), ("99", row.p99_ms)]


def _doubts(doubts: Sequence[str]) -> str:
    if not doubts:
        return ""
    rows = [f'<li><span class="bad">!</span> {_plain(doubt, DOUBT_CHARS)}</li>' for doubt in doubts[:MAX_DOUBTS]]
    if len(doubts) > MAX_DOUBTS:
        rows.append(f"<li>and {len(doubts) - MAX_DOUBTS} more</li>")
    return f'<ul class="doubts">{"".join(rows)}</ul>'


def _criteria(status: Status) -> str:
    if not status.criteria:
        return ""
    rows = []
    for result in status.criteria:
        word, text = _WORDS[result.status], result.text
        if status.state in ("starting", "ramping") and text == _without_steady_state():
            word, text = "… not yet:", "judged from the end of the ramp."
        css_class = "bad" if result.status == "failed" else "verdict"
        rows.append(
            f'<li><span class="{css_class}">{word}</span> <b>{_plain(result.criterion, DOUBT_CHARS)}</b> '
            f"{_plain(text, DOUBT_CHARS)}</li>"
        )
    return f'<ul class="criteria">{"".join(rows)}</ul>'


@functools.cache
def _without_steady_state() -> str:
    """What a result says whose criterion waits for the end of the ramp: true of a run that is over."""
    from loadlab.analyse.criteria.wording import describe_no_steady_state
    from loadlab.spec import Criteria

    (criterion,) = Criteria.parse("rps > 0")
    return describe_no_steady_state(criterion, started=True)


_WORDS = {"passed": "✓ holds", "failed": "✕ broken", "invalid": "? not judged"}


def _charts(status: Status) -> str:
    """The whole run, and when it has become coarse, its last minutes beside it."""
    whole, recent = status.whole, status.recent
    is_coarse = len(whole) > 1 and whole[1].start - whole[0].start > 1
    spans = [(recent, f"last {_minutes(len(recent))}")] if is_coarse and not status.over else []
    width = whole[1].start - whole[0].start if is_coarse else 1
    spans.append((whole, "whole run" + (f", {width} s a point" if is_coarse else "")))
    began = (status.as_of or 0.0) if status.began is None else status.began
    figures = [
        draw(_full(rows, began, status.stopped), began, span, status.over)
        for draw in (_latency, _rates, _users)
        for rows, span in spans
    ]
    return f'<div class="charts">{"".join(figures)}</div>'


def _full(rows: Sequence[BinRow], began: float, stopped: float | None) -> Sequence[BinRow]:
    """Without the seconds that were under load in part: they would look like a slow beginning and end.

    In wider bins they do not show.
    """
    end = math.inf if stopped is None else stopped
    full = [row for row in rows if row.seconds > 1 or began <= row.start <= end - 1]
    return full or rows


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds} s"


def _times(rows: Sequence[BinRow], began: float) -> list[float]:
    """Where each bin ends, in seconds since the start of the test: what it says is known then."""
    return [max(0.0, max(row.start, began) + row.seconds - began) for row in rows]


def _latency(rows: Sequence[BinRow], began: float, span: str, is_over: bool) -> str:
    lines = [
        Line("p99", "b", [row.p99_ms for row in rows]),
        Line("p95", "c", [row.p95_ms for row in rows]),
        Line("p50", "a", [row.p50_ms for row in rows]),
    ]
    return draw_chart("Response time", "ms", _times(rows, began), lines, span, is_over=is_over)


def _rates(rows: Sequence[BinRow], began: float, span: str, is_over: bool) -> str:
    lines = [
        Line("succeeded", "a", [(row.requests - row.failures) / row.seconds for row in rows]),
        Line("failed", "b", [row.failures / row.seconds for row in rows]),
    ]
    return draw_chart("Throughput", "requests/s", _times(rows, began), lines, span, is_over=is_over)


def _users(rows: Sequence[BinRow], began: float, span: str, is_over: bool) -> str:
    lines = [Line("users", "a", [row.users for row in rows])]
    return draw_chart("Users", "running", _times(rows, began), lines, span, is_over=is_over)


def _endpoints(status: Status) -> str:
    if not status.endpoints:
        return ""
    covered = "whole run" if status.over else f"last {status.window_s} s"
    titles = ("Endpoint", "Requests", "rps", "Failed", "p50", "p95", "p99")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = "".join(_endpoint(row) for row in status.endpoints[:MAX_ENDPOINTS])
    more = len(status.endpoints) - MAX_ENDPOINTS
    folded = f" {more} better ones are not shown." if more > 0 else ""
    caption = f"The worst first; rates and percentiles: {covered}. Requests: since the start.{folded}"
    return (
        f'<div class="table"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _endpoint(row: EndpointStatus) -> str:
    name = _plain(f"{row.request_type} {row.name}".strip(), NAME_CHARS)
    cells = [
        format_count(row.requests),
        format_number(row.rps),
        _alarming(format_percent(row.error_ratio), row.error_ratio > 0),
        *(format_ms(value) for _, value in _percentiles(row)),
    ]
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _alarming(text: str, is_bad: bool) -> str:
    return f'<span class="bad">{text}</span>' if is_bad else text


def _plain(text: object, limit: int) -> str:
    return escape(plain_text(text, limit))
