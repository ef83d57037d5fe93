"""Criteria: the written conditions that a run is judged by, as one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from loadlab.errors import SpecError
from loadlab.spec.criteria_baseline import Baseline, derive_criteria
from loadlab.spec.criterion import Criterion
from loadlab.spec.criterion_rules import find_problem
from loadlab.spec.criterion_text import parse_criteria

ALLOWED = "criteria such as 'p99 < 300ms', separated by ';' or lines, or a list of them"


class Criteria(tuple[Criterion, ...]):
    """An immutable sequence of Criterion; `str` gives its text, which `parse` reads back to an equal value."""

    __slots__ = ()

    @classmethod
    def parse(cls, given: object, field: str = "criteria") -> Self:
        """From text (see docs/criteria.md), a Criterion, or a list of both.

        Raises one SpecError for all that are wrong, naming `field`, with each line and a mark below the character.
        """
        if isinstance(given, str):
            return cls(parse_criteria(given, field))
        if isinstance(given, Criterion):
            return cls((_checked(given, field),))
        if isinstance(given, Mapping | bytes) or not isinstance(given, Iterable):
            raise SpecError(field, given, ALLOWED)
        found: list[Criterion] = []
        errors: list[SpecError] = []
        for index, entry in enumerate(given):
            try:
                if not isinstance(entry, str | Criterion):
                    raise SpecError(f"{field}[{index}]", entry, ALLOWED)
                found += cls.parse(entry, f"{field}[{index}]")
            except SpecError as error:
                errors.append(error)
        if errors:
            raise SpecError.several(errors)
        return cls(found)

    @classmethod
    def from_run(cls, run: Baseline, margin: float = 0.2, *, endpoints: int = 3) -> Self:
        """From what a good run measured, `margin` worse each: 0.2 for 20 %.

        Throughput, p50, p95, p99 and error ratio of all requests, and p95 of the busiest `endpoints`; what has too few
        samples is left out. Limits are rounded to two digits, away from what was measured; that of the error ratio
        leaves room for chance.

        Raises SpecError for an invalid run and impossible arguments, NotEnoughSamples where not even p95 can be told.
        """
        return cls(derive_criteria(run, margin, endpoints))

    @property
    def quantile(self) -> float | None:
        """The highest quantile that is asked for, which a run has to have the samples for.

        The median where other numbers are asked for only; None without criteria.
        """
        asked = [criterion.quantity.quantile for criterion in self if criterion.quantity.quantile is not None]
        return max(asked, default=0.5) if self else None

    def __str__(self) -> str:
        return "; ".join(map(str, self))

    def __repr__(self) -> str:
        return f"Criteria.parse({str(self)!r})"

    def texts(self) -> list[str]:
        """The canonical text of each."""
        return [str(criterion) for criterion in self]


def _checked(criterion: Criterion, field: str) -> Criterion:
    problem = find_problem(criterion)
    if problem is not None:
        raise SpecError(field, criterion, problem.text)
    return criterion
