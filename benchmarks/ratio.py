"""The ratio of two medians, with an interval: what a benchmark on a noisy machine can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

RESAMPLES = 4000


@dataclass(frozen=True)
class Ratio:
    """`value` = median(tried) / median(base); `low` and `high` bound its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio_of_medians(tried: Sequence[float], base: Sequence[float]) -> Ratio:
    """The ratio of the medians of two series measured in pairs, and its 95 % percentile bootstrap interval.

    Pairs are resampled as pairs, so that what disturbed both halves of one does not widen the interval.
    """
    if len(tried) != len(base) or not base:
        raise ValueError(f"pairs are needed, got {len(tried)} and {len(base)} values")
    pairs = np.array([tried, base], dtype=float)
    drawn = np.random.default_rng(1).integers(len(base), size=(RESAMPLES, len(base)))
    medians = np.median(pairs[:, drawn], axis=2)
    low, high = np.quantile(medians[0] / medians[1], [0.025, 0.975])
    return Ratio(median(tried) / median(base), float(low), float(high))
