"""The instants at which the counters of a run are told, and what was counted until each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadlab.errors import SpecError
from loadlab.export.prometheus.family import Ints, Labels, Numbers, Series
from loadlab.spec import format_duration

if TYPE_CHECKING:
    import pandas as pd

MAX_SAMPLES = 5_000_000
"""Samples of a text: about a gigabyte, which is held in memory."""

_ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Grid:
    """`steps` + 1 instants, `step_s` seconds apart, the first at `start` (epoch seconds) before anything was counted.

    What happened in a second is known at its end, so the second that begins at t counts at the first instant after t.
    Unless `over_time` only the last instant is told, without its time.
    """

    start: int
    step_s: int
    steps: int
    over_time: bool

    @property
    def times(self) -> Ints:
        """The instants, epoch seconds, shape (steps + 1,)."""
        return self.start + self.step_s * np.arange(self.steps + 1, dtype=np.int64)

    def steps_of(self, times: Ints) -> Ints:
        """The number of the step that each second is in."""
        return (times - self.start) // self.step_s

    def series(self, labels: Labels, values: Numbers, sums: Numbers | None = None) -> Series:
        """What was counted under `labels` until each instant, as it is told."""
        if self.over_time:
            return Series(labels, self.times, values, sums)
        return Series(labels, None, values[-1:], None if sums is None else sums[-1:])

    def check(self, series: int) -> None:
        """Raise SpecError when `series` counters are too many samples, naming a resolution at which they are not."""
        samples = series * (self.steps + 1)
        if samples > MAX_SAMPLES:
            least = series * self.steps * self.step_s / max(MAX_SAMPLES - series, 1)
            fitting = next((step for step in _ROUND_S if step >= least), None)
            hint = f"{format_duration(fitting)} or more" if fitting else "fewer names (max_names) or bounds (le)"
            raise SpecError(
                "resolution",
                format_duration(self.step_s),
                f"{hint}, because this run has {series:,} series over time, which are {samples:,} samples, and at most "
                f"{MAX_SAMPLES:,} are written",
            )

    def accumulate(self, codes: Ints, times: Ints, values: Numbers, shape: tuple[int, ...]) -> Numbers:
        """What was counted until each instant, shape (shape[0], steps + 1, *shape[1:]), dtype of `values`.

        `codes` has shape (rows,), or (len(shape), rows) where `shape` has more than one dimension.
        """
        at = np.atleast_2d(codes)
        sums = np.zeros((shape[0], self.steps + 1, *shape[1:]), dtype=values.dtype)
        np.add.at(sums, (at[0], self.steps_of(times) + 1, *at[1:]), values)
        return np.cumsum(sums, axis=1, out=sums)


def seconds_of(frame: pd.DataFrame) -> Ints:
    """The second that each row is of, epoch."""
    seconds: Ints = frame["time"].to_numpy("datetime64[s]").astype(np.int64)
    return seconds


def grid_over(frames: list[pd.DataFrame], resolution_s: int | None) -> Grid | None:
    """The instants over all rows of `frames`, at multiples of `resolution_s`; the first and the last for None.

    None when there are no rows.
    """
    found = [seconds_of(frame) for frame in frames if not frame.empty]
    if not found:
        return None
    first, last = min(int(each.min()) for each in found), max(int(each.max()) for each in found)
    if resolution_s is None:
        return Grid(first, last + 1 - first, 1, over_time=False)
    start = first // resolution_s * resolution_s
    return Grid(start, resolution_s, (last - start) // resolution_s + 1, over_time=True)
