"""What a criterion is: one sentence about a run that is either kept or broken. The language is in `criterion_text`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal[
    "quantile", "mean", "min", "max", "error_ratio", "rps", "count", "errors", "users", "metric", "signal"
]
Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
Change = Literal["", "drops", "rises"]


@dataclass(frozen=True)
class Quantity:
    """The number that a criterion is about.

    measure
        ``quantile`` (of response times, `quantile` says which), ``mean``, ``min``, ``max`` (of response times, ms),
        ``error_ratio`` (0 to 1), ``rps`` (successful requests a second), ``count`` (finished requests), ``errors``
        (failures of one kind; written ``count(error:Timeout)``), ``users``, ``metric`` (a business metric of the
        locustfile), ``signal`` (what the target felt).
    name
        A shell pattern for the names it is about: of requests, kinds of failures, of the metric, of the signal. "" is
        all of them.
    request_type
        Of the requests, such as GET; "" is any.
    """

    measure: Measure
    quantile: float | None = None
    name: str = ""
    request_type: str = ""


@dataclass(frozen=True)
class Criterion:
    """A quantity, what it is compared with, when, and whether the test is ended when it is broken live.

    threshold, unit
        In the base unit of the quantity: milliseconds ("ms"), a ratio ("", written in %), a rate ("/s"), a plain number
        (""); of a signal in `unit` as it was written. With `change` the share that it changes by, 0 to 1.
    change, within_s
        "drops" or "rises": by more than `threshold` against the highest (lowest) value of the last `within_s` seconds.
    over_s
        Width of a sliding window; None: the whole run.
    for_s
        How long it has to be broken without a break until it counts; None: at once.
    from_start
        Whether the ramp counts too; without, it is left out.
    stop, stop_after_s
        Whether the test is ended when this is broken, and how long, from where evaluation may begin, it is left alone.
    """

    quantity: Quantity
    comparison: Comparison
    threshold: float
    unit: str = ""
    change: Change = ""
    within_s: float | None = None
    over_s: float | None = None
    for_s: float | None = None
    from_start: bool = False
    stop: bool = False
    stop_after_s: float | None = None
