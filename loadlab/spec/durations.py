"""Durations as people write them: ``90s``, ``10m``, ``1h30m``, ``500ms``, or a number of seconds."""

from __future__ import annotations

import math
import re
from decimal import Decimal

UNITS: dict[str, float] = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Units and their seconds, longest first: the order in which they may follow each other."""

ALLOWED = "a duration such as 90s, 10m, 1h30m, 500ms, or a number of seconds"

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|[dhms])\s*")
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
_LOOSE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-zµ]+)")


def parse_duration(text: str) -> float | None:
    """The seconds that `text` stands for, or None when it is not a duration.

    Parts go from days to milliseconds, each unit at most once; blanks may stand anywhere between numbers and units.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    position, seconds, smallest = 0, 0.0, math.inf
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or UNITS[part[2]] >= smallest:
            return None
        smallest = UNITS[part[2]]
        seconds += float(part[1]) * smallest
        position = part.end()
    return seconds if position else None


def nearest_duration(text: str) -> str | None:
    """The duration that `text` probably means: ``10 minutes`` → ``10m``; None when it holds none."""
    parts = _LOOSE.findall(text)
    guess = "".join(number + _short_unit(unit.lower()) for number, unit in parts)
    return guess if guess and parse_duration(guess) is not None else None


def _short_unit(unit: str) -> str:
    return "ms" if unit.startswith(("ms", "mil")) else unit[0]


def format_duration(seconds: float) -> str:
    """`seconds` for a person, to the millisecond: ``90`` → ``1m30s``."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in UNITS.items():
        count, left = divmod(left, round(size * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def write_duration(seconds: float) -> str:
    """`seconds` as a text that `parse_duration` reads back to the same number."""
    text = format_duration(seconds)
    return text if parse_duration(text) == seconds else f"{Decimal(repr(float(seconds))):f}"
