"""A small reading of CloudWatch's metric math, and of how an alarm is evaluated, by Amazon's user guide.

Written without loadlab. A missing value is NaN. The guide says of arithmetic that a missing value is taken for 0 where
another series has one, and that a point that divides by 0 is dropped; of FILL that it gives each missing point a value;
of EPOCH that its series has no gaps; and of IF that a missing value that is chosen is 0. What is only shown in a chart
often looks otherwise: with `sparse` whatever is made of a missing value is missing, so that a test can ask for both.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import operator
import re

import numpy as np

COMPARISONS = {
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
}
STATISTICS = {
    "Sum": lambda values: sum(value * count for value, count in values),
    "SampleCount": lambda values: sum(count for _, count in values),
    "Maximum": lambda values: max(value for value, _ in values),
}


class TimeSeries:
    """The values of some periods in a row."""

    def __init__(self, values, sparse):
        self.values, self.sparse = np.array(values, dtype=float), sparse

    def _with(self, other, how):
        missing, right = np.isnan(self.values), other
        if isinstance(other, TimeSeries):
            theirs = np.isnan(other.values)
            missing = missing | theirs if self.sparse else missing & theirs
            right = np.nan_to_num(other.values)
        with np.errstate(all="ignore"):
            found = np.asarray(how(np.nan_to_num(self.values), right), dtype=float)
        return self.of(np.where(missing | ~np.isfinite(found), np.nan, found))

    def of(self, values):
        """Another series of the same periods."""
        return TimeSeries(values, self.sparse)

    def __add__(self, other):
        return self._with(other, operator.add)

    def __sub__(self, other):
        return self._with(other, operator.sub)

    def __rsub__(self, other):
        return self._with(other, lambda mine, theirs: theirs - mine)

    def __mul__(self, other):
        return self._with(other, operator.mul)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._with(other, operator.truediv)

    def __eq__(self, other):
        return self._with(other, operator.eq)

    def __ne__(self, other):
        return self._with(other, operator.ne)

    __hash__ = None


def _spread(value, like):
    return value.values if isinstance(value, TimeSeries) else np.full(len(like.values), float(value))


def _if(condition, then, otherwise):
    chosen = _spread(then, condition)
    chosen = chosen if condition.sparse else np.nan_to_num(chosen)
    found = np.where(condition.values != 0, chosen, _spread(otherwise, condition))
    return condition.of(np.where(np.isnan(condition.values), np.nan, found))


def _epoch(series):
    times = 1_700_000_000.0 + 60 * np.arange(len(series.values))
    return series.of(np.where(np.isnan(series.values) & series.sparse, np.nan, times))


FUNCTIONS = {
    "IF": _if,
    "FILL": lambda series, value: series.of(np.where(np.isnan(series.values), value, series.values)),
    "MAX": lambda series: np.nanmax(series.values, initial=-np.inf),
    "MIN": lambda series: np.nanmin(series.values, initial=np.inf),
    "EPOCH": _epoch,
}


def evaluate(parameters, *, sparse=False, **series):
    """What the expression of an alarm comes to, of the periods that `series` has values for."""
    (result,) = (each["Expression"] for each in parameters["Metrics"] if each.get("ReturnData", True))
    assert re.fullmatch(r"[\w\s()+\-*/.,=!<>]+", result)
    names = {name: TimeSeries(values, sparse) for name, values in series.items()}
    return eval(result, {"__builtins__": {}}, FUNCTIONS | names).values


def read_series(parameters, datums):
    """(the starts of the periods from the first to the last datum; id of each metric -> its value in each of them)."""
    queries = [each for each in parameters.get("Metrics", ()) if "MetricStat" in each] or [
        {"Id": "only", "MetricStat": {"Metric": parameters, **picked(parameters)}}
    ]
    period_s = queries[0]["MetricStat"]["Period"]
    starts = [datum.second // period_s * period_s for datum in datums]
    periods = range(min(starts), max(starts) + period_s, period_s)
    found = {}
    for query in queries:
        metric, values = query["MetricStat"]["Metric"], {}
        for start, datum in zip(starts, datums, strict=True):
            of = [{"Name": name, "Value": value} for name, value in datum.metric.dimensions]
            if (datum.metric.name, of) == (metric["MetricName"], metric["Dimensions"]):
                values.setdefault(start, []).extend(zip(datum.values, datum.counts, strict=True))
        statistic = STATISTICS[query["MetricStat"]["Stat"]]
        found[query["Id"]] = [statistic(values[start]) if start in values else np.nan for start in periods]
    return periods, found


def picked(parameters):
    return {"Period": parameters["Period"], "Stat": parameters["Statistic"]}


def alarm_times(parameters, datums, *, sparse=False):
    """The starts of the periods at whose end the alarm is in ALARM: M of the last N breach, as it says."""
    periods, series = read_series(parameters, datums)
    lasting, compare = parameters["EvaluationPeriods"], COMPARISONS[parameters["ComparisonOperator"]]
    found = []
    for end, start in enumerate(periods, 1):
        window = {key: np.array(values[max(end - lasting, 0) : end]) for key, values in series.items()}
        values = evaluate(parameters, sparse=sparse, **window) if "Metrics" in parameters else window["only"]
        absent = parameters["TreatMissingData"] == "breaching"
        breaching = np.where(np.isnan(values), absent, compare(values, parameters["Threshold"]))
        if breaching.sum() >= parameters["DatapointsToAlarm"]:
            found.append(start)
    return found
