"""What a validity check answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loadlab.analyse.shown import judgement_html

Status = Literal["ok", "unjudged", "warning", "invalid"]
"""`unjudged`: there was nothing to judge by, or nothing was asked for. It speaks neither for a run nor against it."""

SIGNS = {"ok": "✓", "warning": "!", "invalid": "✕", "unjudged": "–"}
_WORDS = {"ok": "ok", "warning": "warning", "invalid": "invalid", "unjudged": "not judged"}
_TITLES = {"valid": "✓ Valid run", "warning": "! Valid run, with warnings", "invalid": "✕ Invalid run"}
_ORDER = ("invalid", "warning", "ok", "unjudged")


@dataclass(frozen=True, repr=False)
class Check:
    """One check: `text` is a sentence with the numbers; `value` and `limit` are in the unit that the text names.

    Both are None where the check is not about a number.
    """

    name: str
    status: Status
    text: str
    value: float | None = None
    limit: float | None = None

    def __repr__(self) -> str:
        """Its sign, name and sentence, on one line."""
        return f"{SIGNS[self.status]} {self.name}: {self.text}"


@dataclass(frozen=True, repr=False)
class Validity:
    """Whether a run can carry a verdict: "valid", "warning" or "invalid", and every check that was made."""

    checks: tuple[Check, ...]

    @property
    def status(self) -> Literal["valid", "warning", "invalid"]:
        """The worst of the checks."""
        statuses = {check.status for check in self.checks}
        return "invalid" if "invalid" in statuses else "warning" if "warning" in statuses else "valid"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The texts of the checks that speak against the run, the invalidating ones first."""
        return tuple(check.text for status in ("invalid", "warning") for check in self.checks if check.status == status)

    def __repr__(self) -> str:
        """The status, then a line for each check, those that speak against the run first."""
        return "\n".join([self.status, *map(repr, self._doubts_first())])

    def _repr_html_(self) -> str:
        rows = [
            (each.name.replace("_", " "), f"{SIGNS[each.status]} {_WORDS[each.status]}", each.text)
            for each in self._doubts_first()
        ]
        titles = ("check", "result", "why")
        return judgement_html(self.status, _TITLES[self.status], self.reasons, "Validity", titles, rows)

    def _doubts_first(self) -> list[Check]:
        return sorted(self.checks, key=lambda check: _ORDER.index(check.status))

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: status, reasons, checks (name, status, text, value, limit)."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "checks": [asdict(check) for check in self.checks],
        }


def percent(share: float) -> str:
    """A share as a person reads it: 0.00039 -> '0.039 %', 0.123 -> '12 %'."""
    value = 100 * share
    return f"{value:,.0f} %" if abs(value) >= 9.95 else f"{value:.2g} %"


def number(value: float) -> str:
    """A number with three digits, and never in powers of ten: '0.42', '12.3', '1,230'."""
    return f"{value:,.0f}" if abs(value) >= 99.5 else f"{value:.3g}"


def milliseconds(value: float) -> str:
    """A time with three digits: '0.42 ms', '12.3 ms', '1,230 ms'."""
    return f"{number(value)} ms"


def enumerate_names(names: Sequence[str], limit: int = 3) -> str:
    """Names in a sentence: 'a', 'a and b', 'a, b, c and 5 others'."""
    shown = list(names[:limit])
    if len(names) > limit:
        others = len(names) - limit
        shown.append(f"{others} other" if others == 1 else f"{others} others")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(count: int, noun: str) -> str:
    """A number and its noun: '1 worker', '2,000 workers'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
