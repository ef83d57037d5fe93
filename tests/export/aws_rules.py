"""What CloudWatch refuses, written from botocore's service model and from the limits in Amazon's API reference.

Written without loadlab: the other side of every comparison.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
from botocore.model import Shape

MODEL = botocore.session.get_session().get_service_model("cloudwatch")
DASHBOARD_SCHEMA = json.loads((Path(__file__).parent / "dashboard_schema.json").read_text(encoding="utf-8"))
MEGABYTE = 1_000_000
WEEKS_S, AHEAD_S = 14 * 86_400, 2 * 3600


def problems(operation: str, parameters: dict[str, Any], *, body_bytes: int, now: float) -> list[str]:
    """Everything that is wrong with a request; an empty list where it would be accepted."""
    found = _of_shape(MODEL.operation_model(operation).input_shape, parameters, operation)
    if not found and operation in RULES:
        found += RULES[operation](parameters, body_bytes=body_bytes, now=now)
    return found


def _of_shape(shape: Shape, value: Any, at: str) -> list[str]:
    kind = {"structure": dict, "list": list, "map": dict, "string": str, "timestamp": datetime, "boolean": bool}
    numbers = {"double": (int, float), "float": (int, float), "integer": int, "long": int}
    wanted = kind.get(shape.type_name) or numbers[shape.type_name]
    if not isinstance(value, wanted) or (shape.type_name in numbers and isinstance(value, bool)):
        return [f"{at}: {value!r} is no {shape.type_name}"]
    found = []
    if shape.type_name == "structure":
        found += [f"{at}: no member {name}" for name in value if name not in shape.members]
        found += [f"{at}: {name} is missing" for name in shape.required_members if name not in value]
        for name, member in shape.members.items():
            if name in value:
                found += _of_shape(member, value[name], f"{at}.{name}")
    elif shape.type_name == "list":
        found += _in_range(shape, len(value), at)
        if shape.member.type_name == "double" and all(type(item) is float for item in value):
            return found
        for number, item in enumerate(value):
            found += _of_shape(shape.member, item, f"{at}[{number}]")
    elif shape.type_name == "string":
        found += _in_range(shape, len(value), at)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            found.append(f"{at}: {value!r} does not match {pattern}")
        if shape.enum and value not in shape.enum:
            found.append(f"{at}: {value!r} is none of {shape.enum}")
    elif shape.type_name in numbers:
        found += _in_range(shape, value, at)
    return found


def _in_range(shape: Shape, size: float, at: str) -> list[str]:
    low, high = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)
    return [] if low <= size <= high else [f"{at}: {size} is not in {low} to {high}"]


def _text(value: str, at: str) -> list[str]:
    found = []
    if not all(" " <= char <= "~" for char in value):
        found.append(f"{at}: {value!r} holds more than printable ASCII")
    if not value.strip():
        found.append(f"{at}: {value!r} is blank")
    return found


def _dimensions(dimensions: list[dict[str, str]], at: str) -> list[str]:
    found = []
    names = [each["Name"] for each in dimensions]
    if len(set(names)) < len(names):
        found.append(f"{at}: a dimension twice")
    for each in dimensions:
        found += _text(each["Name"], at) + _text(each["Value"], at)
        if each["Name"].startswith(":"):
            found.append(f"{at}: {each['Name']!r} begins with a colon")
    return found


def _number(value: float, at: str) -> list[str]:
    return [] if math.isfinite(value) and abs(value) <= 2.0**360 else [f"{at}: {value!r}"]


def _put_metric_data(given: dict[str, Any], *, body_bytes: int, now: float) -> list[str]:
    found = _text(given["Namespace"], "Namespace")
    if given["Namespace"].startswith("AWS/"):
        found.append("Namespace: AWS/ is reserved")
    if body_bytes > MEGABYTE:
        found.append(f"{body_bytes} bytes")
    if not 1 <= len(given.get("MetricData", [])) <= 1000:
        found.append(f"{len(given.get('MetricData', []))} datums")
    for number, datum in enumerate(given.get("MetricData", [])):
        found += _datum(datum, f"MetricData[{number}]", now)
    return found


def _datum(datum: dict[str, Any], at: str, now: float) -> list[str]:
    found = _text(datum["MetricName"], f"{at}.MetricName") + _dimensions(datum.get("Dimensions", []), at)
    if len({"Value", "Values", "StatisticValues"} & datum.keys()) != 1:
        found.append(f"{at}: not one of Value, Values, StatisticValues")
    if "Value" in datum:
        found += _number(datum["Value"], at)
    values, counts = datum.get("Values", []), datum.get("Counts", [])
    if "Counts" in datum and len(counts) != len(values):
        found.append(f"{at}: {len(values)} values and {len(counts)} counts")
    if "Values" in datum and not 1 <= len(values) <= 150:
        found.append(f"{at}: {len(values)} values")
    if len(set(values)) < len(values):
        found.append(f"{at}: a value twice")
    for value in values:
        found += _number(value, at)
    found += [f"{at}: count {count}" for count in counts if not (math.isfinite(count) and count > 0)]
    if datum.get("StorageResolution", 60) not in (1, 60):
        found.append(f"{at}: StorageResolution {datum['StorageResolution']}")
    seconds = datum["Timestamp"].timestamp()
    if not now - WEEKS_S <= seconds <= now + AHEAD_S:
        found.append(f"{at}: {datum['Timestamp']} is too old or ahead")
    return found


def _put_dashboard(given: dict[str, Any], *, body_bytes: int, now: float) -> list[str]:
    found = []
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", given["DashboardName"]):
        found.append(f"DashboardName: {given['DashboardName']!r}")
    body = json.loads(given["DashboardBody"])
    validator = jsonschema.Draft202012Validator(DASHBOARD_SCHEMA)
    found += [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
    return found


def _put_metric_alarm(given: dict[str, Any], *, body_bytes: int, now: float) -> list[str]:
    found = []
    if re.search(r"[\x00-\x1f\x7f]", given["AlarmName"]):
        found.append("AlarmName: control characters")
    for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if name not in given:
            found.append(f"{name} is missing")
    alone = {"Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"} & given.keys()
    if "Metrics" in given:
        found += [f"{name} beside Metrics" for name in alone]
        found += _metrics(given["Metrics"])
        periods = {each["MetricStat"]["Period"] for each in given["Metrics"] if "MetricStat" in each}
    else:
        if len({"Statistic", "ExtendedStatistic"} & given.keys()) != 1:
            found.append("not one of Statistic and ExtendedStatistic")
        found += [f"{name} is missing" for name in ("Namespace", "MetricName", "Period") if name not in given]
        found += _statistic(given.get("ExtendedStatistic", "p50"), extended=True)
        found += _dimensions(given.get("Dimensions", []), "Dimensions")
        periods = {given.get("Period", 60)}
    if len(periods) != 1:
        found.append(f"periods {periods}")
    for period in periods:
        if period not in (10, 20, 30) and period % 60:
            found.append(f"Period {period}")
        if period * given.get("EvaluationPeriods", 1) > (604_800 if period >= 3600 else 86_400):
            found.append("looks back too far")
    if given.get("DatapointsToAlarm", 1) > given.get("EvaluationPeriods", 1):
        found.append("more DatapointsToAlarm than EvaluationPeriods")
    if given.get("TreatMissingData", "missing") not in ("breaching", "notBreaching", "ignore", "missing"):
        found.append(f"TreatMissingData {given['TreatMissingData']}")
    found += _number(given.get("Threshold", 0.0), "Threshold")
    return found


def _metrics(queries: list[dict[str, Any]]) -> list[str]:
    found = []
    ids = [each["Id"] for each in queries]
    if len(set(ids)) < len(ids) or not all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", name) for name in ids):
        found.append(f"ids {ids}")
    if sum("MetricStat" in each for each in queries) > 10 or sum("Expression" in each for each in queries) > 10:
        found.append("more than 10 metrics or expressions")
    if [each.get("ReturnData", True) for each in queries].count(True) != 1:
        found.append("not one result")
    for each in queries:
        if ("MetricStat" in each) == ("Expression" in each):
            found.append(f"{each['Id']}: not one of MetricStat and Expression")
        if "MetricStat" in each:
            found += _statistic(each["MetricStat"]["Stat"])
            found += _dimensions(each["MetricStat"]["Metric"].get("Dimensions", []), each["Id"])
        elif "SEARCH" in each["Expression"]:
            found.append("SEARCH in an alarm")
        else:
            known = set(re.findall(r"\b[a-z]\w*\b", each["Expression"]))
            found += [f"{each['Id']}: {name} is no id" for name in known - set(ids)]
    return found


def _statistic(stat: str, *, extended: bool = False) -> list[str]:
    percentile = re.fullmatch(r"p(\d{1,3}(?:\.\d{1,10})?)", stat)
    if percentile and float(percentile[1]) <= 100:
        return []
    if not extended and stat in ("SampleCount", "Average", "Sum", "Minimum", "Maximum"):
        return []
    return [f"statistic {stat}"]


RULES = {
    "PutMetricData": _put_metric_data,
    "PutDashboard": _put_dashboard,
    "PutMetricAlarm": _put_metric_alarm,
}
