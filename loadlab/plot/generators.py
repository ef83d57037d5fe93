"""Figures of the load generators: users and workers over time, and each generator's CPU, event loop lag and memory."""

from __future__ import annotations

import pandas as pd
from bokeh.layouts import column
from bokeh.models import BasicTicker, Column, DataRange1d, LinearAxis, Node, Range1d
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure

from loadlab.plot.events import draw_events
from loadlab.plot.lines import (
    LegendEntry,
    Series,
    add_time_hover,
    distinct_series,
    draw_lines,
    draw_steps,
    to_source,
    to_step_source,
)
from loadlab.plot.text import format_count, format_number, plain_text
from loadlab.plot.theme import ALERT_COLOUR, FONT, OTHER_COLOUR, add_legend, no_data, style_axis
from loadlab.plot.thinning import thin_min_max
from loadlab.plot.time_axis import TimeAxis, new_time_figure
from loadlab.schema import is_master

MAX_SERIES = 5
"""Lines of a figure at most, the one of the remainder included."""

_SECOND = pd.Timedelta(seconds=1)

_METRICS = (
    ("Generator CPU", "cpu_percent", "CPU (% of one core)", 1.0, "%"),
    ("Generator event loop lag", "lag_ms", "longest delay (ms)", 1.0, "ms"),
    ("Generator memory", "memory_bytes", "resident memory (MB)", 1e-6, "MB"),
)


def users(
    users: pd.DataFrame,
    generators: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    *,
    axis: TimeAxis | None = None,
) -> figure:
    """Users, in all and by class, and on the right-hand axis how many workers reported.

    `users` and `generators` are the schema's tables (a row a second). The four largest classes have a line each.
    """
    title = "Users and workers"
    if users.empty:
        return no_data(title, "no users were counted")
    frame, series = _users_by_class(users)
    axis = axis or TimeAxis.covering(frame["time"], _SECOND)
    plot = new_time_figure(
        title,
        f"Users running over time, at most {format_count(frame['total'].max())}.",
        axis,
        y_label="users",
        height=230,
        y_range=DataRange1d(start=0, only_visible=True),
    )
    plot.yaxis.ticker = BasicTicker(min_interval=1)
    columns = [one.column for one in series]
    source = to_step_source(thin_min_max(frame, columns), columns, _SECOND)
    draw_events(plot, events, axis, labels=False)
    entries = draw_steps(plot, source, series)
    add_time_hover(plot, source, "total", [(one.label, f"@{one.column}{{0,0}}") for one in series], at="middle")
    if generators is not None and not generators.empty:
        entries += _draw_workers(plot, generators)
    add_legend(plot, entries)
    return plot


def generator_health(
    generators: pd.DataFrame,
    *,
    axis: TimeAxis | None = None,
    cpu_limit_percent: float | None = None,
    lag_limit_ms: float | None = None,
) -> Column:
    """The `generator_figures` one below the other."""
    figures = generator_figures(generators, axis=axis, cpu_limit_percent=cpu_limit_percent, lag_limit_ms=lag_limit_ms)
    return column(list(figures), sizing_mode="stretch_width")


def generator_figures(
    generators: pd.DataFrame,
    *,
    axis: TimeAxis | None = None,
    cpu_limit_percent: float | None = None,
    lag_limit_ms: float | None = None,
) -> list[figure]:
    """CPU (% of one core), longest event loop delay (ms) and resident memory (MB) of each generator over time.

    `generators` is the schema's table. A second in which a worker did not report breaks its line. Of more than five
    generators the four with the highest CPU are drawn, and the highest value of all others. The limits are drawn as
    lines: above them a generator is no longer a trustworthy clock.
    """
    if generators.empty:
        return [no_data("Generator health", "no generator reported")]
    axis = axis or TimeAxis.covering(generators["time"], _SECOND)
    limits = {"cpu_percent": cpu_limit_percent, "lag_ms": lag_limit_ms}
    chosen = _busiest(generators)
    return [_draw_metric(generators, chosen, axis, *metric, limit=limits.get(metric[1])) for metric in _METRICS]


def _draw_metric(
    generators: pd.DataFrame,
    chosen: list[str],
    axis: TimeAxis,
    title: str,
    metric: str,
    label: str,
    scale: float,
    unit: str,
    *,
    limit: float | None,
) -> figure:
    frame, series = _by_worker(generators, chosen, metric, scale)
    columns = [one.column for one in series]
    peak = float(frame[columns].max().max())
    plot = new_time_figure(
        title,
        f"{label[0].upper()}{label[1:]} of {', '.join(one.label for one in series)} over time, "
        f"at most {format_number(peak)} {unit}.",
        axis,
        y_label=label,
        height=210,
        y_range=DataRange1d(start=0, only_visible=True),
    )
    frame["highest"] = frame[columns].max(axis=1)
    source = to_source(thin_min_max(frame, columns), [*columns, "highest"])
    entries = draw_lines(plot, source, series)
    add_time_hover(plot, source, "highest", [(one.label, f"@{one.column}{{0,0.[0]}} {unit}") for one in series])
    if limit is not None:
        _draw_limit(plot, limit, unit, peak)
    add_legend(plot, entries)
    return plot


def _draw_limit(plot: figure, limit: float, unit: str, peak: float) -> None:
    """A line at `limit`; the y range reaches it when the values come near."""
    if limit / 2 < peak <= limit:
        plot.y_range.update(end=limit * 1.1)
    plot.add_layout(Span(location=limit, dimension="width", line_color=ALERT_COLOUR, line_dash="dashed", line_width=1))
    plot.add_layout(
        Label(
            x=Node(target="frame", symbol="right"),
            y=limit,
            text=f"limit {limit:g} {unit}",
            text_align="right",
            text_baseline="top",
            x_offset=-4,
            text_font=FONT,
            text_font_size="11px",
        )
    )


def _users_by_class(users: pd.DataFrame) -> tuple[pd.DataFrame, list[Series]]:
    """The total and a column for each of the largest classes, and how to draw them."""
    wide = users["users"].groupby([users["time"], users["user_class"].astype(str)]).sum().unstack(fill_value=0)
    largest = list(wide.max().sort_values(ascending=False, kind="stable").index)
    frame = pd.DataFrame({"total": wide.sum(axis=1)})
    labels = ["all users"]
    own = largest if len(largest) < MAX_SERIES else largest[: MAX_SERIES - 1]
    if len(largest) > 1:
        for place, name in enumerate(own):
            frame[f"class_{place}"] = wide[name]
            labels.append(plain_text(name, 24))
    if len(largest) > len(own):
        frame["other"] = wide[largest[len(own) :]].sum(axis=1)
        labels.append("other classes")
    return frame.reset_index(), distinct_series(labels, list(frame.columns), other="other", dashed=True)


def _draw_workers(plot: figure, generators: pd.DataFrame) -> list[LegendEntry]:
    """Draws how many workers reported in each second against an axis of their own on the right."""
    workers = generators[~generators["worker"].astype(str).map(is_master).astype(bool)]
    counts = workers.assign(worker=workers["worker"].astype(str)).groupby("time")["worker"].nunique()
    frame = _every_second(counts.to_frame("workers")).fillna(0).reset_index(names="time")
    if frame.empty:
        return []
    plot.extra_y_ranges = {"workers": Range1d(start=0, end=float(frame["workers"].max()) * 1.25)}
    right = LinearAxis(y_range_name="workers", axis_label="workers", ticker=BasicTicker(min_interval=1))
    style_axis(right)
    plot.add_layout(right, "right")
    series = Series("workers (right axis)", "workers", OTHER_COLOUR, "14 4", "x")
    source = to_step_source(thin_min_max(frame, ["workers"]), ["workers"], _SECOND)
    return draw_steps(plot, source, [series], y_range_name="workers")


def _busiest(generators: pd.DataFrame) -> list[str]:
    """The generators that get a line of their own, in the order of their names."""
    peaks = generators["cpu_percent"].groupby(generators["worker"].astype(str)).max()
    if len(peaks) > MAX_SERIES:
        peaks = peaks.sort_values(ascending=False, kind="stable").head(MAX_SERIES - 1)
    return sorted(str(worker) for worker in peaks.index)


def _by_worker(
    generators: pd.DataFrame, chosen: list[str], metric: str, scale: float
) -> tuple[pd.DataFrame, list[Series]]:
    """A row a second and a column for each chosen worker, NaN where it did not report, and how to draw them."""
    wide = generators[metric].groupby([generators["time"], generators["worker"].astype(str)]).max().unstack()
    wide = _every_second(wide * scale)
    frame = pd.DataFrame({f"worker_{place}": wide[worker] for place, worker in enumerate(chosen)})
    labels = [plain_text(worker, 24) for worker in chosen]
    others = [worker for worker in wide.columns if worker not in chosen]
    if others:
        frame["other"] = wide[others].max(axis=1)
        labels.append(f"highest of {len(others)} others")
    return frame.reset_index(names="time"), distinct_series(labels, list(frame.columns), other="other")


def _every_second(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` (indexed by whole seconds) with a row of NaN for each second that it lacks."""
    if frame.empty:
        return frame
    return frame.reindex(pd.date_range(frame.index.min(), frame.index.max(), freq="1s", name="time"))
