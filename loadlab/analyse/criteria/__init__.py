"""Judging a run by its criteria."""

from loadlab.analyse.criteria.evaluator import TABLES, Evaluator, evaluate
from loadlab.analyse.criteria.judging import BROKEN_END, judge
from loadlab.analyse.criteria.verdict import CriterionResult, Verdict

__all__ = ["BROKEN_END", "TABLES", "CriterionResult", "Evaluator", "Verdict", "evaluate", "judge"]
