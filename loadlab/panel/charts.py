"""Small charts over time as inline SVG: no script, no request, the colours of the page's scheme.

They are drawn anew each second from a few hundred points, which costs less than keeping a figure alive in the browser
and in the kernel in step; and they stay what they show when the notebook is saved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 320, 124
"""In the middle of the widths that charts have in a notebook, so that their text is about as large as it says."""

LEFT, RIGHT, TOP, BOTTOM = 40, 6, 8, 20
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


class Line(NamedTuple):
    """A series: its label, colour (a CSS class of the panel), values in the unit of its chart, NaN for a gap."""

    label: str
    css_class: str
    values: Sequence[float]


def draw_chart(
    title: str, unit: str, times: Sequence[float], lines: Sequence[Line], span: str, *, is_over: bool = False
) -> str:
    """A figure of `lines` over `times` (seconds since the start of the test); `span` says which part of the run it is.

    The y axis begins at 0. A gap breaks a line. The labels are escaped here. While the run goes on the legend tells the
    latest values; when it `is_over` those of its last second say nothing about it.
    """
    top = _nice(max((value for line in lines for value in line.values if math.isfinite(value)), default=0.0))
    first, last = (times[0], max(times[-1], times[0] + 1)) if times else (0.0, 1.0)
    across, down = (WIDTH - LEFT - RIGHT) / (last - first), (HEIGHT - TOP - BOTTOM) / top
    parts = [_grid(top, down), _ticks(first, last, across)]
    for line in lines:
        path = _path(times, line.values, first, across, down)
        parts.append(f'<path class="{line.css_class}" d="{path}"/>')
    labels = [line.label + ("" if is_over else f" {_short(_latest(line.values))}") for line in lines]
    legend = '<i class="sep">,</i> '.join(
        f'<span class="{line.css_class}">{escape(label)}</span>' for line, label in zip(lines, labels, strict=True)
    )
    said = ", ".join(label if is_over else f"{label} {unit}" for label in labels)
    return (
        f"<figure><figcaption><b>{escape(title)}</b> <i>{escape(unit)}, {escape(span)}</i><br>{legend}</figcaption>"
        f'<svg role="img" aria-label="{escape(f"{title}, {span}: {said}")}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _grid(top: float, down: float) -> str:
    rows = []
    for part in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - top * part * down
        rows.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        rows.append(f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{_short(top * part)}</text> ')
    return "".join(rows)


def _ticks(first: float, last: float, across: float) -> str:
    step = next((step for step in TICKS if (last - first) / step <= 5), 86400)
    marks = []
    at = math.ceil(first / step) * step
    while at <= last:
        x = LEFT + (at - first) * across
        anchor = "middle" if x < WIDTH - 20 else "end"
        marks.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{_clock(at)}</text> ')
        at += step
    return "".join(marks)


def _path(times: Sequence[float], values: Sequence[float], first: float, across: float, down: float) -> str:
    strokes, drawn = [], False
    for at, value in zip(times, values, strict=True):
        if not math.isfinite(value):
            drawn = False
            continue
        strokes.append(
            f"{'L' if drawn else 'M'}{LEFT + (at - first) * across:.1f} {HEIGHT - BOTTOM - value * down:.1f}"
            f"{'' if drawn else 'h0.1'}"
        )
        drawn = True
    return "".join(strokes)


def _latest(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if math.isfinite(value)), math.nan)


def _nice(value: float) -> float:
    """The next round number from `value` upwards: 1, 2, 2.5, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if value <= step * power * (1 + 1e-9))


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    if value >= 10_000:
        return f"{value / 1000:,.3g}k" if value < 999_500 else f"{value / 1e6:,.3g}M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
