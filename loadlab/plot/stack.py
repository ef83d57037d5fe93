"""Rates stacked over time: areas that hold for the length of a bin, told apart by colour and hatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from loadlab.plot.lines import LegendEntry, add_time_hover, to_step_source
from loadlab.plot.text import plain_text
from loadlab.plot.theme import HATCHES, OTHER_COLOUR, OTHER_HATCH, SERIES_COLOURS
from loadlab.plot.thinning import thin_min_max

MAX_LAYERS = 4
"""Kinds stacked by themselves; the rest of them is added up."""

OTHER = "other kinds"


@dataclass(frozen=True)
class Layer:
    """One area of a stack: its label, the column with its values, and how it is told from the others."""

    label: str
    column: str
    colour: str
    hatch: str | None

    @property
    def top(self) -> str:
        """The column that holds this layer's values plus those of the layers below it."""
        return f"{self.column}_top"


def kinds_by_count(counts: pd.DataFrame | None) -> list[str]:
    """The kinds of a long time x kind x count frame, the most frequent first (ties in the order of the alphabet)."""
    if counts is None or counts.empty:
        return []
    totals = counts.assign(kind=counts["kind"].astype(str)).groupby("kind")["count"].sum()
    totals = totals[totals > 0]
    return [str(kind) for kind in totals.sort_index().sort_values(ascending=False, kind="stable").index]


def kind_layers(kinds: Sequence[str]) -> dict[str, Layer]:
    """The layer that each of `kinds` belongs to: one of its own for the first ones, the same grey one for the rest.

    Give all kinds of a run, also those that a figure leaves out, and a kind looks the same in all its figures.
    """
    own = len(kinds) if len(kinds) <= MAX_LAYERS else MAX_LAYERS - 1
    other = Layer(OTHER, "other", OTHER_COLOUR, OTHER_HATCH)
    return {
        kind: Layer(plain_text(kind, 24), f"kind_{place}", SERIES_COLOURS[1 + place], HATCHES[place])
        if place < own
        else other
        for place, kind in enumerate(kinds)
    }


def rates_by_layer(counts: pd.DataFrame, layers: Mapping[str, Layer], seconds: pd.Series[Any]) -> pd.DataFrame:
    """Errors a second: a row for each bin (0 where there were none), a column for each layer's column.

    `counts` is long (time, kind, count); `seconds` holds the length of each bin, indexed by its start.
    """
    kinds = counts["kind"].astype(str)
    known = kinds.isin(list(layers))
    column = kinds[known].map({kind: layer.column for kind, layer in layers.items()})
    wide = counts.loc[known, "count"].groupby([counts.loc[known, "time"], column]).sum().unstack(fill_value=0)
    columns = list(dict.fromkeys(layer.column for layer in layers.values()))
    wide = wide.reindex(index=seconds.index, columns=columns, fill_value=0)
    return wide.div(seconds, axis="index").reset_index(names="time")


def draw_stack(plot: figure, frame: pd.DataFrame, layers: Sequence[Layer], width: pd.Timedelta) -> list[LegendEntry]:
    """Stacks `layers` (columns of `frame`, a row a bin), the first at the bottom; a tooltip tells each rate."""
    columns = [layer.column for layer in layers]
    tops = [layer.top for layer in layers]
    stacked = frame[["time", *columns]].copy()
    stacked[tops] = frame[columns].cumsum(axis=1).to_numpy()
    source = to_step_source(thin_min_max(stacked, [*columns, tops[-1]]), [*columns, *tops], width)
    entries: list[LegendEntry] = []
    bottom: str | None = None
    for layer in layers:
        entries.append((layer.label, [_draw_layer(plot, source, layer, bottom)]))
        bottom = layer.top
    rows = [(layer.label, f"@{layer.column}{{0,0.[000]}} /s") for layer in layers]
    add_time_hover(plot, source, tops[-1], rows, at="middle")
    return entries


def _draw_layer(plot: figure, source: ColumnDataSource, layer: Layer, bottom: str | None) -> Any:
    return plot.varea_step(
        x="time",
        y1=bottom if bottom is not None else 0,
        y2=layer.top,
        source=source,
        step_mode="after",
        fill_color=layer.colour,
        fill_alpha=0.9,  # as faint as it may be to have 3:1 and more on light and on dark
        hatch_pattern=layer.hatch,
        hatch_color="white",
        hatch_alpha=0.6,
        hatch_scale=8,
        name=layer.label,
    )
