"""What a criterion is: one sentence about a run that is either kept or broken. The language is in `criterion_text`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Measure = Literal[
    "quantile", "mean", "min", "max", "error_ratio", "rps", "count", "errors", "users", "metric", "signal"
]
Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
Change = Literal["", "drops", "rises"]

MEASURES: tuple[str, ...] = get_args(Measure)
LATENCIES = ("quantile", "mean", "min", "max")
"""Measured in milliseconds."""
OF_REQUESTS = (*LATENCIES, "error_ratio", "rps", "count")
"""What is measured of requests, of all or of those that a name selects."""

DEFAULT_WINDOW_S = 10
"""Width of the sliding window of `for`, `drops` and `rises` where no `over` says otherwise."""

DEFAULT_STOP_AFTER_S = 10
"""How long ``else stop`` waits, from where evaluation may begin, where no `after` says otherwise."""


def fold_name(text: str) -> str:
    """A kind of failure as criteria compare it: without regard to case, and a blank, ``_`` and ``-`` are the same."""
    return text.casefold().replace("_", " ").replace("-", " ")


@dataclass(frozen=True)
class Quantity:
    """The number that a criterion is about.

    measure
        ``quantile`` (of response times, `quantile` says which), ``mean``, ``min``, ``max`` (of response times, ms),
        ``error_ratio`` (0 to 1), ``rps`` (successful requests a second), ``count`` (finished requests), ``errors``
        (failures of one kind; written ``count(error:Timeout)``), ``users``, ``metric`` (a business metric of the
        locustfile), ``signal`` (what the target felt).
    name
        A pattern for the names it is about: of requests, kinds of failures, of the metric, of the signal. "*" stands
        for any text and "?" for any character; all else, brackets too, stands for itself. "" is all of them.
    request_type
        Of the requests, such as GET; "" is any.
    """

    measure: Measure
    quantile: float | None = None
    name: str = ""
    request_type: str = ""

    def __post_init__(self) -> None:
        """One value for one meaning: the name "*" is kept as ""."""
        if self.name == "*":
            object.__setattr__(self, "name", "")


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

    @property
    def window_s(self) -> int | None:
        """Width of the windows that are judged, in seconds; None: the whole run."""
        if self.over_s is not None:
            return int(self.over_s)
        return DEFAULT_WINDOW_S if self.for_s is not None or self.change else None

    @property
    def left_alone_s(self) -> int:
        """How many seconds, from where evaluation may begin, are not judged but only at the end of the run."""
        if not self.stop:
            return 0
        return DEFAULT_STOP_AFTER_S if self.stop_after_s is None else int(self.stop_after_s)

    @property
    def is_alarm(self) -> bool:
        """Whether the comparison says, with `for_s`, what must not go on, and not what must hold.

        So it is when it lies on the bad side of a quantity whose good direction is known: few requests, long
        response times, many errors.
        """
        if self.for_s is None or self.change:
            return False
        measure = self.quantity.measure
        if measure in ("rps", "count"):
            return self.comparison in ("<", "<=")
        return measure in (*LATENCIES, "error_ratio", "errors") and self.comparison in (">", ">=")

    def __str__(self) -> str:
        """The canonical text; `Criteria.parse` makes an equal criterion of it."""
        from loadlab.spec.criterion_writer import write_criterion

        return write_criterion(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """In a notebook the text; `repr` tells every field, also of an object that no text says."""
        printer.text(str(self))
