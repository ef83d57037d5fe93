"""Did the run become steady, or was it still drifting while it was measured?

Each steady window (for a staged test: each stage without its ramp) is cut into blocks. Throughput and median latency of
the blocks are tested for a trend. The change is the Theil-Sen slope (Theil 1950; Sen 1968) times the window or, where
that is larger, as after a step, the median of the last third less that of the first. Its significance is that of the
Mann-Kendall test (Mann 1945; Kendall 1975). Neighbouring seconds of a load test are alike, which makes the plain test
cry wolf; its variance is therefore widened by (1 + r)/(1 - r), r being the correlation of neighbouring blocks (Yue and
Wang: The Mann-Kendall test modified by effective sample size, Water Resources Management 18, 2004). r comes from the
ratio of the variances of the seconds' differences over two seconds and over one, which a trend or a step
leaves nearly alone. In simulation, a series with AR(1) noise of 25 % and a correlation of 0.8 between seconds is called
unsteady in at most 3 % of windows from 20 s to 10 min.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import epoch_seconds
from loadlab.analyse.statistic import sum_rows
from loadlab.analyse.validity.check import Check, number, percent

CHANGE_LIMIT = 0.20
"""Change over the window, relative to the median block, up to which a run is steady."""

P_LIMIT = 0.01
"""A trend counts when the Mann-Kendall test gives less than this."""

LATENCY_FLOOR_MS = 1.0
"""A change of the median latency up to this, from the first to the last third, is never a trend."""

MIN_BLOCKS = 10
MAX_BLOCKS = 30
MIN_BLOCK_S = 2
_MAX_FINE_BINS = 600


@dataclass(frozen=True)
class Trend:
    """How a series changed from its begin to its end.

    `change` is relative to the level of the series, `begin` and `end` are the medians of the first and of the last
    third of the blocks, `p_value` is that of there being no trend.
    """

    change: float
    begin: float
    end: float
    p_value: float


def check_steadiness(requests: pd.DataFrame, windows: list[tuple[int, int]], complete: bool) -> Check:
    """Judge each steady window: (first second, one past the last) since 1970.

    `complete` tells whether any ramp was completed at all: without it there is no steady state, which is invalid.
    Windows under MIN_BLOCKS x MIN_BLOCK_S seconds are too short and not judged.
    """
    if not complete:
        text = "The ramp never completed, so there is no steady state to judge by."
        return Check("steady", "invalid", text, limit=CHANGE_LIMIT)
    needed = MIN_BLOCKS * MIN_BLOCK_S
    longest = max((stop - first for first, stop in windows), default=0)
    judged = [(first, stop) for first, stop in windows if stop - first >= needed]
    if not judged:
        text = f"The {longest} s after the ramp are too short to judge steadiness ({needed} s are needed)."
        return Check("steady", "unjudged", text, limit=CHANGE_LIMIT)
    unsteady, largest = [], 0.0
    seconds = epoch_seconds(requests["time"])
    for first, stop in judged:
        rows = _rows_between(seconds, first, stop)
        for name, unit, trend in _window_trends(requests.iloc[rows], seconds[rows], first, stop):
            largest = max(largest, abs(trend.change))
            slight = unit == "ms" and abs(trend.end - trend.begin) <= LATENCY_FLOOR_MS
            if abs(trend.change) > CHANGE_LIMIT and trend.p_value < P_LIMIT and not slight:
                unsteady.append(
                    f"{name} {'rose' if trend.end > trend.begin else 'fell'} from {number(trend.begin)} to "
                    f"{number(trend.end)} {unit} between the first and the last third of {stop - first:,} s after the "
                    f"ramp (p = {max(trend.p_value, 1e-6):.1g})"
                )
    if unsteady:
        others = f" and {len(unsteady) - 2} more" if len(unsteady) > 2 else ""
        text = f"The run was not steady: {'; '.join(unsteady[:2])}{others}."
        return Check("steady", "invalid", text, largest, CHANGE_LIMIT)
    of = f"{judged[0][1] - judged[0][0]:,} steady seconds" if len(judged) == 1 else f"each of {len(judged)} stages"
    text = f"No trend over {of}: throughput and median latency changed by {percent(largest)} at most, or by chance."
    return Check("steady", "ok", text, largest, CHANGE_LIMIT)


def measure_trend(fine: NDArray[np.float64], blocks: NDArray[np.float64], per_block: int) -> Trend | None:
    """The trend of `blocks`, each `per_block` values of the finer series `fine`; NaN blocks are left out.

    The change is relative to the median block, or to the mean where the load was away for most of the window. None with
    fewer than MIN_BLOCKS blocks or with nothing but zeros.
    """
    places = np.flatnonzero(~np.isnan(blocks))
    values = blocks[places]
    if len(values) < MIN_BLOCKS or not values.any():
        return None
    scale = float(np.median(values)) or float(values.mean())
    third = len(values) // 3
    by_slope = _theil_sen_slope(places, values) * len(blocks)
    begin, end = float(np.median(values[:third])), float(np.median(values[-third:]))
    change = max(by_slope, end - begin, key=abs)
    return Trend(change / scale, begin, end, _mann_kendall_p(values, block_correlation(fine, per_block)))


def block_correlation(fine: NDArray[np.float64], per_block: int) -> float:
    """The correlation of neighbouring block means when `fine` is AR(1) noise around a slow trend, 0 to 0.95.

    For AR(1) the variance of second differences (lag 2) is 1 + rho times that of first differences. Both are taken
    between their 10 % and 90 % quantiles, so that a single step does not count.
    """
    lag_1, lag_2 = _spread(fine[1:] - fine[:-1]), _spread(fine[2:] - fine[:-2])
    rho = float(np.clip(lag_2 / lag_1 - 1, 0, 0.95)) if lag_1 > 0 else 0.0
    if per_block == 1 or rho == 0:
        return rho
    decay = 1 - rho**per_block
    return rho * decay**2 / (per_block * (1 - rho**2) - 2 * rho * decay)


def _spread(differences: NDArray[np.float64]) -> float:
    known = differences[~np.isnan(differences)]
    if not len(known):
        return 0.0
    return float(np.var(np.clip(known, *np.quantile(known, [0.1, 0.9]))))


def _theil_sen_slope(places: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """The median slope between any two of the values."""
    later, earlier = np.tril_indices(len(values), -1)
    return float(np.median((values[later] - values[earlier]) / (places[later] - places[earlier])))


def _mann_kendall_p(values: NDArray[np.float64], correlation: float) -> float:
    """Two-sided p value of the Mann-Kendall test with ties and with the variance widened for `correlation`."""
    n = len(values)
    later, earlier = np.tril_indices(n, -1)
    score = float(np.sign(values[later] - values[earlier]).sum())
    ties = np.unique(values, return_counts=True)[1]
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    variance *= (1 + correlation) / (1 - correlation)
    return math.erfc(max(abs(score) - 1, 0) / math.sqrt(2 * variance)) if variance > 0 else 1.0


def _rows_between(seconds: NDArray[np.int64], first: int, stop: int) -> slice | NDArray[np.int64]:
    """Where `seconds` lies in first..stop-1; a slice, which copies nothing, when the rows are in order of time."""
    if (seconds[1:] >= seconds[:-1]).all():
        return slice(int(np.searchsorted(seconds, first)), int(np.searchsorted(seconds, stop)))
    return np.flatnonzero((seconds >= first) & (seconds < stop))


def _window_trends(
    requests: pd.DataFrame, seconds: NDArray[np.int64], first: int, stop: int
) -> list[tuple[str, str, Trend]]:
    """(what, unit, trend) of throughput and of median latency in one window."""
    fine_s = max(1, -(-(stop - first) // _MAX_FINE_BINS))
    fine_bins = (stop - first) // fine_s
    blocks = min(MAX_BLOCKS, fine_bins * fine_s // MIN_BLOCK_S)
    per_block = fine_bins // blocks
    used = blocks * per_block
    places = (seconds - (stop - used * fine_s)) // fine_s
    codes = np.where(places >= 0, places, -1)
    to_blocks = np.arange(used, dtype=np.int64) // per_block

    fine_rate = sum_rows(requests, codes, used)["count"].to_numpy(dtype=np.float64) / fine_s
    fine = merge_histograms(requests["histogram"], codes, used)
    block_rate = fine_rate.reshape(blocks, per_block).mean(axis=1)
    block_p50 = fine.regroup(to_blocks, blocks).quantiles([0.5])[:, 0]
    trends = []
    for name, unit, fine_values, block_values in (
        ("throughput", "requests/s", fine_rate, block_rate),
        ("median latency", "ms", fine.quantiles([0.5])[:, 0], block_p50),
    ):
        trend = measure_trend(fine_values, block_values, per_block)
        if trend is not None:
            trends.append((name, unit, trend))
    return trends
