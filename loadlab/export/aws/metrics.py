"""CloudWatch as a place that results go to."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadlab.errors import ExportError
from loadlab.export.arguments import doubts
from loadlab.export.aws.limits import (
    AHEAD_S,
    HOURS_PER_MONTH,
    METRIC_MONTH_USD,
    OLDEST_S,
    REQUEST_USD,
    SENDING_S,
)
from loadlab.export.aws.naming import Preferred
from loadlab.export.aws.packing import metrics_of, pack, subtract, unpack
from loadlab.export.aws.session import Access, call, identity
from loadlab.export.aws.tables import Built, build_datums
from loadlab.export.aws.target import Target, read_target
from loadlab.export.plan import Connection, Parcel, Plan

if TYPE_CHECKING:
    from pathlib import Path

    from loadlab.export.aws.datum import Datum
    from loadlab.export.source import Source


def plan_metrics(run: Source, access: Access, *, ledger: Path | None = None, again: str = "", **options: Any) -> Plan:
    """The plan of a recorded run; `options` are those of `read_target`. No network is asked. Raises SpecError."""
    target = read_target(run.info.get("labels") or {}, **options)
    built = build_datums(run.table, target)
    parcels = tuple(pack(built.datums, target))
    place = CloudWatch(target, access, run.id, built, lambda prefer: build_datums(run.table, target, prefer))
    return Plan(
        title=f"Run {run.id} to CloudWatch as {target.namespace}, {_dimensions(target)}",
        numbers=_numbers(built.datums, parcels, target),
        notes=(*doubts(run), *built.notes, *_notes(built.datums, target)),
        parcels=parcels,
        place=place,
        folder=run.path,
        ledger=ledger,
        again=again or Plan.again,
    )


def _dimensions(target: Target) -> str:
    return ", ".join(f"{name} {value}" for name, value in target.base)


def _numbers(datums: Sequence[Datum], parcels: Sequence[Parcel], target: Target) -> dict[str, float]:
    metrics = metrics_of(datums)
    metric_hours = len({(datum.metric.name, datum.metric.dimensions, datum.second // 3600) for datum in datums})
    run_usd = metric_hours * METRIC_MONTH_USD / HOURS_PER_MONTH + len(parcels) * REQUEST_USD
    return {
        "metrics": len(metrics),
        "datums": sum(parcel.items for parcel in parcels),
        "requests": len(parcels),
        "dollars for this run, estimated": math.ceil(run_usd * 100) / 100,
        "dollars a month if run every night, estimated": math.ceil(30 * run_usd * 100) / 100,
        "dollars a month if a run never stopped, estimated": round(len(metrics) * METRIC_MONTH_USD, 2),
    }


def _notes(datums: Sequence[Datum], target: Target) -> list[str]:
    notes = ["Prices are list prices of us-east-1; CloudWatch charges a metric for the hours in which it is sent."]
    if target.resolution_s == 1:
        notes.append("CloudWatch keeps seconds for three hours and shows older data in minutes.")
    return notes


@dataclass(frozen=True)
class CloudWatch:
    """The place of a plan. `rebuild` makes the datums anew, with the names kept apart that were sent before."""

    target: Target
    access: Access
    run_id: str
    built: Built
    rebuild: Callable[[Preferred], Built]
    name: str = "cloudwatch"
    unit: str = "datums"

    def connect(self) -> Connection:
        """A client, and whose account it is. Raises ExportError."""
        return MetricsConnection(self)


class MetricsConnection:
    """CloudWatch, reached with credentials."""

    def __init__(self, place: CloudWatch) -> None:
        self._place = place
        self._client = place.access.client()
        where = (self._client.meta.region_name, self._client.meta.endpoint_url, place.access.account_number())
        self.identity = identity("cloudwatch", *where, place.run_id, place.target.identity())

    def remaining(self, parcels: Sequence[Parcel], accepted: Sequence[bytes]) -> Sequence[Parcel]:
        """The parcels, or what the run holds more than was accepted.

        Raises ExportError when a part of it is too old, or ahead, for CloudWatch to take it.
        """
        datums = self._place.built.datums
        if accepted:
            known = unpack(accepted)
            if self._place.built.folded:
                datums = self._place.rebuild(Preferred.of((name, of) for name, of, _ in known)).datums
            datums = subtract(datums, known)
            parcels = pack(datums, self._place.target)
        check_times(datums, self._place.target.resolution_s, time.time())
        return parcels

    def deliver(self, parcel: Parcel) -> None:
        """PutMetricData."""
        put_metric_data(self._client, parcel)


def put_metric_data(client: Any, parcel: Parcel) -> None:
    """Send one parcel. Raises NotDelivered."""
    call(client, "put_metric_data", **json.loads(parcel.body))


def check_times(datums: Sequence[Datum], resolution_s: int, now: float) -> None:
    """Raise ExportError, naming the part, when CloudWatch would refuse some of `datums` for their time."""
    oldest, latest = now - OLDEST_S + SENDING_S, now + AHEAD_S - SENDING_S
    old = [datum.second for datum in datums if datum.second < oldest]
    ahead = [datum.second for datum in datums if datum.second > latest]
    for seconds, why in (
        (old, "CloudWatch takes nothing that is older than two weeks (15 minutes are kept for sending)"),
        (ahead, "CloudWatch takes nothing that is more than two hours ahead; is the clock of this machine right?"),
    ):
        if seconds:
            begin, end = (_time(second) for second in (min(seconds), max(seconds) + resolution_s))
            raise ExportError(
                f"{len(seconds):,} of {len(datums):,} datums, from {begin} to {end}, cannot be sent: {why}. It is "
                f"{_time(now)}. Nothing was sent."
            )


def _time(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S} UTC"
