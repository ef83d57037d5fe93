"""Judging a run by its criteria."""

from loadlab.analyse.criteria.verdict import CriterionResult, Verdict

__all__ = ["CriterionResult", "Verdict"]
