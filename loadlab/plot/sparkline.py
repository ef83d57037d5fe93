"""A series as a line the size of a word: inline SVG, without scripts, in the colour of the text around it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

WIDTH = 120
HEIGHT = 24
_POINTS = 60
_MARGIN = 2.0


def sparkline_svg(values: npt.NDArray[np.float64], label: str) -> str:
    """`values` in order, from 0 at the bottom to their maximum at the top, as an SVG element; NaN breaks the line.

    Of more than 60 values, the highest of each run of neighbours is drawn. `label` (plain text) is what a screen reader
    says; it must be escaped already. An empty string when there is no value.
    """
    shown = _highest_of_runs(np.asarray(values, dtype=np.float64))
    if not np.isfinite(shown).any():
        return ""
    top = float(np.nanmax(shown))
    x = np.linspace(_MARGIN, WIDTH - _MARGIN, len(shown)) if len(shown) > 1 else np.array([WIDTH / 2])
    scale = (HEIGHT - 2 * _MARGIN) / top if top > 0 else 0.0
    y = HEIGHT - _MARGIN - shown * scale
    path = "".join(_strokes(x, y))
    return (
        f'<svg role="img" aria-label="{label}" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" '
        'stroke-linejoin="round"/></svg>'
    )


def _strokes(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Iterator[str]:
    """Path commands: a new stroke after each gap, a dot for a value between two gaps."""
    finite = np.isfinite(y)
    for place in range(len(y)):
        if not finite[place]:
            continue
        continues = place > 0 and finite[place - 1]
        yield f"{'L' if continues else 'M'}{x[place]:.1f} {y[place]:.1f}"
        if not continues and not (place + 1 < len(y) and finite[place + 1]):
            yield "h0"


def _highest_of_runs(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(values) <= _POINTS:
        return values
    width = -(-len(values) // _POINTS)
    padded = np.pad(values, (0, -len(values) % width), constant_values=np.nan).reshape(-1, width)
    highest = np.where(np.isnan(padded), -np.inf, padded).max(axis=1)
    return np.where(np.isneginf(highest), np.nan, highest)
