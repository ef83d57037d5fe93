"""What of a criterion CloudWatch can watch: a criterion as the parameters of PutMetricAlarm, or the reason why not.

An alarm compares a statistic of a period, or an expression of several, for so many periods in a row. It knows of no
run, no ramp and no sliding window, and watches one metric, not all that a pattern fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loadlab.export.aws.catalog import Catalog, NotExpressible, hint, spell_kind
from loadlab.export.aws.limits import (
    MAX_ALARM_RANGE_S,
    MAX_LONG_ALARM_RANGE_S,
    MAX_MAGNITUDE,
    MAX_NAME_CHARS,
    MAX_VALUE_CHARS,
)
from loadlab.export.aws.naming import Dimensions, clean_name
from loadlab.export.aws.tables import COUNTED, GAUGED, SIGNAL
from loadlab.export.aws.target import Target
from loadlab.spec import Criterion, Quantity, format_duration

FINE_PERIODS_S = (10, 20, 30)
"""Periods below a minute that an alarm can have, of metrics of one second."""

OPERATORS = {
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}
OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
STATISTICS = {"mean": "Average", "min": "Minimum", "max": "Maximum"}
WHOLE_RUN = "judged over the whole run in loadlab, and here for each {period} by itself"


@dataclass
class Series:
    """The value that an alarm watches: metrics with a statistic each, and an expression of them where one is needed."""

    metrics: list[tuple[str, str, Dimensions, str]]
    """(id, metric name, dimensions, statistic)."""
    expression: str = ""
    notes: list[str] = field(default_factory=list)


def express(criterion: Criterion, target: Target, catalog: Catalog) -> tuple[dict[str, Any], list[str]]:
    """The parameters of PutMetricAlarm that watch `criterion`, without name and actions, and what they do otherwise.

    Raises NotExpressible.
    """
    period_s, periods, notes = _periods(criterion, target)
    series = _series(criterion, target, catalog)
    notes += series.notes
    when = criterion.comparison if criterion.is_alarm or criterion.change else OPPOSITES[criterion.comparison]
    threshold = criterion.threshold + 0.0  # -0.0 is 0.0
    if criterion.change:
        periods, series.expression = _change(criterion, series, period_s)
    elif when in ("==", "!="):
        when, threshold, series.expression = _equality(when, threshold, series)
    absent = _is_of_absence(criterion)
    if abs(threshold) > MAX_MAGNITUDE:
        raise NotExpressible("the number is beyond 2^360, which CloudWatch does not take")
    parameters: dict[str, Any] = {
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": 1 if criterion.change else periods,
        "Threshold": float(threshold),
        "ComparisonOperator": OPERATORS[when],
        "TreatMissingData": "breaching" if absent else "notBreaching",
    }
    notes.append(
        "without data it goes off, also between two runs" if absent else "without data, between two runs, all is well"
    )
    return parameters | _watched(series, target, period_s), notes


def _is_of_absence(criterion: Criterion) -> bool:
    """Whether the alarm tells that the load is gone, so that missing data raises it."""
    return criterion.is_alarm and criterion.quantity.measure in ("rps", "count")


def _watched(series: Series, target: Target, period_s: int) -> dict[str, Any]:
    """The metric, or the metrics and their expression."""

    def metric(name: str, dimensions: Dimensions) -> dict[str, Any]:
        return {
            "Namespace": target.namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
        }

    if series.expression:
        queries: list[dict[str, Any]] = [
            {
                "Id": key,
                "MetricStat": {"Metric": metric(name, dimensions), "Period": period_s, "Stat": stat},
                "ReturnData": False,
            }
            for key, name, dimensions, stat in series.metrics
        ]
        return {"Metrics": [*queries, {"Id": "result", "Expression": series.expression, "ReturnData": True}]}
    ((_, name, dimensions, stat),) = series.metrics
    statistic: dict[str, Any] = {"Statistic": stat}
    if stat.startswith("p"):
        statistic = {"ExtendedStatistic": stat, "EvaluateLowSampleCountPercentile": "ignore"}
    return metric(name, dimensions) | statistic | {"Period": period_s}


def _periods(criterion: Criterion, target: Target) -> tuple[int, int, list[str]]:
    """Length of a period, how many in a row, and what differs by that."""
    finest_s = FINE_PERIODS_S[0] if target.resolution_s == 1 else 60
    notes = []
    asked_s = [each for each in (criterion.over_s, criterion.for_s, criterion.within_s) if each is not None]
    if asked_s and min(asked_s) < finest_s:
        finer = "; with resolution 1s it can be 10 s" if target.resolution_s == 60 else ""
        raise NotExpressible(
            f"{format_duration(min(asked_s))} is less than the shortest period of an alarm, "
            f"{format_duration(finest_s)}{finer}"
        )
    if criterion.over_s is not None:
        period_s = int(criterion.over_s)
        if not (period_s % 60 == 0 or (target.resolution_s == 1 and period_s in FINE_PERIODS_S)):
            raise NotExpressible(
                f"a window of {format_duration(period_s)}: alarms have periods of whole minutes"
                + (", 10, 20 or 30 s" if target.resolution_s == 1 else "; with resolution 1s also 10, 20 or 30 s")
            )
        notes.append(f"windows of {format_duration(period_s)} side by side, not one that slides")
    elif criterion.for_s is not None or criterion.change:
        period_s = finest_s
    else:
        period_s = 60
        notes.append(WHOLE_RUN.format(period="minute"))
        if not criterion.from_start:
            notes.append("the ramp counts here")
    lasting_s = criterion.within_s if criterion.change else criterion.for_s
    periods, rest = divmod(int(lasting_s), period_s) if lasting_s is not None else (1, 0)
    if lasting_s is not None and (rest or periods < 1 + bool(criterion.change)):
        raise NotExpressible(
            f"{format_duration(lasting_s)} is not a number of whole periods of {format_duration(period_s)}"
            + ("; with resolution 1s a period can be 10 s" if target.resolution_s == 60 else "")
        )
    longest_s = MAX_LONG_ALARM_RANGE_S if period_s >= 3600 else MAX_ALARM_RANGE_S
    if periods * period_s > longest_s:
        looked = f"such an alarm looks back {format_duration(longest_s)} at most"
        raise NotExpressible(f"{format_duration(periods * period_s)} is too long: {looked}")
    return period_s, periods, notes


def _series(criterion: Criterion, target: Target, catalog: Catalog) -> Series:
    quantity = criterion.quantity
    measure = quantity.measure
    if measure in ("metric", "signal", "errors", "users"):
        return _other_series(criterion, target, catalog)
    of = _dimensions(quantity, target, catalog)
    requests, failures = ("requests", "Requests", of, "Sum"), ("failures", "Failures", of, "Sum")
    named = of != target.base
    if measure == "rps":
        succeeded = "FILL(requests, 0) - FILL(failures, 0)" if named else "requests - failures"
        watched = [requests, failures, _seconds(target), _present(target)]
        return Series(watched, f"({succeeded}) / (seconds * users / users)")
    if measure == "error_ratio":
        return Series([requests, failures], "failures / requests")
    if measure == "count":
        _refuse_whole_run(criterion, "a number of requests")
        if named and not _is_of_absence(criterion):
            return Series([requests, _present(target)], "FILL(requests, 0) * users / users")
        return Series([requests])
    stat = STATISTICS.get(measure) or _percentile(quantity.quantile or 0.5)
    return Series([("times", "ResponseTime", of, stat)])


def _percentile(quantile: float) -> str:
    """The extended statistic, p99 or p99.9."""
    text = f"{quantile * 100:.8f}".rstrip("0").rstrip(".")
    if abs(float(text) / 100 - quantile) > 1e-12 or not 0 < float(text) < 100:
        raise NotExpressible(f"the percentile {quantile * 100!r}: CloudWatch has not so many decimals")
    return f"p{text}"


def _seconds(target: Target) -> tuple[str, str, Dimensions, str]:
    """How many seconds of a period were recorded: `Users` has a sample for each. A run that begins or ends within a
    period fills only a part of it."""
    return "seconds", "Users", target.base, "SampleCount"


def _present(target: Target) -> tuple[str, str, Dimensions, str]:
    """How many users were there at most. What is divided by it is missing between two runs and in the second after the
    last user, and is 0 when users wait for nothing: metric math takes a missing value for 0 and drops x / 0."""
    return "users", "Users", target.base, "Maximum"


def _other_series(criterion: Criterion, target: Target, catalog: Catalog) -> Series:
    """Errors, users, business metrics and signals: they belong to no request name."""
    quantity = criterion.quantity
    _refuse_pattern(quantity.name)
    if quantity.measure == "errors":
        if not (criterion.threshold == 0 and criterion.comparison in ("==", "<=")):
            _refuse_whole_run(criterion, "a number of failures")
        name, notes = spell_kind(quantity.name, catalog)
        kind = (("kind", clean_name(name, MAX_VALUE_CHARS)),) if name else ()
        return Series([("errors", "Errors", (*target.base, *kind), "Sum")], notes=notes)
    if quantity.measure == "users":
        return Series([("users", "Users", target.base, "Average")])
    if quantity.measure == "signal":
        if catalog.signals is not None and quantity.name not in catalog.signals:
            raise NotExpressible(f"the run has no signal {quantity.name!r}{hint(quantity.name, catalog.signals)}")
        upper = OPPOSITES[criterion.comparison] in (">", ">=", "!=") or criterion.change == "rises"
        series = Series([("level", _own(SIGNAL, quantity), target.base, "Maximum" if upper else "Minimum")])
        series.notes.append("the worst value of any object in the period, not the mean of each object")
        if criterion.unit:
            series.notes.append(f"the signal has to be recorded in {criterion.unit}")
        return series
    kinds = catalog.metrics or {}
    if catalog.metrics is not None and quantity.name not in kinds:
        raise NotExpressible(f"the run has no metric {quantity.name!r}{hint(quantity.name, kinds)}")
    if criterion.unit == "/s":
        counted = ("counted", _own(COUNTED, quantity), target.base, "Sum")
        return Series([counted, _seconds(target)], "counted / seconds")
    if kinds.get(quantity.name) == "count":
        _refuse_whole_run(criterion, "a total")
        return Series([("counted", _own(COUNTED, quantity), target.base, "Sum")])
    series = Series([("level", _own(GAUGED, quantity), target.base, "Average")])
    if quantity.name not in kinds:
        series.notes.append("taken for a gauge; give a run that has it if it is counted")
    return series


def _own(prefix: str, quantity: Quantity) -> str:
    return clean_name(f"{prefix}{quantity.name}", MAX_NAME_CHARS)


def _dimensions(quantity: Quantity, target: Target, catalog: Catalog) -> Dimensions:
    """Those of the request that is meant, or of all requests together."""
    kind, name = quantity.request_type, quantity.name
    if not name and not kind:
        return target.base
    _refuse_pattern(name or "*")
    known = catalog.requests
    if known is not None and not kind:
        kinds = sorted({other for other, its_name in known if its_name == name})
        if len(kinds) > 1:
            raise NotExpressible(f"{name!r} is {' and '.join(kinds)}, which are metrics of their own; write which")
        kind = kinds[0] if kinds else ""
    if known is not None and (kind, name) not in known:
        names = [each for _, each in known]
        raise NotExpressible(f"the run has no request {f'{kind} {name}'.strip()!r}{hint(name, names)}")
    if not kind:
        raise NotExpressible(f"the request type is a dimension too: write it, as in 'GET {name}', or give a run")
    return (
        *target.base,
        ("request_type", clean_name(kind, MAX_VALUE_CHARS)),
        ("name", clean_name(name, MAX_VALUE_CHARS)),
    )


def _refuse_pattern(name: str) -> None:
    if "*" in name or "?" in name:
        raise NotExpressible(
            f"the pattern {name!r} means many metrics; an alarm watches one, and takes no SEARCH: name them one by one"
        )


def _refuse_whole_run(criterion: Criterion, what: str) -> None:
    if criterion.window_s is None:
        raise NotExpressible(f"{what} of a whole run: CloudWatch knows no runs; give it a window, such as over 5m")
    if criterion.over_s is None:
        raise NotExpressible(
            f"{what} needs a window, such as over 1m: else it is in 10 s, which is no period of alarms"
        )


def _equality(when: str, threshold: float, series: Series) -> tuple[str, float, str]:
    """Alarms only compare by order: is (not) equal becomes 1 or 0."""
    if threshold == 0 and when == "!=" and not series.expression and series.metrics[0][3] == "Sum":
        return ">", 0.0, ""
    value = series.expression or series.metrics[0][0]
    return ">", 0.5, f"IF(({value}) {when} {threshold!r}, 1, 0)"


def _change(criterion: Criterion, series: Series, period_s: int) -> tuple[int, str]:
    """By which share the newest value lies below the highest (above the lowest) of the periods that are looked at.

    MAX and MIN of a series are those of the time that the alarm looks at, `within`; the older values count as 0, so
    that only the newest one can raise the alarm.
    """
    value = f"({series.expression})" if series.expression else series.metrics[0][0]
    changed = f"1 - {value} / MAX({value})" if criterion.change == "drops" else f"{value} / MIN({value}) - 1"
    series.notes.append("of values of one period each")
    return int(criterion.within_s or 0) // period_s, f"IF(EPOCH({value}) == MAX(EPOCH({value})), {changed}, 0)"
