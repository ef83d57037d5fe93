"""Datums into requests, filled to CloudWatch's limits, and back: what accepted requests held.

The body of a request is the parameters of PutMetricData as one line of JSON, which boto3 takes as they are (and
``aws cloudwatch put-metric-data --cli-input-json``). boto3 sends them as JSON or CBOR; both keep to the limit.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from loadlab.export.aws.datum import Datum
from loadlab.export.aws.limits import MAX_BODY_BYTES, MAX_DATUMS, MAX_VALUES
from loadlab.export.aws.naming import Dimensions
from loadlab.export.aws.target import Target
from loadlab.export.plan import Parcel

Place = tuple[str, Dimensions, int]
"""A metric's name and dimensions, and the second."""

Accepted = Mapping[Place, Mapping[float, float]]
"""What was accepted: how often each value, of each metric in each period."""


def pack(datums: Iterable[Datum], target: Target) -> list[Parcel]:
    """`datums` as requests, in their order; each is filled until the next datum would pass a limit."""
    parcels: list[Parcel] = []
    texts: list[str] = []
    size, first, last = 0, 0, 0
    head = f'{{"Namespace": {json.dumps(target.namespace)}, "MetricData": ['

    def close() -> None:
        if texts:
            body = f"{head}{', '.join(texts)}]}}\n".encode("ascii")
            parcels.append(Parcel(body, len(texts), _span(first, last)))

    for datum in datums:
        for part in _parts(datum):
            text = json.dumps(_wire(part, target.resolution_s))
            needed = max(len(text) + 2, _cbor_bytes(part))
            if len(texts) == MAX_DATUMS or size + needed > MAX_BODY_BYTES:
                close()
                texts, size = [], 0
            if not texts:
                first = part.second
            texts.append(text)
            size, last = size + needed, part.second + target.resolution_s
    close()
    return parcels


def _parts(datum: Datum) -> Iterator[Datum]:
    """A datum of too many values as several of the same time: CloudWatch adds them up."""
    for start in range(0, len(datum.values), MAX_VALUES):
        end = start + MAX_VALUES
        yield datum._replace(values=datum.values[start:end], counts=datum.counts[start:end])


def _wire(datum: Datum, resolution_s: int) -> dict[str, Any]:
    metric = datum.metric
    what: dict[str, Any] = (
        {"Values": list(datum.values), "Counts": [float(count) for count in datum.counts]}
        if metric.kind == "samples"
        else {"Value": datum.values[0]}
    )
    return {
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
        "Timestamp": datetime.fromtimestamp(datum.second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **what,
        "Unit": metric.unit,
        "StorageResolution": resolution_s,
    }


def _cbor_bytes(datum: Datum) -> int:
    """At least the bytes of a datum in CBOR: 9 a number, keys and texts with up to 3 bytes of length each."""
    texts = len(datum.metric.name) + sum(30 + len(name) + len(value) for name, value in datum.metric.dimensions)
    return 120 + texts + 18 * len(datum.values)


def _span(first: int, last: int) -> str:
    begin, end = (datetime.fromtimestamp(second, UTC) for second in (first, last))
    until = f"{end:%H:%M:%S}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{begin:%Y-%m-%d %H:%M:%S} to {until} UTC"


def unpack(bodies: Sequence[bytes]) -> Accepted:
    """What the bodies of accepted requests held, added up as CloudWatch does."""
    accepted: dict[Place, Counter[float]] = defaultdict(Counter)
    for body in bodies:
        for wire in json.loads(body)["MetricData"]:
            dimensions = tuple((each["Name"], each["Value"]) for each in wire["Dimensions"])
            second = int(datetime.fromisoformat(wire["Timestamp"]).timestamp())
            values = accepted[wire["MetricName"], dimensions, second]
            if "Value" in wire:
                values[wire["Value"]] += 1
            else:
                values.update(dict(zip(wire["Values"], wire["Counts"], strict=True)))
    return accepted


def subtract(datums: Iterable[Datum], accepted: Accepted) -> list[Datum]:
    """What is left of `datums` when `accepted` is there already.

    Of counts and sums the difference; of samples each value as often as it is missing. Where samples were accepted
    that the run does not hold any more (a late part has changed how many users there were in a second), only as many
    are left as the period has more of: one second is not counted twice.
    """
    left = []
    for datum in datums:
        known = accepted.get((datum.metric.name, datum.metric.dimensions, datum.second))
        rest = datum if known is None else _rest(datum, known)
        if rest is not None:
            left.append(rest)
    return left


def _rest(datum: Datum, known: Mapping[float, float]) -> Datum | None:
    if datum.metric.kind != "samples":
        difference = datum.values[0] - sum(value * times for value, times in known.items())
        lost = difference < 0 and datum.metric.kind == "count"
        tiny = abs(difference) <= 1e-9 * abs(datum.values[0])
        return None if lost or tiny else datum._replace(values=(difference,))
    counts = dict(zip(datum.values, datum.counts, strict=True))
    missing = {value: count - int(known.get(value, 0)) for value, count in counts.items()}
    missing = {value: count for value, count in missing.items() if count > 0}
    more = sum(datum.counts) - int(sum(known.values()))
    if sum(missing.values()) > more:
        missing = _first(missing, more)
    return datum._replace(values=tuple(missing), counts=tuple(missing.values())) if missing else None


def _first(counts: Mapping[float, int], limit: int) -> dict[float, int]:
    """The first `limit` values of a distribution."""
    kept = {}
    for value, count in counts.items():
        if limit <= 0:
            break
        kept[value] = min(count, limit)
        limit -= count
    return kept


def metrics_of(datums: Iterable[Datum]) -> set[tuple[str, Dimensions]]:
    """The metrics that CloudWatch charges for: names with their dimensions."""
    return {(datum.metric.name, datum.metric.dimensions) for datum in datums}
