"""Analysis of a run's tables: DataFrame in, DataFrame or small frozen result out; no state, no files, no plotting."""

from loadlab.analyse.aggregate import GroupedHistograms, aggregate_histograms, merge_histograms
from loadlab.analyse.confidence import quantile_interval, required_samples
from loadlab.analyse.criteria import CriterionResult, Evaluator, Verdict, evaluate, judge
from loadlab.analyse.distribution import heatmap, spectrum
from loadlab.analyse.errors import errors_by_kind, group_errors
from loadlab.analyse.histogram import Histogram
from loadlab.analyse.stages import stage_windows, steady_window, summarise_stages
from loadlab.analyse.summary import summarise
from loadlab.analyse.timeline import timeline
from loadlab.analyse.validity import Check, Validity, check_validity

__all__ = [
    "Check",
    "CriterionResult",
    "Evaluator",
    "GroupedHistograms",
    "Histogram",
    "Validity",
    "Verdict",
    "aggregate_histograms",
    "check_validity",
    "errors_by_kind",
    "evaluate",
    "group_errors",
    "heatmap",
    "judge",
    "merge_histograms",
    "quantile_interval",
    "required_samples",
    "spectrum",
    "stage_windows",
    "steady_window",
    "summarise",
    "summarise_stages",
    "timeline",
]
