"""What every exporter promises, asked of each: one suite, so that whoever knows one knows them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from export_places import aws, aws_server, boto_session, gateway, gateway_server
from sample_runs import SampleRun, full_run

import loadlab.export
from loadlab.errors import ExportError, SpecError
from loadlab.export import Plan, Receipt, sending

__all__ = ["aws", "aws_server", "boto_session", "gateway", "gateway_server"]

Export = Callable[..., Receipt]


@dataclass(frozen=True)
class Exporter:
    """An exporter and a place of its own.

    holds
        What the place has now.
    close
        Makes the place refuse everything from now on.
    """

    export: Export
    plan: Callable[..., Plan]
    holds: Callable[[], Hashable]
    close: Callable[[], object]


def cloudwatch(request: pytest.FixtureRequest, tmp_path: Path) -> Exporter:
    server = request.getfixturevalue("aws")
    server.forward = False

    def close() -> None:
        server.faults = ["throttled"] * 1000

    return Exporter(
        loadlab.export.cloudwatch,
        loadlab.export.plan_cloudwatch,
        lambda: frozenset(Counter(repr(each) for sent in server.accepted for each in sent["MetricData"]).items()),
        close,
    )


def openmetrics(to: str | Path, holds: Callable[[], Hashable], close: Callable[[], object]) -> Exporter:
    return Exporter(
        partial(loadlab.export.openmetrics, to=to), partial(loadlab.export.plan_openmetrics, to=to), holds, close
    )


def pushgateway(request: pytest.FixtureRequest, tmp_path: Path) -> Exporter:
    server = request.getfixturevalue("gateway")

    def close() -> None:
        server.faults = [503] * 1000

    return openmetrics(server.url, lambda: frozenset(server.samples().items()), close)


def file(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Exporter:
    folder = tmp_path / "place"
    folder.mkdir()
    return openmetrics(
        folder / name,
        lambda: frozenset((path.name, path.read_bytes()) for path in folder.iterdir() if path.is_file()),
        lambda: (folder / name).mkdir(),
    )


EXPORTERS = {
    "cloudwatch": cloudwatch,
    "pushgateway": pushgateway,
    "textfile": partial(file, "loadlab.prom"),
    "backfill": partial(file, "backfill.om"),
}


@pytest.fixture(params=EXPORTERS)
def exporter(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    return EXPORTERS[request.param](request, tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> SampleRun:
    made: SampleRun = full_run(tmp_path / "run", seconds=5)[0]
    made.path.mkdir()
    return made


def test_a_plan_sends_nothing_and_tells_what_it_comes_to(exporter: Exporter, run: SampleRun) -> None:
    before = exporter.holds()
    plan = exporter.plan(run)
    assert exporter.holds() == before
    assert list(run.path.iterdir()) == []
    assert run.id in plan.title
    assert all(f"  {name}" in str(plan) for name in plan.numbers)
    assert plan.numbers[plan.place.unit] == sum(parcel.items for parcel in plan.parcels) > 0
    assert all(parcel.body.endswith(b"\n") for parcel in plan.parcels)


def test_a_dry_run_writes_what_would_be_sent(exporter: Exporter, run: SampleRun, tmp_path: Path) -> None:
    before = exporter.holds()
    receipt = exporter.export(run, dry_run=tmp_path / "dry")
    assert exporter.holds() == before
    plan = exporter.plan(run)
    assert (tmp_path / "dry").read_bytes() == b"".join(parcel.body for parcel in plan.parcels)
    assert (receipt.sent, receipt.requests, receipt.left) == (0, 0, plan.numbers[plan.place.unit])
    assert str(receipt).endswith("Nothing was sent.")


def test_all_is_sent(exporter: Exporter, run: SampleRun) -> None:
    before = exporter.holds()
    plan = exporter.plan(run)
    receipt = exporter.export(run)
    assert exporter.holds() != before
    assert (receipt.sent, receipt.left) == (plan.numbers[plan.place.unit], 0)
    assert receipt.requests == len(plan.parcels)
    assert receipt.title == plan.title
    assert receipt.unit == plan.place.unit


def test_sending_twice_changes_nothing(exporter: Exporter, run: SampleRun) -> None:
    exporter.export(run)
    once = exporter.holds()
    again = exporter.export(run)
    assert exporter.holds() == once
    assert (again.left, again.in_doubt) == (0, ())


def test_a_place_that_refuses(exporter: Exporter, run: SampleRun) -> None:
    before = exporter.holds()
    plan = exporter.plan(run)
    exporter.close()
    with pytest.raises(ExportError) as raised:
        plan.send(timeout_s=0)
    assert exporter.holds() == before
    receipt: Any = raised.value.receipt
    assert (receipt.sent, receipt.left) == (0, plan.numbers[plan.place.unit])
    for part in (plan.title, "were not sent", "It stopped because of this: ", "To send the rest: the same call again"):
        assert part in str(raised.value)


def test_after_an_error_the_rest_can_be_sent(
    exporter: Exporter, run: SampleRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = type(exporter.plan(run).place.connect())
    with monkeypatch.context() as broken:
        broken.setattr(connection, "deliver", refuse)
        with pytest.raises(ExportError, match="not today"):
            exporter.export(run)
    plan = exporter.plan(run)
    assert exporter.export(run).sent == plan.numbers[plan.place.unit]


def refuse(connection: object, parcel: object) -> None:
    raise loadlab.export.NotDelivered("not today")


@pytest.mark.parametrize("wrong", [{"service": " "}, {"max_names": 0}, {"resolution": "soon"}])
def test_wrong_arguments_are_told_before_anything_is_sent(exporter: Exporter, run: SampleRun, wrong: Any) -> None:
    before = exporter.holds()
    with pytest.raises(SpecError, match=f"^{next(iter(wrong))}: got"):
        exporter.export(run, **wrong)
    assert exporter.holds() == before
