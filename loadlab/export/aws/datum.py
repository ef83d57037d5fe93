"""One metric, and what it was in one period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from loadlab.export.aws.naming import Dimensions

Kind = Literal["count", "sum", "samples"]


@dataclass(frozen=True, order=True)
class Metric:
    """What CloudWatch charges for: a name with its dimensions.

    kind
        "count": datums are whole numbers of 0 or more, to be read by Sum; "sum": any numbers, to be read by Sum;
        "samples": a distribution, to be read by Average, Minimum, Maximum and percentiles.
    """

    name: str
    dimensions: Dimensions
    unit: str = "None"
    kind: Kind = "samples"


class Datum(NamedTuple):
    """`counts[i]` times `values[i]` of `metric` in the period that begins at `second` (epoch)."""

    second: int
    metric: Metric
    values: tuple[float, ...]
    counts: tuple[int, ...]
