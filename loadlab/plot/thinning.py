"""Long line series cut to what a screen can show, without losing an extreme.

Rows are put into equally long runs of neighbours; of each run the rows with the smallest and the largest value of every
column stay, in their order. For lines and step areas only: on a scatter plot the kept extremes would draw a band that
is not there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

MAX_POINTS = 2000
"""Rows that a chart keeps at most, about one for each pixel of a wide screen; Bokeh's own level-of-detail starts here.
"""


def thin_min_max(frame: pd.DataFrame, columns: Sequence[str], points: int = MAX_POINTS) -> pd.DataFrame:
    """The rows of `frame` that hold the extremes of `columns` (numeric), at most `points` of them, in order, unchanged.

    The first and last row, every column's minimum and maximum over the whole frame, and a NaN of each run that holds
    one (so that a gap stays a gap) are kept. A frame that is short enough comes back as it is. Columns whose extremes
    share rows leave room for shorter runs, which are found by trying; each try takes O(rows x columns) in numpy.

    Raises ValueError when `points` is too small for the columns: each can need three rows of a run.
    """
    if len(frame) <= points:
        return frame
    fewest = (points - 2) // (3 * len(columns))
    if fewest < 1:
        raise ValueError(f"points: got {points}; {len(columns)} columns need at least {3 * len(columns) + 2}")
    values = [frame[column].to_numpy(dtype=np.float64, na_value=np.nan) for column in columns]
    runs = points // 2
    kept = _rows(values, runs)
    while len(kept) > points:
        runs = max(fewest, min(runs - 1, runs * points // len(kept)))
        kept = _rows(values, runs)
    return frame.iloc[kept]


def _rows(columns: Sequence[npt.NDArray[np.float64]], runs: int) -> npt.NDArray[np.int64]:
    """Positions of the rows to keep when the columns are cut into at most `runs` runs."""
    length = len(columns[0])
    width = -(-length // runs)
    ends = np.array([0, length - 1], dtype=np.int64)
    return np.unique(np.concatenate([ends, *(_extremes(values, width) for values in columns)]))


def _extremes(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.int64]:
    """Positions of the smallest and largest value and of the first NaN in each run of `width` neighbours."""
    runs = -(-len(values) // width)
    padding = runs * width - len(values)
    missing = np.isnan(values)
    starts = np.arange(runs, dtype=np.int64) * width
    lows = np.pad(np.where(missing, np.inf, values), (0, padding), constant_values=np.inf).reshape(runs, width)
    highs = np.pad(np.where(missing, -np.inf, values), (0, padding), constant_values=-np.inf).reshape(runs, width)
    gaps = np.pad(missing, (0, padding)).reshape(runs, width)
    measured = np.isfinite(lows).any(axis=1)
    broken = gaps.any(axis=1)
    return np.concatenate(
        [
            (starts + lows.argmin(axis=1))[measured],
            (starts + highs.argmax(axis=1))[measured],
            (starts + gaps.argmax(axis=1))[broken],
        ]
    )
