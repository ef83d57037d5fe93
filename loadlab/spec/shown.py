"""A specification for the eyes of a person: what differs from the defaults, as text and as a table of a notebook."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from loadlab.spec.durations import write_duration

if TYPE_CHECKING:
    from loadlab.spec.specification import Field, Specification

_UNITS = {"spawn_rate": "users/s", "target_rps": "requests/s"}
FONT = "font: 13px/1.45 system-ui, sans-serif; color: var(--jp-ui-font-color1, inherit)"
"""The font and colour of what a specification or a judgement shows in a notebook."""

_LINE = "border-bottom: 1px solid rgba(128, 128, 128, 0.35); padding: 3px 12px 3px 0; text-align: left"
_HEAD = "font-weight: 600; overflow-wrap: anywhere; min-width: 9em"
_MUTED = "color: var(--jp-ui-font-color2, inherit); font-weight: 400"


def changed_fields(shown: Specification) -> list[tuple[Field, Any]]:
    """The fields that are required or differ from their defaults, with their values, in their order."""
    given = [(field, getattr(shown, field.name)) for field in shown.fields()]
    return [(field, value) for field, value in given if field.required or value != field.default]


def code_text(shown: Specification) -> str:
    """The specification as Python would write it, what has its default left out."""
    words = [f"{field.name}={_code(field, value)}" for field, value in changed_fields(shown)]
    return f"{type(shown).__name__}({', '.join(words)})"


def table_html(shown: Specification, caption: str) -> str:
    """The fields that differ from their defaults as an HTML table: name, value with its unit, what it is."""
    rows = [(field.name, value_text(field, value), field.doc) for field, value in changed_fields(shown)]
    return rows_html(caption, ("field", "value", "what it is"), rows)


def rows_html(caption: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of a notebook: rows of three texts, of which the first heads its row and the last explains it.

    Everything is escaped; colours and fonts are those of the page around it, JupyterLab's in light and dark.
    """
    cells = "".join(
        f'<tr><th scope="row" style="{_LINE}; {_HEAD}">{escape(head)}</th>'
        f'<td style="{_LINE}; overflow-wrap: anywhere; min-width: 7em; max-width: 48em">{escape(text)}</td>'
        f'<td style="{_LINE}; {_MUTED}">{escape(why)}</td></tr>'
        for head, text, why in rows
    )
    heads = "".join(f'<th scope="col" style="{_LINE}; {_MUTED}">{escape(title)}</th>' for title in titles)
    return (
        f'<table style="border-collapse: collapse; {FONT}">'
        f'<caption style="text-align: left; padding: 6px 0 4px; color: inherit">{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"
    )


def value_text(field: Field, value: Any) -> str:
    """A value as a person reads it, durations and rates with their units."""
    if value is None:
        return "none"
    if field.type == "switch":
        return "yes" if value else "no"
    if field.type == "duration":
        return write_duration(value)
    if field.type == "mapping":
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if field.type == "stages":
        return ", ".join(stage.to_text() for stage in value)
    if isinstance(value, tuple):
        texts = [str(each) for each in value]
        return shlex.join(texts) if field.name == "locust_options" else "; ".join(texts)
    unit = _UNITS.get(field.name, "")
    return (
        f"{value:,g} {unit}".strip() if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    )


def _code(field: Field, value: Any) -> str:
    if field.type == "duration" and value is not None:
        return repr(write_duration(value))
    if field.type == "stages":
        return repr([stage.to_text() for stage in value])
    if field.type == "path":
        return repr(str(value))
    return repr(list(map(str, value))) if isinstance(value, tuple) else repr(value)
