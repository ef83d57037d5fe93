"""Users, the load generators' CPU, business metrics that were set, and signals: what goes up and down.

Over time each series has its last value of every step, at the step's end. Without time a gauge becomes three: the
smallest, the mean and the greatest of its values during the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loadlab.export.keys import distinct_keys
from loadlab.export.prometheus.counters import MAX_OWN_METRICS, keep_own
from loadlab.export.prometheus.family import Family, Ints, Labels, Numbers, Series, metric_names, readable
from loadlab.export.prometheus.grid import seconds_of
from loadlab.export.prometheus.target import Target
from loadlab.schema import is_master

if TYPE_CHECKING:
    import pandas as pd

GAUGED, SIGNAL = "loadlab_value_", "loadlab_signal_"
"""What the names of business metrics that were set, and of signals, begin with."""

UNITS: dict[str, tuple[str, float]] = {
    "%": ("ratio", 0.01),
    "percent": ("ratio", 0.01),
    "ms": ("seconds", 0.001),
    "s": ("seconds", 1.0),
    "": ("", 1.0),
}
"""Units of signals -> Prometheus' base unit and the factor; any other unit is told as it is."""


class Gauge(NamedTuple):
    """Values of one name: `codes` says which of `labels` each value has, `times` its second."""

    name: str
    text: str
    unit: str
    labels: Sequence[Labels]
    codes: Ints
    times: Ints
    values: Numbers


def gauge_families(table: Callable[[str], pd.DataFrame], target: Target) -> tuple[list[Family], list[str]]:
    """The families of the tables users, generators, metrics and signals, and sentences for the plan."""
    gauges = [*_users(table("users"), target), *_generators(table("generators"), target)]
    notes: list[str] = []
    for make, name in ((_own, "metrics"), (_signals, "signals")):
        found, left = make(table(name), target)
        gauges += found
        if left:
            notes.append(f"{left:,} {name} beyond {MAX_OWN_METRICS} are left out, the rarest.")
    tell = _over_time if target.over_time else _totals
    return [family for gauge in gauges for family in tell(gauge, target) if family.series], notes


def _users(frame: pd.DataFrame, target: Target) -> list[Gauge]:
    seconds, places = np.unique(seconds_of(frame), return_inverse=True)
    users = np.bincount(places.reshape(-1), weights=frame["users"].to_numpy(np.float64), minlength=len(seconds))
    return [_single("loadlab_users", "Running users.", "", target, seconds, np.rint(users).astype(np.int64))]


def _generators(frame: pd.DataFrame, target: Target) -> list[Gauge]:
    frame = frame[np.array([not is_master(str(worker)) for worker in frame["worker"]], dtype=bool)]
    seconds, places = np.unique(seconds_of(frame), return_inverse=True)
    busiest = np.full(len(seconds), -np.inf)
    np.fmax.at(busiest, places.reshape(-1), frame["cpu_percent"].to_numpy(np.float64) / 100.0)
    text = "CPU time per second of the busiest load generator; 1 is a whole core."
    return [_single("loadlab_generator_cpu_ratio", text, "ratio", target, seconds, busiest)]


def _single(name: str, text: str, unit: str, target: Target, times: Ints, values: Numbers) -> Gauge:
    return Gauge(name, text, unit, [target.base], np.zeros(len(times), dtype=np.int64), times, values)


def _own(frame: pd.DataFrame, target: Target) -> tuple[list[Gauge], int]:
    frame = frame[(frame["kind"] == "gauge").to_numpy(bool)]
    codes, keys, left = keep_own(*distinct_keys(frame, ("name",), str))
    names = metric_names({key: key[0] for key in keys})
    gauges = []
    for code, key in enumerate(keys):
        rows = frame[codes == code]
        of, workers = distinct_keys(rows, ("worker",), readable)
        text = f"Set by the locustfile as {key[0]!r}."
        labels = [(*target.base, ("worker", worker)) for (worker,) in workers]
        gauges.append(Gauge(GAUGED + names[key], text, "", labels, of, seconds_of(rows), rows["value"].to_numpy(float)))
    return gauges, left


def _signals(frame: pd.DataFrame, target: Target) -> tuple[list[Gauge], int]:
    codes, keys, left = keep_own(*distinct_keys(frame, ("metric", "unit"), str))
    units = {key: UNITS.get(key[1].lower(), (key[1], 1.0)) for key in keys}
    names = metric_names({key: _with_unit(key[0], units[key][0]) for key in keys})
    gauges = []
    for code, key in enumerate(keys):
        rows = frame[codes == code]
        of, objects = distinct_keys(rows, ("source", "object"), readable)
        text = f"Signal {key[0]!r} of the target{f', measured in {key[1]}' if key[1] else ''}."
        labels = [(*target.base, ("source", source), ("object", about)) for source, about in objects]
        values = rows["value"].to_numpy(float) * units[key][1]
        unit = units[key][0] if names[key].endswith(f"_{units[key][0]}") else ""
        gauges.append(Gauge(SIGNAL + names[key], text, unit, labels, of, seconds_of(rows), values))
    return gauges, left


def _with_unit(name: str, unit: str) -> str:
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def _over_time(gauge: Gauge, target: Target) -> list[Family]:
    ends = (gauge.times // target.resolution_s + 1) * target.resolution_s
    series = []
    for labels, rows in _by_labels(gauge):
        times, last = np.unique(ends[rows][::-1], return_index=True)
        series.append(Series(labels, times, gauge.values[rows][::-1][last]))
    return [Family(gauge.name, "gauge", gauge.text, tuple(series), gauge.unit)]


def _totals(gauge: Gauge, target: Target) -> list[Family]:
    families = []
    for what, how, reduce in (
        ("min", "the smallest during the run", np.min),
        ("mean", "the mean over the run", np.mean),
        ("max", "the greatest during the run", np.max),
    ):
        series = tuple(
            Series(labels, None, np.array([reduce(gauge.values[rows])])) for labels, rows in _by_labels(gauge)
        )
        text = f"{gauge.text.removesuffix('.')}: {how}."
        families.append(Family(f"{gauge.name}_{what}", "gauge", text, series))
    return families


def _by_labels(gauge: Gauge) -> list[tuple[Labels, Ints]]:
    """The rows of each series in the order of time; what is no number is left out, and so is a series without any."""
    known = np.flatnonzero(~np.isnan(gauge.values.astype(np.float64)))
    order = known[np.lexsort((gauge.times[known], gauge.codes[known]))]
    starts = np.searchsorted(gauge.codes[order], np.arange(len(gauge.labels) + 1))
    parts = [order[starts[i] : starts[i + 1]] for i in range(len(gauge.labels))]
    return [(labels, rows) for labels, rows in zip(gauge.labels, parts, strict=True) if len(rows)]
