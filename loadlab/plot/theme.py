"""The one look of all figures: colours, second cues, and a style sheet that follows the page's light or dark scheme.

Bokeh paints axes, grids, titles and legends on a canvas, and asks the style sheet for ``--bk-*`` variables each time it
does. `SCHEME_CSS` sets them from ``--loadlab-surface`` and ``--loadlab-text`` where the page defines these, else from
JupyterLab's theme, else by ``prefers-color-scheme``. The surface is painted with the text, so that a figure that was
drawn before the scheme changed stays readable until it is drawn again. Data colours are the same in both schemes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.core.enums import DimensionsType
from bokeh.models import (
    Axis,
    BoxZoomTool,
    FixedTicker,
    InlineStyleSheet,
    NoOverlap,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
)
from bokeh.models.annotations import ColorBar, Label, Legend, LegendItem, Title
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

SERIES_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#9B51E0", "#886688")
"""Blue, vermillion and bluish green of Okabe and Ito's palette (jfly.uni-koeln.de/color), and two that keep its
distances. Each has a contrast of 3:1 and more to white and to JupyterLab's dark surface, and differs from the others
for people with protanopia, deuteranopia and tritanopia (simulated after Machado, Oliveira, Fernandes 2009)."""

SEQUENCE = Viridis256[69:169]
"""The part of viridis (perceptually even, made for all kinds of colour vision) that is seen on light and on dark."""

OTHER_COLOUR = "#7A7A7A"
ALERT_COLOUR = "#D55E00"

DASHES = ("solid", "dashed", "dotdash", "dotted", "dashdot")
OTHER_DASH = "2 8"
MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "x", "star", "hex", "asterisk")
HATCHES = (
    "right_diagonal_line",
    "left_diagonal_line",
    "dot",
    "horizontal_line",
    "diagonal_cross",
)
OTHER_HATCH = "vertical_line"

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

_LIGHT = {"surface": "#ffffff", "text": "#1f2328", "muted": "#59636e", "grid": "#e4e7eb"}
_DARK = {"surface": "#15181c", "text": "#e6e8eb", "muted": "#9aa4b0", "grid": "#33393f"}


def _scheme_variables(scheme: Mapping[str, str]) -> str:
    return " ".join(f"--scheme-{name}: {colour};" for name, colour in scheme.items())


SCHEME_CSS = f"""
:host {{
  {_scheme_variables(_LIGHT)}
}}
@media (prefers-color-scheme: dark) {{ :host {{ {_scheme_variables(_DARK)} }} }}
:host {{
  --figure-surface: var(--loadlab-surface, var(--jp-layout-color0, var(--scheme-surface)));
  --figure-text: var(--loadlab-text, var(--jp-ui-font-color1, var(--scheme-text)));
  --figure-muted: var(--loadlab-muted, var(--jp-ui-font-color2, var(--scheme-muted)));
  --figure-grid: var(--loadlab-grid, var(--jp-border-color2, var(--scheme-grid)));
  --bk-background-fill-color: var(--figure-surface);
  --bk-border-fill-color: var(--figure-surface);
  --bk-outline-line-color: var(--figure-grid);
  --bk-text-color: var(--figure-text);
  --bk-axis-label-text-color: var(--figure-text);
  --bk-major-label-text-color: var(--figure-muted);
  --bk-label-text-color: var(--figure-text);
  --bk-title-text-color: var(--figure-text);
  --bk-axis-line-color: var(--figure-muted);
  --bk-major-tick-line-color: var(--figure-muted);
  --bk-grid-line-color: var(--figure-grid);
  background-color: var(--figure-surface);
}}
"""


_LEGEND_CSS = """
:host { background-color: var(--figure-surface) !important; }
.bk-item .bk-label { color: var(--figure-text) !important; }
.bk-grid { row-gap: 2px !important; }
@media (max-width: 720px) {
  .bk-grid { display: flex !important; flex-wrap: wrap; max-width: calc(100vw - 150px); }
}
"""
"""A legend is HTML, follows the scheme at once, and so needs a surface of its own. In a narrow window it wraps."""


def new_figure(
    title: str,
    description: str,
    *,
    x_label: str,
    y_label: str,
    height: int = 260,
    zoom: DimensionsType = "both",
    **options: Any,
) -> figure:
    """An empty figure in the theme, as wide as the page, with the tools that every figure has.

    `description` becomes the figure's accessible name, `zoom` says along which axes the reader can zoom; `options` go
    to `bokeh.plotting.figure`.
    """
    box_zoom = BoxZoomTool(dimensions=zoom)
    plot = figure(
        title=Title(
            text=title, text_font=FONT, text_font_size="14px", text_font_style="bold", text_color=_LIGHT["text"]
        ),
        x_axis_label=x_label,
        y_axis_label=y_label,
        height=height,
        min_width=320,
        sizing_mode="stretch_width",
        tools=[PanTool(dimensions=zoom), box_zoom, ResetTool(), SaveTool()],
        active_drag=box_zoom,
        toolbar_location="right",
        html_attributes={"role": "figure", "aria-label": f"{title}. {description}"},
        stylesheets=[InlineStyleSheet(css=SCHEME_CSS)],
        output_backend="canvas",
        **options,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.min_border_top = 8
    for axis in plot.axis:
        style_axis(axis)
    plot.grid.grid_line_color = _LIGHT["grid"]
    plot.outline_line_color = _LIGHT["grid"]
    return plot


def style_axis(axis: Axis) -> None:
    """Gives one axis the theme's fonts and lines."""
    axis.update(
        axis_label_text_font=FONT,
        axis_label_text_font_size="12px",
        axis_label_text_font_style="normal",
        axis_label_text_color=_LIGHT["text"],
        major_label_text_font=FONT,
        major_label_text_font_size="11px",
        major_label_text_color=_LIGHT["muted"],
        axis_line_color=_LIGHT["muted"],
        major_tick_line_color=_LIGHT["muted"],
        minor_tick_line_color=None,
        major_label_policy=NoOverlap(min_distance=8),
    )


def style_color_bar(bar: ColorBar) -> None:
    """Gives a colour bar the theme's fonts, and a grey that is readable in both schemes: it asks no style sheet."""
    bar.update(
        major_label_text_font=FONT,
        major_label_text_font_size="11px",
        major_label_text_color=OTHER_COLOUR,
        major_tick_line_color=OTHER_COLOUR,
        background_fill_alpha=0,
    )


def add_legend(plot: figure, entries: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Puts a legend above the plot area; a click on an entry (label, its renderers) hides or shows it."""
    widths = [_LEGEND_ENTRY_PX + _CHARACTER_PX * len(label) for label, _ in entries]
    columns = len(entries) if sum(widths) <= _LEGEND_PX else max(1, int(_LEGEND_PX / max(widths)))
    legend = Legend(
        items=[LegendItem(label={"value": label}, renderers=list(renderers)) for label, renderers in entries],
        click_policy="hide",
        orientation="horizontal",
        ncols=columns,
        location="left",
        label_text_font=FONT,
        label_text_font_size="12px",
        label_text_color=_LIGHT["text"],
        glyph_width=28,
        spacing=14,
        margin=2,
        border_line_color=None,
        background_fill_alpha=0,
        stylesheets=[InlineStyleSheet(css=_LEGEND_CSS)],
    )
    plot.add_layout(legend, "above")


def no_data(title: str, reason: str, *, height: int = 120) -> figure:
    """A figure that says that there is nothing to draw, and why."""
    plot = new_figure(
        title,
        f"No data: {reason}",
        x_label="",
        y_label="",
        height=height,
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
    )
    plot.axis.visible = False
    plot.grid.visible = False
    plot.toolbar_location = None
    plot.add_layout(
        Label(
            x=0.5,
            y=0.5,
            text=f"no data: {reason}",
            text_align="center",
            text_baseline="middle",
            text_font=FONT,
            text_font_size="13px",
        )
    )
    return plot


_LEGEND_PX = 640
"""Width of the plot area on a page of 800 pixels."""

_LEGEND_ENTRY_PX = 47
_CHARACTER_PX = 6.6


def log_ticks(low: float, high: float) -> FixedTicker:
    """Ticks of a logarithmic axis from `low` to `high` (> 0): 1, 2 and 5 of each decade, of many decades only 1.

    Where fewer than three would be seen, the steps are finer.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [tuple(mantissa / 10 for mantissa in range(10, 100, step)) for step in (10, 5, 2, 1)]
    for mantissas in [(1.0, 2.0, 5.0) if len(decades) <= 4 else (1.0,), *fine]:
        ticks = [round(mantissa * 10.0**decade, 1 - decade) for decade in decades for mantissa in mantissas]
        if sum(low <= tick <= high for tick in ticks) >= 3:
            break
    return FixedTicker(ticks=ticks)
