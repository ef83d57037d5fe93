"""What judging a run by its criteria answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from loadlab.analyse.shown import judgement_html

CriterionStatus = Literal["passed", "failed", "invalid"]
VerdictStatus = Literal["passed", "failed", "invalid", "unjudged"]

SIGNS = {"passed": "✓", "failed": "✕", "invalid": "?"}
"""The sign of a criterion: what cannot be judged is not broken."""
_WORDS = {"passed": "met", "failed": "broken", "invalid": "not judged"}
_TITLES = {"passed": "✓ Passed", "failed": "✕ Failed", "invalid": "✕ Invalid", "unjudged": "– Not judged"}


@dataclass(frozen=True, repr=False)
class CriterionResult:
    """One criterion on one run.

    criterion
        Its canonical text.
    status
        "invalid" where the data cannot answer: too few samples, nothing measured. Never a pass then.
    text
        One sentence with the numbers, for a person.
    value
        What was measured, the worst of all windows, in `unit`; None where nothing was.
    threshold, unit
        Of the criterion, in its base unit.
    samples
        Requests (or values) that `value` rests on.
    first_broken
        The start of the first second at whose end it was broken; None where it never was.
    """

    criterion: str
    status: CriterionStatus
    text: str
    value: float | None
    threshold: float
    unit: str
    samples: int
    first_broken: pd.Timestamp | None = None

    def __repr__(self) -> str:
        """Its sign, the criterion and the sentence, on one line."""
        return f"{SIGNS[self.status]} {self.criterion}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it; the time as ISO 8601 in UTC."""
        return {
            "criterion": self.criterion,
            "status": self.status,
            "text": self.text,
            "value": self.value,
            "threshold": self.threshold,
            "unit": self.unit,
            "samples": self.samples,
            "first_broken": None if self.first_broken is None else self.first_broken.isoformat().replace("+00:00", "Z"),
        }


@dataclass(frozen=True, repr=False)
class Verdict:
    """Whether a run meets its criteria.

    `status`: "invalid" when the run cannot be trusted or a criterion could not be judged and none failed, "failed" with
    a broken criterion, "passed" when all were met, "unjudged" for a run that can be trusted and has no criteria.
    `reasons` are the sentences that make it so.
    """

    status: VerdictStatus
    results: tuple[CriterionResult, ...]
    reasons: tuple[str, ...]

    def __repr__(self) -> str:
        """The status, the reasons that no criterion tells, then a line for each criterion."""
        return "\n".join([self.status, *self._other_reasons(), *map(repr, self.results)])

    def _repr_html_(self) -> str:
        rows = [(each.criterion, f"{SIGNS[each.status]} {_WORDS[each.status]}", each.text) for each in self.results]
        titles = ("criterion", "result", "what was measured")
        return judgement_html(self.status, _TITLES[self.status], self._other_reasons(), "Criteria", titles, rows)

    def _other_reasons(self) -> list[str]:
        told = {result.text for result in self.results}
        return [reason for reason in self.reasons if reason not in told]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: status, reasons, criteria (each as `CriterionResult.to_dict`)."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "criteria": [result.to_dict() for result in self.results],
        }
