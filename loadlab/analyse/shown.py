"""A judgement in a notebook cell: what it is, why, and a table of what it rests on, escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from loadlab.spec import FONT, rows_html

_COLOURS = {"valid": "#009E73", "passed": "#009E73", "warning": "#E69F00", "invalid": "#D55E00", "failed": "#D55E00"}
_BOX = "max-width: 60em; padding: 8px 14px; background: rgba(128, 128, 128, 0.1); border-left: 5px solid"
_TITLE = "margin: 0; font-size: 15px; font-weight: 600"


def judgement_html(
    status: str,
    title: str,
    reasons: Iterable[str],
    caption: str,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> str:
    """A box in the colour of `status` with the title, which says the same in words, and the reasons; then the table
    of `rows_html`, where it has rows."""
    told = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    listed = f'<ul style="margin: 4px 0 0; padding-left: 20px; overflow-wrap: anywhere">{told}</ul>' if told else ""
    box = (
        f'<div style="{_BOX} {_COLOURS.get(status, "#7A7A7A")}; {FONT}">'
        f'<p style="{_TITLE}">{escape(title)}</p>{listed}</div>'
    )
    return box + (rows_html(caption, titles, rows) if rows else "")
