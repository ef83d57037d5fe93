"""Numbers and names as a person reads them: three significant digits with their unit, and foreign text made plain.

Endpoint names and error texts come from the system under test. They can hold markup, control characters, a megabyte of
text or half a surrogate pair. `plain_text` makes them printable and short; whoever writes HTML still has to escape.
"""

from __future__ import annotations

import math
import unicodedata

MISSING = "–"
"""What is shown where there is no number."""

_LINE_BREAKS = frozenset("\t\n\r\v\f\x85\u2028\u2029")


def plain_text(text: object, limit: int = 80) -> str:
    """`text` on one line, without control characters, at most `limit` characters long (an ellipsis marks the cut).

    Tabs and line breaks become spaces, ASCII control characters their visible symbols (NUL is shown as ␀), other
    control, direction-changing and surrogate characters U+FFFD.
    """
    raw = str(text)
    cut = raw[: limit + 1]
    shown = "".join(_visible(character) for character in cut)
    return shown if len(raw) <= limit else shown[: limit - 1] + "…"


def format_number(value: float) -> str:
    """`value` with three significant digits and a comma between thousands: 0.0123, 1.23, 12.3, 123, 1,230."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    decimals = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


def format_count(value: float) -> str:
    """A whole number, exact, with a comma between thousands."""
    return f"{int(value):,}" if math.isfinite(value) else MISSING


def format_ms(value_ms: float) -> str:
    """A duration given in milliseconds: three significant digits, in ms below one second and in s from there on."""
    if not math.isfinite(value_ms):
        return MISSING
    rounded = float(f"{value_ms:.3g}")
    if abs(rounded) >= 1000:
        return f"{format_number(value_ms / 1000)} s"
    return f"{format_number(value_ms)} ms"


def format_percent(ratio: float) -> str:
    """A ratio (0 to 1) in percent, three significant digits; 0 % only for exactly none, 100 % only for exactly all."""
    if not math.isfinite(ratio):
        return MISSING
    if 0.9995 <= ratio < 1:
        return "> 99.9 %"
    if 0 < ratio < 0.00001:
        return "< 0.001 %"
    return f"{format_number(ratio * 100)} %"


def format_stage(index: int, name: object, users: float) -> str:
    """How a load stage, counted from 0, is called wherever it is named: "2: peak", or without a name "2: 80 users"."""
    return f"{index + 1}: {plain_text(name, 24) or f'{format_count(users)} users'}"


def _visible(character: str) -> str:
    if character in _LINE_BREAKS:
        return " "
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    category = unicodedata.category(character)
    is_direction = unicodedata.bidirectional(character) in _DIRECTION_CONTROLS
    return "\N{REPLACEMENT CHARACTER}" if category in ("Cc", "Cs") or is_direction else character


_DIRECTION_CONTROLS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
