"""Figures over time of what was asked and answered: response time percentiles, throughput, errors."""

from __future__ import annotations

import pandas as pd
from bokeh.models import DataRange1d
from bokeh.plotting import figure

from loadlab.plot.events import draw_events
from loadlab.plot.lines import Series, add_time_hover, draw_lines, to_source
from loadlab.plot.stack import Layer, draw_stack, kind_layers, kinds_by_count, rates_by_layer
from loadlab.plot.text import format_count, format_ms, format_number
from loadlab.plot.theme import (
    HATCHES,
    OTHER_COLOUR,
    OTHER_DASH,
    OTHER_HATCH,
    SERIES_COLOURS,
    add_legend,
    log_ticks,
    no_data,
)
from loadlab.plot.thinning import thin_min_max
from loadlab.plot.time_axis import TimeAxis, bin_seconds, bin_width, new_time_figure

_PERCENTILES = (
    Series("p50", "p50_ms", SERIES_COLOURS[0], "solid", "circle", 2.0),
    Series("p90", "p90_ms", SERIES_COLOURS[4], "solid", "square"),
    Series("p95", "p95_ms", SERIES_COLOURS[2], "solid", "triangle"),
    Series("p99", "p99_ms", SERIES_COLOURS[3], "solid", "diamond"),
    Series("p99 from intended start", "intended_p99_ms", OTHER_COLOUR, OTHER_DASH, "x"),
)
_SUCCESSFUL = Layer("successful", "rps", SERIES_COLOURS[0], None)
_UNEXPLAINED = Layer("failed", "failed", OTHER_COLOUR, OTHER_HATCH)
_FAILED = Layer("failed", "failed", SERIES_COLOURS[1], HATCHES[0])

TASK_EXCEPTION = "task exception"
"""The error kind that is not a request (schema.TABLES["errors"]): it adds nothing to the throughput."""


def percentiles(
    timeline: pd.DataFrame, events: pd.DataFrame | None = None, *, axis: TimeAxis | None = None, log: bool = False
) -> figure:
    """Response time percentiles over time, with `events` (schema table) marked.

    `timeline` has a row a bin: time, count, rps, failures_per_s and some of p50_ms, p90_ms, p95_ms, p99_ms,
    intended_p99_ms (NaN where a bin has no requests: the line is broken there). `log` draws a logarithmic axis; a
    linear one starts at 0.
    """
    title = "Response time percentiles"
    drawn = [one for one in _PERCENTILES if one.column in timeline and timeline[one.column].notna().any()]
    if not drawn:
        return no_data(title, "no request has a response time")
    axis = axis or TimeAxis.covering(timeline["time"], bin_width(timeline))
    columns = [one.column for one in drawn]
    source = to_source(thin_min_max(timeline, columns), columns)
    best, worst = drawn[0], drawn[-1]
    plot = new_time_figure(
        title,
        f"{', '.join(one.label for one in drawn)} over time; "
        f"median of {best.label} {format_ms(timeline[best.column].median())}, "
        f"highest {worst.label} {format_ms(timeline[worst.column].max())}.",
        axis,
        y_label="response time (ms)",
        height=320,
        y_axis_type="log" if log else "linear",
        y_range=DataRange1d(only_visible=True) if log else DataRange1d(start=0, only_visible=True),
    )
    if log:
        shown = timeline[columns].where(timeline[columns] > 0)
        plot.yaxis.ticker = log_ticks(float(shown.min().min()), float(shown.max().max()))
    marks = draw_events(plot, events, axis)
    lines = draw_lines(plot, source, drawn)
    add_time_hover(plot, source, columns[0], [(one.label, f"@{one.column}{{0,0.[000]}} ms") for one in drawn])
    add_legend(plot, [*lines, *marks])
    return plot


def throughput(
    timeline: pd.DataFrame,
    errors_by_kind: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    *,
    axis: TimeAxis | None = None,
) -> figure:
    """Requests a second: the successful ones and, on top of them, the failed ones stacked by kind.

    `timeline` has a row a bin: time, count, rps, failures_per_s. `errors_by_kind` is long: time (the same bins), kind,
    count. Errors that are not requests (exceptions in tasks) are left out; failures without a kind are stacked as
    "failed".
    """
    title = "Throughput"
    if timeline.empty or not timeline["count"].any():
        return no_data(title, "no requests")
    width = bin_width(timeline)
    axis = axis or TimeAxis.covering(timeline["time"], width)
    frame = timeline[["time", "rps", "failures_per_s"]].reset_index(drop=True)
    layers = kind_layers(kinds_by_count(errors_by_kind))
    layers.pop(TASK_EXCEPTION, None)
    if errors_by_kind is not None and layers:
        rates = rates_by_layer(errors_by_kind, layers, bin_seconds(timeline))
        frame = frame.join(rates.drop(columns="time"))
    stack = list(dict.fromkeys(layers.values()))
    frame["failed"] = (frame["failures_per_s"] - frame[[layer.column for layer in stack]].sum(axis=1)).clip(lower=0)
    if frame["failed"].max() > 0.001:
        stack.append(_UNEXPLAINED if stack else _FAILED)
    plot = new_time_figure(
        title,
        f"Successful and failed requests a second, the failed ones by kind; "
        f"on average {format_number(frame['rps'].mean())} successful "
        f"and {format_number(frame['failures_per_s'].mean())} failed a second.",
        axis,
        y_label="requests a second",
        y_range=DataRange1d(start=0, only_visible=True),
    )
    draw_events(plot, events, axis, labels=False)
    areas = draw_stack(plot, frame, [_SUCCESSFUL, *stack], width)
    add_legend(plot, areas)
    return plot


def errors(
    timeline: pd.DataFrame,
    errors_by_kind: pd.DataFrame | None,
    events: pd.DataFrame | None = None,
    *,
    axis: TimeAxis | None = None,
) -> figure:
    """Errors a second stacked by kind, on a scale of their own, exceptions in tasks included.

    `timeline` and `errors_by_kind` as in `throughput`; the timeline gives the bins, so that a second without errors is
    drawn as 0.
    """
    title = "Errors by kind"
    layers = kind_layers(kinds_by_count(errors_by_kind))
    if errors_by_kind is None or not layers:
        return no_data(title, "no errors")
    width, seconds = bin_width(timeline), bin_seconds(timeline)
    times = pd.Index(errors_by_kind["time"]).union(seconds.index).unique()
    frame = rates_by_layer(errors_by_kind, layers, seconds.reindex(times).fillna(width.total_seconds()))
    axis = axis or TimeAxis.covering(frame["time"], width)
    plot = new_time_figure(
        title,
        f"Errors a second, stacked by kind; {format_count(errors_by_kind['count'].sum())} in all.",
        axis,
        y_label="errors a second",
        height=230,
        y_range=DataRange1d(start=0, only_visible=True),
    )
    draw_events(plot, events, axis, labels=False)
    areas = draw_stack(plot, frame, list(dict.fromkeys(layers.values())), width)
    add_legend(plot, areas)
    return plot
