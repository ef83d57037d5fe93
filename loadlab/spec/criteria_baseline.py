"""Criteria from what a good run measured."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Protocol

from loadlab.errors import NotEnoughSamples, SpecError
from loadlab.spec import kinds
from loadlab.spec.criterion import Criterion, Quantity

LEAST_ERROR_RATIO = 0.001
"""No limit below this is derived: a baseline without a failure does not promise that there is never one."""

CHANCE_FAILURES = 3
"""With no failure in n requests the true share is below 3/n with 95 % confidence (the rule of three: Hanley and
Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983)."""


class Baseline(Protocol):
    """What is asked of a run; a loadlab.Run answers."""

    id: str

    @property
    def validity(self) -> Any:
        """With `status` and `reasons`."""

    def judge(self, criteria: Any) -> Any:
        """With `results`: `value`, `samples`, `status` and `text` of each of `criteria`."""

    def summary(self) -> Any:
        """A DataFrame with request_type, name and count, the last row being that of all requests."""


def derive_criteria(run: Baseline, margin: float, endpoints: int) -> list[Criterion]:
    """See `Criteria.from_run`."""
    margin = kinds.number(zero=True).convert("margin", margin)
    if margin >= 1:
        raise SpecError("margin", margin, "a share from 0 to below 1, such as 0.2 for 20 %")
    endpoints = kinds.integer(0).convert("endpoints", endpoints)
    if run.validity.status == "invalid":
        reasons = " ".join(run.validity.reasons)
        raise SpecError("run", run.id, f"a run that can be trusted, and this one is invalid: {reasons}")
    latencies = [Quantity("quantile", q) for q in (0.5, 0.95, 0.99)]
    latencies += [Quantity("quantile", 0.95, name, kind) for kind, name in _busiest(run, endpoints)]
    asked = [Criterion(quantity, "<", 1.0, "ms") for quantity in latencies]
    asked += [Criterion(Quantity("error_ratio"), "<", 1.0), Criterion(Quantity("rps"), ">", 0.0, "/s")]
    *times, errors, rate = run.judge(asked).results
    if times[1].status == "invalid":
        raise NotEnoughSamples(f"no criteria can be derived from run {run.id}: {times[1].text}")
    made = [
        Criterion(quantity, "<", _round(result.value * (1 + margin), ROUND_CEILING), "ms")
        for quantity, result in zip(latencies, times, strict=True)
        if result.status != "invalid" and result.value > 0
    ]
    made.insert(3 if len(made) >= 3 and made[2].quantity.quantile == 0.99 else 2, _error_limit(errors, margin))
    made.insert(0, Criterion(Quantity("rps"), ">=", _round(rate.value * (1 - margin), ROUND_FLOOR), "/s"))
    return made


def _error_limit(errors: Any, margin: float) -> Criterion:
    share = max(errors.value * (1 + margin), errors.value + CHANCE_FAILURES / errors.samples, LEAST_ERROR_RATIO)
    return Criterion(Quantity("error_ratio"), "<", min(1.0, _round(share, ROUND_CEILING)))


def _busiest(run: Baseline, endpoints: int) -> Sequence[tuple[str, str]]:
    rows = run.summary().to_dict("records")[:-1]
    named = [row for row in rows if row["name"] not in ("", "*")]
    named.sort(key=lambda row: (-row["count"], row["name"], row["request_type"]))
    return [(str(row["request_type"]), str(row["name"])) for row in named[:endpoints]]


def _round(value: float, rounding: str) -> float:
    """To two digits, upwards or downwards."""
    number = Decimal(repr(float(value)))
    return float(number.quantize(Decimal(1).scaleb(number.adjusted() - 1), rounding=rounding)) if number else 0.0
