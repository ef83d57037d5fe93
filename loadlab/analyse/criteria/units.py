"""Units of signals, and what one is in another."""

from __future__ import annotations

_BINARY = {f"{letter}i{end}": 1024.0**power for power, letter in enumerate("KMGT", 1) for end in ("", "B")}
_DECIMAL = {f"{letter}{end}": 1000.0**power for power, letter in enumerate("KMGT", 1) for end in ("", "B")}

GROUPS: tuple[dict[str, float], ...] = (
    {"bytes": 1.0, "byte": 1.0, "B": 1.0, "kB": 1000.0, "k": 1000.0, **_DECIMAL, **_BINARY},
    {"cores": 1.0, "core": 1.0, "millicores": 0.001, "m": 0.001},
    {
        "s": 1000.0,
        "seconds": 1000.0,
        "ms": 1.0,
        "us": 0.001,
        "µs": 0.001,
        "ns": 1e-6,
        "min": 60_000.0,
        "h": 3_600_000.0,
    },
    {"%": 0.01, "percent": 0.01, "ratio": 1.0, "": 1.0},
)
"""Units that measure the same, and their sizes."""


def conversion(unit: str, wanted: str) -> float | None:
    """What a value in `unit` is multiplied by to be one in `wanted`; None when it cannot be.

    Rates ("bytes/s") are converted as what they are rates of. Without a `wanted` unit only a plain number will do, such
    as one of pods: 0.8 is not told from 80 %.
    """
    if unit == wanted:
        return 1.0
    if unit.endswith("/s") and wanted.endswith("/s"):
        return conversion(unit[:-2], wanted[:-2])
    if not wanted:
        return None if any(unit in group for group in GROUPS) or "/" in unit or "%" in unit else 1.0
    for group in GROUPS:
        if unit in group and wanted in group:
            return group[unit] / group[wanted]
    return None
