"""What CloudWatch would make of the requests that it accepted: it adds up datums of the same metric and time."""

from __future__ import annotations

import math
from collections import Counter, defaultdict


def read_accepted(requests):
    """(metric name, dimensions as a frozenset, epoch second) -> how often each value."""
    found = defaultdict(Counter)
    for request in requests:
        for datum in request["MetricData"]:
            dimensions = frozenset((each["Name"], each["Value"]) for each in datum.get("Dimensions", []))
            place = datum["MetricName"], dimensions, int(datum["Timestamp"].timestamp())
            if "Value" in datum:
                found[place][datum["Value"]] += 1
            else:
                for value, count in zip(datum["Values"], datum["Counts"], strict=True):
                    found[place][value] += int(count)
    return found


def series(found, metric, /, **dimensions):
    """second -> distribution, of one metric."""
    wanted = frozenset(dimensions.items())
    return {second: values for (name, of, second), values in found.items() if (name, of) == (metric, wanted)}


def total(values):
    """CloudWatch's Sum."""
    return math.fsum(value * count for value, count in values.items())


def sample_count(values):
    """CloudWatch's SampleCount."""
    return sum(values.values())


def percentile(values, q):
    """The value at rank ceil(q*n): what a percentile of raw values is."""
    rank, seen = max(math.ceil(q * sample_count(values)), 1), 0
    for value, count in sorted(values.items()):
        seen += count
        if seen >= rank:
            return value
    raise AssertionError("no values")
