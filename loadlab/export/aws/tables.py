"""The tables of a run as datums: what is sent of each, under which names, and how many names are kept apart.

Request names, kinds of failures, business metrics and signals come from outside and may be many; each metric costs
money, so a limit keeps them few. Request names and kinds beyond theirs are added up under ``(other)``, exactly.
Business metrics and signals cannot be added up; the rarest beyond theirs are left out, and a note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from loadlab.export.aws.datum import Datum, Kind, Metric
from loadlab.export.aws.limits import MAX_MAGNITUDE, MAX_NAME_CHARS, MAX_VALUE_CHARS
from loadlab.export.aws.naming import EMPTY, Preferred, clean_name
from loadlab.export.aws.requests import Ints, period_starts, request_datums, request_rows
from loadlab.export.aws.target import Target
from loadlab.export.keys import OTHER, Key, distinct_keys, keep_most_frequent, merge_keys
from loadlab.schema import is_master

if TYPE_CHECKING:
    import pandas as pd

Name = TypeVar("Name", str, Key)
Floats = NDArray[Any]

MAX_KINDS = 10
"""Kinds of failures that are kept apart."""

MAX_OWN_METRICS = 50
"""Business metrics that are sent, and signals."""

COUNTED, GAUGED, SIGNAL = "metric.", "gauge.", "signal."
"""What the names of business metrics and signals begin with, so that they never meet another metric's."""

UNITS = {
    "%": "Percent",
    "percent": "Percent",
    "bytes": "Bytes",
    "ms": "Milliseconds",
    "s": "Seconds",
    "seconds": "Seconds",
    "/s": "Count/Second",
    "bytes/s": "Bytes/Second",
    "bytes/second": "Bytes/Second",
    "count": "Count",
}
"""Units of signals that CloudWatch has a name for; the others are sent as None."""

TOTALS = ("Requests", "Failures")
"""What is sent as 0, of all requests together, for a period in which users waited and no request finished."""

SIGNIFICANT_DIGITS = 4
"""Of signals and gauges, so that the values of many pods in a minute fit into few datums."""


@dataclass
class Built:
    """The datums of a run, by time; sentences for the plan; whether anything was folded or left out."""

    datums: list[Datum] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folded: bool = False


def build_datums(table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred | None = None) -> Built:
    """All datums of the tables that `table` gives by their names, by time and then by metric."""
    built = Built()
    prefer = prefer or Preferred()
    for add in (_add_requests, _add_errors, _add_users, _add_generators, _add_metrics, _add_signals):
        add(built, table, target, prefer)
    built.datums.sort(key=lambda datum: datum[:2])
    return built


def _add_requests(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    frame = table("requests")
    for period in _unanswered(frame, table("users"), target):
        built.datums += [Datum(period, Metric(name, target.base, "Count", "count"), (0.0,), (1,)) for name in TOTALS]
    if frame.empty:
        return
    rows = request_rows(frame, target.resolution_s)
    codes, pairs = distinct_keys(frame, ("request_type", "name"))
    weights = np.bincount(codes, weights=rows.count, minlength=len(pairs))
    cleaned = _cleaned(built, "request name", pairs)
    kept = keep_most_frequent(_added(cleaned, weights), target.max_names, prefer.names)
    if len(left := set(cleaned) - kept):
        built.folded = True
        built.notes.append(f"{len(left):,} request names beyond {target.max_names:,} are counted together as {OTHER}.")
    names = [pair if pair in kept else (OTHER, OTHER) for pair in cleaned]
    groups, of = merge_keys(codes, names)
    dimensions = [(*target.base, ("request_type", kind), ("name", name)) for kind, name in of]
    built.datums += request_datums(rows, groups, dimensions)
    built.datums += request_datums(rows, np.zeros(len(frame), dtype=np.int64), [target.base])
    if target.by_region:
        codes, regions = distinct_keys(frame, ("region",))
        groups, of = merge_keys(codes, _cleaned(built, "region", regions))
        built.datums += request_datums(rows, groups, [(*target.base, ("region", region)) for (region,) in of])


def _unanswered(requests: pd.DataFrame, users: pd.DataFrame, target: Target) -> list[int]:
    """The periods in which users ran and no request finished: the target hangs, and alarms have to see that.

    The second after a run's end, in which there are no users any more, is none.
    """
    some = users[users["users"].to_numpy(np.int64) > 0]
    periods = np.setdiff1d(period_starts(some, target.resolution_s), period_starts(requests, target.resolution_s))
    return [int(period) for period in periods]


def _add_errors(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    requests, frame = table("requests"), table("errors")
    everything = Metric("Errors", target.base, "Count", "count")
    answered = np.unique(period_starts(requests, target.resolution_s)).tolist()
    quiet = dict.fromkeys([*answered, *_unanswered(requests, table("users"), target)], 0.0)
    if not frame.empty:
        periods, counts = period_starts(frame, target.resolution_s), frame["count"].to_numpy(np.int64)
        codes, kinds = distinct_keys(frame, ("kind",))
        cleaned = _cleaned(built, "kind of failure", kinds)
        weights = _added(cleaned, np.bincount(codes, weights=counts, minlength=len(kinds)))
        kept = keep_most_frequent(weights, MAX_KINDS, prefer.kinds)
        if len(left := set(cleaned) - kept):
            built.folded = True
            built.notes.append(f"{len(left):,} kinds of failures beyond {MAX_KINDS} are counted together as {OTHER}.")
        groups, of = merge_keys(codes, [kind if kind in kept else (OTHER,) for kind in cleaned])
        metrics = [Metric("Errors", (*target.base, ("kind", kind)), "Count", "count") for (kind,) in of]
        built.datums += _sum_datums(periods, groups, counts, metrics)
        for datum in _sum_datums(periods, np.zeros(len(frame), dtype=np.int64), counts, [everything]):
            quiet[datum.second] = datum.values[0]
    built.datums += [Datum(period, everything, (errors,), (1,)) for period, errors in quiet.items()]


def _add_users(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    frame = table("users")
    if frame.empty:
        return
    seconds, places = np.unique(period_starts(frame, 1), return_inverse=True)
    users = np.bincount(places.reshape(-1), weights=frame["users"].to_numpy(np.int64))
    periods = seconds // target.resolution_s * target.resolution_s
    built.datums += _sample_datums(
        periods, np.zeros(len(seconds), dtype=np.int64), users, [Metric("Users", target.base, "Count")]
    )


def _add_generators(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    frame = table("generators")
    frame = frame[[not is_master(str(worker)) for worker in frame["worker"]]] if len(frame) else frame
    cpu = np.rint(frame["cpu_percent"].to_numpy(np.float64))
    built.datums += _sample_datums(
        period_starts(frame, target.resolution_s),
        np.zeros(len(frame), dtype=np.int64),
        cpu,
        [Metric("GeneratorCPU", target.base, "Percent")],
    )


def _add_metrics(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    everything = table("metrics")
    for kind, prefix in (("count", COUNTED), ("gauge", GAUGED)):
        frame = everything[(everything["kind"] == kind).to_numpy(bool)]
        how: Kind = "sum" if kind == "count" else "samples"
        _add_own(built, frame, ("name",), prefix, how, target, prefer)


def _add_signals(built: Built, table: Callable[[str], pd.DataFrame], target: Target, prefer: Preferred) -> None:
    _add_own(built, table("signals"), ("metric", "unit"), SIGNAL, "samples", target, prefer)


def _add_own(
    built: Built,
    frame: pd.DataFrame,
    columns: Sequence[str],
    prefix: str,
    kind: Kind,
    target: Target,
    prefer: Preferred,
) -> None:
    """Business metrics or signals: a metric for each name (and unit), its values summed up or as samples."""
    if frame.empty:
        return
    codes, names = distinct_keys(frame, columns)
    keys = [
        (clean_name(f"{prefix}{name[0] or EMPTY}", MAX_NAME_CHARS), UNITS.get((name[1:] or ("",))[0].lower(), "None"))
        for name in names
    ]
    weights = _added([key[0] for key in keys], np.bincount(codes, minlength=len(keys)))
    sent = {name for name in prefer.metrics if name.startswith(prefix)}
    kept = keep_most_frequent(weights, MAX_OWN_METRICS, sent)
    if len(left := sorted(set(weights) - kept)):
        built.folded = True
        built.notes.append(
            f"{len(left):,} of {len(weights):,} metrics {prefix}* are left out, the rarest: {', '.join(left[:5])}, ..."
        )
    groups, of = merge_keys(codes, keys)
    metrics = [Metric(name, target.base, unit, kind) for name, unit in of]
    known = np.array([metric.name in kept for metric in metrics])[groups]
    periods, values = period_starts(frame, target.resolution_s), frame["value"].to_numpy(np.float64)
    if kind == "sum":
        _take_finite(built, _sum_datums(periods[known], groups[known], values[known], metrics))
        return
    for group in np.unique(groups[known & np.isfinite(values) & (np.abs(values) > MAX_MAGNITUDE)]).tolist():
        _note_beyond(built, metrics[group].name)
    built.datums += _sample_datums(periods[known], groups[known], _shortened(values[known]), metrics)


def _shortened(values: Floats) -> Floats:
    """Each value with `SIGNIFICANT_DIGITS` digits."""
    distinct, places = np.unique(values, return_inverse=True)
    short = np.array([float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in distinct.tolist()])
    return short[places.reshape(-1)] if len(short) else values


def _take_finite(built: Built, datums: Iterable[Datum]) -> None:
    """Add the sums that CloudWatch takes; for the others a note."""
    for datum in datums:
        if abs(datum.values[0]) <= MAX_MAGNITUDE:
            built.datums.append(datum)
        else:
            _note_beyond(built, datum.metric.name)


def _note_beyond(built: Built, name: str) -> None:
    note = f"Values of {name} beyond 2^360 are left out: CloudWatch refuses them."
    if note not in built.notes:
        built.notes.append(note)


def _sum_datums(periods: Ints, groups: Ints, values: Floats, metrics: Sequence[Metric]) -> Iterator[Datum]:
    """The sum of each group in each period."""
    known = np.isfinite(values)
    keys, cells = np.unique(np.stack((periods[known], groups[known])), axis=1, return_inverse=True)
    with np.errstate(over="ignore"):
        totals = np.bincount(cells.reshape(-1), weights=values[known], minlength=keys.shape[1])
    for period, group, total in zip(*keys.tolist(), totals.tolist(), strict=True):
        yield Datum(period, metrics[group], (total,), (1,))


def _sample_datums(periods: Ints, groups: Ints, values: Floats, metrics: Sequence[Metric]) -> Iterator[Datum]:
    """The values of each group in each period, equal ones counted; without what CloudWatch takes for no number."""
    known = np.abs(values) <= MAX_MAGNITUDE
    distinct, codes = np.unique(values[known], return_inverse=True)
    keys, counts = np.unique(np.stack((periods[known], groups[known], codes.reshape(-1))), axis=1, return_counts=True)
    if not keys.size:
        return
    changed = (np.diff(keys[:2], axis=1) != 0).any(axis=0)
    starts = [0, *(np.flatnonzero(changed) + 1).tolist()]
    for start, end in zip(starts, [*starts[1:], keys.shape[1]], strict=True):
        period, group = keys[:2, start].tolist()
        values_here = tuple(distinct[keys[2, start:end]].tolist())
        yield Datum(period, metrics[group], values_here, tuple(counts[start:end].tolist()))


def _cleaned(built: Built, what: str, names: Sequence[Key]) -> list[Key]:
    """The names as CloudWatch takes them, and a note when that changes any."""
    cleaned = [tuple(clean_name(part, MAX_VALUE_CHARS) for part in name) for name in names]
    changed = [new for old, new in zip(names, cleaned, strict=True) if any(map(_is_changed, old, new))]
    if changed:
        built.notes.append(
            f"{len(changed):,} {what}{'s' * (len(changed) != 1)} hold what CloudWatch does not take, and are sent as "
            f"{changed[0][-1][:80]!r}{', ...' if len(changed) > 1 else ''}."
        )
    return cleaned


def _is_changed(old: str, new: str) -> bool:
    return bool(old) and old != new


def _added(names: Sequence[Name], weights: Floats) -> dict[Name, float]:
    """The weights of equal names, added up."""
    added: dict[Name, float] = {}
    for name, weight in zip(names, weights.tolist(), strict=True):
        added[name] = added.get(name, 0) + weight
    return added
