"""Bokeh figures as parts of one page, with BokehJS in it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EmbeddedFigures:
    """`library` and `script` are JavaScript, `places` the element for each figure by its name."""

    library: str
    script: str
    places: dict[str, str]


def embed_figures(figures: Mapping[str, Any]) -> EmbeddedFigures:
    """The figures (Bokeh models) as one document, so that ranges they share stay linked.

    Only the part of BokehJS that draws plots is taken, 1.3 MB: widgets, tables and WebGL would add as much again. Bokeh
    escapes the text in titles, axes, legends and data. Nothing at all without figures.
    """
    if not figures:
        return EmbeddedFigures("", "", {})
    from bokeh.embed import components
    from bokeh.resources import Resources

    script, places = components(dict(figures), wrap_script=False)
    library = "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    return EmbeddedFigures(library, script, dict(places))
