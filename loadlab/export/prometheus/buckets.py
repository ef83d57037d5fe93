"""The upper bounds (le) of the exported histogram: few of the run's own bucket bounds, so that every count is exact.

A run counts its response times in buckets whose bounds are 2 % apart; see `loadlab.schema.GAMMA`. Prometheus keeps a
series for each bound, so it gets a few of them only, and what lies between two is added up. No value is moved over a
bound: each count is the number of response times at or below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadlab.errors import SpecError
from loadlab.schema import GAMMA, MAX_BUCKET, ZERO_BUCKET
from loadlab.spec import parse_duration

DEFAULT_BUCKETS = tuple(range(-125, 551, 25))
"""28 bounds from 0.082 ms to 59.9 s, each 1.65 times (GAMMA**25) the one before; the same in every run, because
Prometheus adds up only histograms with equal bounds."""

MAX_BOUNDS = 100

ALLOWED = f"1 to {MAX_BOUNDS} durations above 0 and below eleven days, such as 300ms, or numbers of seconds"


def bound_s(bucket: int) -> float:
    """The upper bound of a bucket in seconds."""
    return float(GAMMA**bucket) / 1000.0


def read_bounds(given: Sequence[str | float] | None) -> tuple[int, ...]:
    """The buckets whose bounds are nearest to those given (within 1 %), in order; the default ones for None.

    Raises SpecError.
    """
    if given is None:
        return DEFAULT_BUCKETS
    if isinstance(given, str) or not 1 <= len(given) <= MAX_BOUNDS:
        raise SpecError("le", given, ALLOWED)
    return tuple(sorted({_nearest(each) for each in given}))


def _nearest(given: str | float) -> int:
    seconds = parse_duration(given) if isinstance(given, str) else given
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise SpecError("le", given, ALLOWED)
    bucket = round(math.log(seconds * 1000.0) / math.log(GAMMA))
    if not ZERO_BUCKET < bucket < MAX_BUCKET:
        raise SpecError("le", given, ALLOWED)
    return bucket
