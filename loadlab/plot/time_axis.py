"""The time axis that figures of one run share: one x range, one crosshair, one way to say which time zone it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from bokeh.models import CrosshairTool, DatetimeTickFormatter, NumeralTickFormatter, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from loadlab.plot.theme import OTHER_COLOUR, new_figure

TIME_TOOLTIP = ("time", "@time{%F %T} UTC")
"""The tooltip row of the column `time`; needs ``formatters={"@time": "datetime"}``."""

_MARGIN = 0.01
"""Of the time that is drawn, at either end."""


@dataclass(frozen=True)
class TimeAxis:
    """What linked figures have in common: given the same TimeAxis, they zoom together and share the crosshair.

    It reaches from `start` to `end` (UTC); `x_range` holds the same in milliseconds since the epoch.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    x_range: Range1d
    crosshair: Span

    @classmethod
    def covering(cls, times: pd.Series[Any], resolution: pd.Timedelta) -> TimeAxis:
        """The axis for bins that start at `times` (tz-aware, at least one) and last `resolution`; its margin is 1 %."""
        first = times.min().tz_convert("UTC")
        last = times.max().tz_convert("UTC") + resolution
        margin = (last - first) * _MARGIN
        start, end = first - margin, last + margin
        return cls(
            start,
            end,
            Range1d(start=start.timestamp() * 1000, end=end.timestamp() * 1000),
            Span(dimension="height", line_color=OTHER_COLOUR, line_dash="dotted", line_width=1),
        )

    @property
    def label(self) -> str:
        """Names the time zone and the day, or the days, of what is drawn."""
        margin = (self.end - self.start) * (_MARGIN / (1 + 2 * _MARGIN))
        inside = self.start + margin, self.end - margin - pd.Timedelta("1ms")
        first, last = (f"{time.round('1ms'):%Y-%m-%d}" for time in inside)
        return f"time (UTC), {first}" if first == last else f"time (UTC), {first} to {last}"


def bin_width(timeline: pd.DataFrame) -> pd.Timedelta:
    """The length of a timeline's bins: the distance of neighbours, what a single one covers, or else one second."""
    times = timeline["time"].drop_duplicates()
    if len(times) > 1:
        return pd.Timedelta(times.diff().min())
    covered = _covered_seconds(timeline).dropna()
    return pd.Timedelta(seconds=float(covered.iloc[0]) if len(covered) else 1.0)


def bin_seconds(timeline: pd.DataFrame) -> pd.Series[Any]:
    """The seconds that each bin covers (float64), indexed by its start: fewer where a test began or ended in it."""
    seconds = _covered_seconds(timeline).fillna(bin_width(timeline).total_seconds())
    return pd.Series(seconds.to_numpy(), index=pd.Index(timeline["time"], name="time"))


def _covered_seconds(timeline: pd.DataFrame) -> pd.Series[Any]:
    """Count over rate; NaN for a bin without requests."""
    rates = timeline["rps"] + timeline["failures_per_s"]
    return timeline["count"] / rates.where(rates > 0)


def to_milliseconds(times: pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    """tz-aware times as numpy datetime64[ms] in UTC: what a ColumnDataSource holds."""
    result: npt.NDArray[np.datetime64] = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ms]")
    return result


def new_time_figure(title: str, description: str, axis: TimeAxis, *, y_label: str, **options: Any) -> figure:
    """An empty figure over `axis`, its y range starting at 0 and following what is visible."""
    plot = new_figure(
        title,
        description,
        x_label=axis.label,
        y_label=y_label,
        x_range=axis.x_range,
        x_axis_type="datetime",
        zoom="width",
        window_axis="x",
        **options,
    )
    plot.xaxis.formatter = DatetimeTickFormatter(
        milliseconds="%H:%M:%S.%3N",
        seconds="%H:%M:%S",
        minsec="%H:%M:%S",
        minutes="%H:%M",
        hourmin="%H:%M",
        hours="%H:%M",
        days="%m-%d",
        months="%Y-%m",
        years="%Y",
        boundary_scaling=False,
    )
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    plot.add_tools(CrosshairTool(overlay=axis.crosshair, visible=False))
    plot.min_border_left = FRAME_LEFT
    plot.min_border_right = FRAME_RIGHT
    return plot


FRAME_LEFT = 78
FRAME_RIGHT = 70
"""Pixels beside the plot area, the same in all time figures, so that the same second is in the same place."""
