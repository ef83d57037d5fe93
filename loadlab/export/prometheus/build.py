"""All families of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadlab.export.prometheus.counters import counted_families, error_families, request_families
from loadlab.export.prometheus.family import Family, Series
from loadlab.export.prometheus.gauges import gauge_families
from loadlab.export.prometheus.grid import grid_over
from loadlab.export.prometheus.target import Target

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Built:
    """The families of a run in the order of the text, and sentences for the plan."""

    families: tuple[Family, ...]
    notes: tuple[str, ...]


def build_families(table: Callable[[str], pd.DataFrame], target: Target) -> Built:
    """The families of the tables that `table` gives by their names. Raises SpecError when they are too many samples."""
    requests, errors, metrics = table("requests"), table("errors"), table("metrics")
    counted = metrics[(metrics["kind"] == "count").to_numpy(bool)]
    families: list[Family] = []
    notes: list[str] = []
    grid = grid_over([requests, errors, counted], target.resolution_s if target.over_time else None)
    if grid is not None:
        for frame, make in (
            (requests, request_families),
            (errors, error_families),
            (counted, counted_families),
        ):
            if not frame.empty:
                found, said = make(frame, grid, target)
                families += found
                notes += said
        if not target.over_time:
            for which, instant in (("start", 0), ("end", 1)):
                text = f"When the {'first' if which == 'start' else 'last'} request of the run was counted."
                series = Series(target.base, None, np.array([grid.times[instant]]))
                families.append(Family(f"loadlab_run_{which}_time_seconds", "gauge", text, (series,), "seconds"))
    found, said = gauge_families(table, target)
    return Built((*families, *found), (*notes, *said))
