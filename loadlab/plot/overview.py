"""All charts over time of one run, below each other, with one time range and one crosshair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack

import pandas as pd
from bokeh.layouts import column
from bokeh.models import Column
from bokeh.models.ui.ui_element import UIElement
from bokeh.plotting import figure

from loadlab.plot.generators import generator_health, users
from loadlab.plot.heatmap import latency_heatmap
from loadlab.plot.theme import no_data
from loadlab.plot.time_axis import TimeAxis, bin_width
from loadlab.plot.timeline import errors, percentiles, throughput


class OverviewTables(TypedDict, total=False):
    """What an overview can show besides the timeline; each as the figure of that name takes it."""

    events: pd.DataFrame | None
    errors_by_kind: pd.DataFrame | None
    users_table: pd.DataFrame | None
    generators: pd.DataFrame | None
    heat: pd.DataFrame | None
    cpu_limit_percent: float | None
    lag_limit_ms: float | None


def overview(timeline: pd.DataFrame, **tables: Unpack[OverviewTables]) -> Column:
    """The `overview_figures` below each other, as wide as the page, plot areas aligned."""
    return stack(overview_figures(timeline, **tables).values())


def stack(parts: Iterable[figure | Column]) -> Column:
    """Figures below each other, as wide as the page."""
    figures: list[UIElement] = []
    for part in parts:
        figures += part.children if isinstance(part, Column) else [part]
    return column(figures, sizing_mode="stretch_width")


def overview_figures(timeline: pd.DataFrame, **tables: Unpack[OverviewTables]) -> dict[str, figure | Column]:
    """The charts over time of one run by name, in the order to show them: zoom one and all follow.

    The names are percentiles, throughput, errors, users, heatmap and generators (a Column of three). A chart whose
    table is not given is left out, and so are the errors of a run without any. Put them into one document: only there
    they stay linked.
    """
    if timeline.empty:
        return _without_requests(tables)
    axis = TimeAxis.covering(timeline["time"], bin_width(timeline))
    events, errors_by_kind = tables.get("events"), tables.get("errors_by_kind")
    generators = tables.get("generators")
    figures: dict[str, figure | Column] = {
        "percentiles": percentiles(timeline, events, axis=axis),
        "throughput": throughput(timeline, errors_by_kind, events, axis=axis),
    }
    if errors_by_kind is not None and errors_by_kind["count"].any():
        figures["errors"] = errors(timeline, errors_by_kind, events, axis=axis)
    if (users_table := tables.get("users_table")) is not None:
        figures["users"] = users(users_table, generators, events, axis=axis)
    if (heat := tables.get("heat")) is not None:
        figures["heatmap"] = latency_heatmap(heat, axis=axis)
    if generators is not None:
        figures["generators"] = generator_health(
            generators,
            axis=axis,
            cpu_limit_percent=tables.get("cpu_limit_percent"),
            lag_limit_ms=tables.get("lag_limit_ms"),
        )
    return figures


def _without_requests(tables: OverviewTables) -> dict[str, figure | Column]:
    """What a run in which no request was finished still has to show: its users and its load generators."""
    figures: dict[str, figure | Column] = {
        "percentiles": no_data("Requests over time", "no request was finished"),
    }
    people, generators = tables.get("users_table"), tables.get("generators")
    known = [table for table in (people, generators) if table is not None and not table.empty]
    if not known:
        return figures
    axis = TimeAxis.covering(pd.concat([table["time"] for table in known]), pd.Timedelta(seconds=1))
    if people is not None and not people.empty:
        figures["users"] = users(people, generators, tables.get("events"), axis=axis)
    if generators is not None and not generators.empty:
        figures["generators"] = generator_health(generators, axis=axis)
    return figures
