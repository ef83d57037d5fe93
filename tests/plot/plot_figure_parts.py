"""Questions that the tests ask a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import GlyphRenderer, HoverTool, Line, Plot, Scatter, Step, VAreaStep, VSpan
from bokeh.plotting import figure


def plots(layout: Any) -> list[figure]:
    found = [part for part in layout.references() if isinstance(part, Plot)]
    return sorted(found, key=lambda plot: plot.title.text if plot.title else "")


def drawn(plot: figure) -> list[GlyphRenderer]:
    """The renderers that show data, without the invisible ones that carry a tooltip."""
    return [renderer for renderer in plot.renderers if isinstance(renderer, GlyphRenderer) and renderer.name != "hover"]


def named(plot: figure, name: str) -> GlyphRenderer:
    return next(renderer for renderer in drawn(plot) if renderer.name == name)


def column(renderer: GlyphRenderer, name: str) -> np.ndarray:
    return np.asarray(renderer.data_source.data[name])


def times(renderer: GlyphRenderer) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(renderer.data_source.data["time"]).tz_localize("UTC")


def legend_labels(plot: figure) -> list[str]:
    return [item.label.value for legend in plot.legend for item in legend.items]


def second_cue(renderer: GlyphRenderer) -> str:
    """What tells a renderer from the others besides its colour."""
    glyph = renderer.glyph
    if isinstance(glyph, Scatter):
        return f"marker {glyph.marker}"
    if isinstance(glyph, VAreaStep):
        return f"hatch {glyph.hatch_pattern}"
    if isinstance(glyph, Line | Step):
        return f"dash {glyph.line_dash}"
    if isinstance(glyph, VSpan):
        return f"across, dash {glyph.line_dash}"
    return type(glyph).__name__


def tooltips(plot: figure) -> list[str]:
    return [str(tool.tooltips) for tool in plot.tools if isinstance(tool, HoverTool)]
