"""What comes of a criterion: of a second, of a run, and which values speak against it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadlab.spec import Criterion

KEPT, BROKEN, TOO_FEW, NO_DATA, NO_BASE, NOT_THERE, LEFT_ALONE = range(7)
"""The states of a second."""


def is_unknown(states: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which seconds may have been broken, for all that is known."""
    found: NDArray[np.bool_] = (states >= TOO_FEW) & (states <= NO_BASE)
    return found


Reason = Literal["", "few", "missing", "short", "base", "absent"]


@dataclass(frozen=True)
class Outcome:
    """What a track has come to.

    value, samples, at
        The worst value, what it rests on and the second at whose end it was; NaN, 0 and None without one.
    first_broken
        The first second at whose end the criterion was broken.
    judged, unjudged
        How many windows could be judged, and how many could not.
    reason
        Why not: too few samples, missing data, a run too short, a rise from 0, or the object was never there.
    longest_s
        With `for`: the longest time on the bad side.
    base
        With `drops` or `rises`: the value that `value` is compared with.
    """

    status: Literal["passed", "failed", "invalid"]
    value: float = math.nan
    samples: int = 0
    at: int | None = None
    first_broken: int | None = None
    judged: int = 0
    unjudged: int = 0
    reason: Reason = ""
    longest_s: int = 0
    base: float = math.nan


def holds(value: float, comparison: str, threshold: float) -> bool:
    """Whether the comparison is true."""
    if comparison == "<":
        return value < threshold
    if comparison == "<=":
        return value <= threshold
    if comparison == ">":
        return value > threshold
    if comparison == ">=":
        return value >= threshold
    return (value == threshold) is (comparison == "==")


def badness(criterion: Criterion, values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """The more, the more a value speaks against the criterion."""
    comparison = criterion.comparison
    if comparison in ("==", "!="):
        distance: NDArray[np.float64] = np.abs(values - criterion.threshold).astype(np.float64)
        return distance if comparison == "==" else -distance
    high_is_bad = (comparison in ("<", "<=")) is not (criterion.is_alarm or bool(criterion.change))
    signed: NDArray[np.float64] = np.asarray(values, dtype=np.float64) * (1 if high_is_bad else -1)
    return signed
