"""Throttled, broken, expired, cut off, crashed: nothing is missing in the end, and what is twice is told."""

import json
import re
from collections import Counter

import pandas as pd
import pytest
from cloudwatch_reader import read_accepted
from sample_runs import SampleRun, full_run

import loadlab.export
from loadlab.errors import ExportError
from loadlab.export import sending
from loadlab.export.aws import metrics, packing
from loadlab.export.aws.session import call


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    waited = []
    monkeypatch.setattr(sending.time, "sleep", waited.append)
    return waited


@pytest.fixture
def many(aws, monkeypatch):
    """CloudWatch, with sixteen datums a request at most, so that a small run takes many."""
    monkeypatch.setattr(packing, "MAX_DATUMS", 16)
    aws.forward = False
    return aws


@pytest.fixture
def run(tmp_path):
    made, _ = full_run(tmp_path / "run", seconds=70)
    made.path.mkdir()
    return made


def everything(run):
    """What CloudWatch has to hold in the end: what a dry run writes."""
    receipt = loadlab.export.cloudwatch(run, dry_run=run.path / "bodies.ndjson")
    return bodies(receipt.file.read_text().splitlines())


def bodies(lines):
    found = Counter()
    for line in lines:
        found.update(map(datum_key, json.loads(line)["MetricData"]))
    return found


def datum_key(datum):
    of = tuple((each["Name"], each["Value"]) for each in datum["Dimensions"])
    values = tuple(datum["Values"]) if "Values" in datum else datum["Value"]
    return datum["MetricName"], of, values, tuple(datum.get("Counts", ()))


def arrived(aws):
    return Counter(datum_key(datum) for request in aws.accepted for datum in request["MetricData"])


def test_what_is_sent_is_what_a_dry_run_wrote(many, run):
    receipt = loadlab.export.cloudwatch(run)
    assert receipt.requests == len(many.accepted) == loadlab.export.plan_cloudwatch(run).numbers["requests"] >= 4
    assert arrived(many) == everything(run)
    assert "gzip" in many.encodings  # all but a short last one
    assert loadlab.export.cloudwatch(run).sent == 0
    assert len(many.accepted) == receipt.requests


def test_moto_takes_it_too(aws, run):
    import boto3

    loadlab.export.cloudwatch(run)
    assert aws.refused == []
    listed = boto3.client("cloudwatch", region_name="eu-west-1").get_paginator("list_metrics")
    pages = listed.paginate(Namespace="LoadLab/shop")
    found = {json.dumps(metric) for page in pages for metric in page["Metrics"]}
    assert len(found) == loadlab.export.plan_cloudwatch(run).numbers["metrics"]


@pytest.mark.parametrize("fault", ["throttled", "broken", "page", "cut before"])
def test_patience(many, run, fault, waits, capsys):
    many.faults = [None, fault, fault, None, fault]
    receipt = loadlab.export.cloudwatch(run)
    assert arrived(many) == everything(run)
    assert receipt.left == 0
    assert len(waits) == 3
    if fault != "page":
        assert bool(receipt.in_doubt) == (fault == "cut before")  # nobody can tell it from a cut after
    (line,) = capsys.readouterr().err.splitlines()  # once
    assert re.fullmatch(r"waiting: AWS.+, trying again until \d\d:\d\d:\d\d UTC", line)
    assert "<" not in line
    assert fault != "broken" or "AWS answered 500 InternalServiceFault: try again" in line


def test_who_waits_can_be_told_elsewhere(many, run, capsys):
    many.faults, told = ["throttled"], []
    loadlab.export.plan_cloudwatch(run).send(tell=told.append)
    assert "throttled" in told[0]
    assert capsys.readouterr().err == ""


def test_a_certificate_that_is_wrong_is_not_tried_again(many, run, waits):
    from botocore.exceptions import SSLError

    class Client:
        def put_metric_data(self, **_):
            raise SSLError(endpoint_url="https://x", error="[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    with pytest.raises(loadlab.export.NotDelivered, match="CERTIFICATE_VERIFY_FAILED") as raised:
        call(Client(), "put_metric_data")
    assert not raised.value.again


def test_an_answer_that_was_lost(many, run):
    many.faults = [None, "cut after"]
    receipt = loadlab.export.cloudwatch(run)
    twice = arrived(many) - everything(run)
    assert sum(twice.values()) == 16  # the datums of one request: the window that docs/cloudwatch.md names
    assert everything(run) - arrived(many) == Counter()
    assert len(receipt.in_doubt) == 1


@pytest.mark.parametrize("fault", ["expired", "denied"])
def test_credentials_that_expire(many, run, fault, waits):
    many.faults = [None, None, fault]
    with pytest.raises(ExportError) as raised:
        loadlab.export.cloudwatch(run, again="loadlab export cloudwatch r1")
    text = str(raised.value)
    assert "sent 32 datums in 2 requests" in text
    assert "To send the rest: loadlab export cloudwatch r1" in text
    assert ("have expired: renew them" in text) == (fault == "expired")
    assert waits == []
    assert "AKIA" not in text
    receipt = loadlab.export.cloudwatch(run)
    assert (receipt.before, receipt.left, receipt.in_doubt) == (32, 0, ())
    assert arrived(many) == everything(run)


def test_throttled_for_longer_than_one_waits(many, run):
    many.faults = [None, *["throttled"] * 3]
    with pytest.raises(ExportError, match=r"throttled.*Not sent: \d+ requests"):
        loadlab.export.cloudwatch(run, timeout_s=0.0)
    loadlab.export.cloudwatch(run)
    assert arrived(many) == everything(run)


def test_a_crash_between_any_two_requests(many, run, tmp_path, monkeypatch):
    put = metrics.put_metric_data
    count = int(loadlab.export.plan_cloudwatch(run).numbers["requests"])
    expected = everything(run)
    for place in range(count):
        for after in (False, True):
            many.reset()
            many.forward = False
            ledger = tmp_path / f"{place}{after}.jsonl"
            calls = iter(range(count))

            def die(client, parcel, calls=calls, place=place, after=after):
                crash = next(calls) == place
                if not crash or after:
                    put(client, parcel)
                if crash:
                    raise SystemExit("killed")

            monkeypatch.setattr(metrics, "put_metric_data", die)
            with pytest.raises(SystemExit):
                loadlab.export.cloudwatch(run, ledger=ledger)
            monkeypatch.setattr(metrics, "put_metric_data", put)
            receipt = loadlab.export.cloudwatch(run, ledger=ledger)
            assert expected - arrived(many) == Counter()
            twice = arrived(many) - expected
            assert bool(twice) == after  # only the request that was accepted but could not be written down
            assert len(receipt.in_doubt) == 1
            assert len(many.accepted) == count + after


def test_other_targets_have_other_ledgers(aws, run):
    aws.forward = False
    first = loadlab.export.cloudwatch(run)
    for options in (
        {"namespace": "Other"},
        {"resolution": "1s"},
        {"run_id": True},
        {"environment": "prod"},
        {"region": "us-east-1"},
        {"account": "210987654321"},
        {"by_region": True},
    ):
        receipt = loadlab.export.cloudwatch(run, **options)
        assert receipt.before == 0, options
        assert receipt.ledger != first.ledger
    assert loadlab.export.cloudwatch(run).sent == 0


def test_an_archive_that_grew_sends_what_is_new(many, tmp_path):
    """What a recovered journal, or a late part after a live export, adds is sent; the rest is not sent again."""
    whole, _ = full_run(tmp_path, seconds=70)
    requests = whole.tables["requests"]
    early = SampleRun(tmp_path, **(whole.tables | {"requests": requests.iloc[: len(requests) // 2]}))
    loadlab.export.cloudwatch(early)
    before = len(many.accepted)
    loadlab.export.cloudwatch(whole)
    assert len(many.accepted) > before
    again = read_accepted(many.accepted)
    many.accepted.clear()
    loadlab.export.cloudwatch(whole, ledger=tmp_path / "fresh.jsonl")
    once = read_accepted(many.accepted)
    for place, values in once.items():
        if place[0] in ("Requests", "Failures", "Errors", "metric.checkouts"):
            assert sum(v * n for v, n in again[place].items()) == sum(v * n for v, n in values.items())
        else:
            assert again[place] == values
    assert again.keys() == once.keys()


def test_names_that_were_kept_apart_stay_so(many, tmp_path):
    """Which names are folded depends on what is known; what was sent under its own name stays there."""
    from sample_runs import recent, requests_table, samples

    raw = samples(recent(), seconds=60, rate=30, names=[f"/n{i}" for i in range(8)])
    late = raw[raw["name"].isin(["/n6", "/n7"])]
    more = SampleRun(tmp_path, requests=requests_table(pd.concat([raw, late, late, late])))
    loadlab.export.cloudwatch(SampleRun(tmp_path, requests=requests_table(raw)), max_names=4)
    loadlab.export.cloudwatch(more, max_names=4)
    found = read_accepted(many.accepted)
    names = {dict(of)["name"] for name, of, _ in found if name == "Requests" and len(of) > 2}
    assert len(names) == 5
    by_name = sum(
        sum(v * n for v, n in values.items()) for (m, of, _), values in found.items() if m == "Requests" and len(of) > 2
    )
    assert by_name == len(raw) + 3 * len(late)


def test_an_empty_run_sends_nothing(many, tmp_path):
    assert loadlab.export.cloudwatch(SampleRun(tmp_path)).requests == 0
    assert many.calls == []
