"""Judging a run by its criteria."""

from loadlab.analyse.criteria.evaluator import TABLES, Evaluator, evaluate
from loadlab.analyse.criteria.judging import judge
from loadlab.analyse.criteria.verdict import CriterionResult, Verdict

__all__ = ["TABLES", "CriterionResult", "Evaluator", "Verdict", "evaluate", "judge"]
