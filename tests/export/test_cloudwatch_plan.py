"""What a plan says, what is refused before anything is sent, and what an hour costs."""

import gzip
import json
import time
from datetime import datetime

import boto3
import botocore.session
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from aws_rules import problems
from botocore.serialize import create_serializer
from sample_runs import SampleRun, full_run, recent, requests_table, samples

import loadlab.export
from loadlab import schema
from loadlab.errors import ExportError, SpecError
from loadlab.export.aws.datum import Datum, Metric
from loadlab.export.aws.limits import MAX_BODY_BYTES
from loadlab.export.aws.packing import pack
from loadlab.export.aws.target import read_target

DAY = 86_400


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return full_run(tmp_path_factory.mktemp("run"), seconds=30)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"namespace": "AWS/EC2"}, r"namespace: got 'AWS/EC2'; allowed: 1 to 255 printable ASCII"),
        ({"namespace": ":a"}, "namespace"),
        ({"namespace": "Käse"}, "namespace"),
        ({"namespace": "x" * 256}, "namespace"),
        ({"namespace": ""}, "namespace"),
        ({"resolution": "10s"}, "resolution: got '10s'; allowed: 1s or 1m"),
        ({"resolution": True}, "resolution"),
        ({"max_names": 0}, "max_names"),
        ({"account": "12"}, "account: got '12'; allowed: the 12 digits"),
        ({"service": " "}, "service"),
    ],
)
def test_wrong_arguments(run, options, message):
    with pytest.raises(SpecError, match=message):
        loadlab.export.plan_cloudwatch(run, **options)


@pytest.mark.parametrize("missing", ["service", "environment"])
def test_a_run_without_labels(tmp_path, missing):
    labels = {"service": "shop", "environment": "staging"}
    del labels[missing]
    with pytest.raises(SpecError, match=rf"{missing}: missing; allowed: the label {missing} of the test"):
        loadlab.export.plan_cloudwatch(SampleRun(tmp_path, labels=labels))
    assert loadlab.export.plan_cloudwatch(SampleRun(tmp_path, labels=labels), **{missing: "x"}).numbers["metrics"] == 0


def test_a_dry_run_needs_neither_credentials_nor_network(run, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    receipt = loadlab.export.cloudwatch(run, dry_run=tmp_path / "bodies.ndjson.gz")
    assert str(receipt).endswith(f"written to {tmp_path / 'bodies.ndjson.gz'}. Nothing was sent.")
    for line in gzip.decompress(receipt.file.read_bytes()).splitlines():
        given = json.loads(line)
        for datum in given["MetricData"]:
            datum["Timestamp"] = datetime.fromisoformat(datum["Timestamp"])
        assert problems("PutMetricData", given, body_bytes=len(line), now=time.time()) == []


def test_no_credentials(run, aws, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(ExportError) as raised:
        loadlab.export.cloudwatch(run)
    text = str(raised.value)
    for looked in (
        "AWS_ACCESS_KEY_ID (not set)",
        "credentials file /dev/null/credentials (no such file)",
        f"config file {tmp_path / 'config'} (no profile default with credentials in it)",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI of a container (not set)",
        "AWS_WEB_IDENTITY_TOKEN_FILE (not set)",
        "the instance's metadata (switched off)",
    ):
        assert looked in text
    assert aws.calls == []


def test_half_of_the_credentials(run, aws, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(ExportError, match="AWS_SECRET_ACCESS_KEY") as raised:
        loadlab.export.cloudwatch(run)
    assert "AKIA" not in str(raised.value)


def test_no_region_and_no_such_profile(run, aws, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(ExportError, match=r"no region\. Looked at: the argument region"):
        loadlab.export.cloudwatch(run)
    with pytest.raises(ExportError, match=r"The config profile \(nobody\) could not be found"):
        loadlab.export.cloudwatch(run, profile="nobody", region="eu-west-1")


def test_nobody_there(run, aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ExportError, match=r"STS could not say whose account it is.*give the number as account"):
        loadlab.export.cloudwatch(run)
    with pytest.raises(ExportError, match="Could not connect to the endpoint URL"):
        loadlab.export.cloudwatch(run, account="123456789012", timeout_s=0)


@pytest.mark.parametrize(
    ("offset_s", "message"),
    [(-14 * DAY, "older than two weeks"), (3 * 3600, "more than two hours ahead; is the clock")],
)
def test_too_old_or_ahead(aws, tmp_path, offset_s, message):
    start = int(time.time()) + offset_s
    raw = samples(start, seconds=5)
    with pytest.raises(ExportError, match=message) as raised:
        loadlab.export.cloudwatch(SampleRun(tmp_path, requests=requests_table(raw)))
    assert str(raised.value).endswith("Nothing was sent.")
    assert time.strftime("%Y-%m-%d %H:%M", time.gmtime(start)) in str(raised.value)
    assert aws.calls == []


def test_a_run_that_reaches_back_too_far_is_refused_as_a_whole(aws, tmp_path):
    old, new = samples(int(time.time()) - 15 * DAY, seconds=5), samples(recent(), seconds=5)
    both = pd.concat([old, new])
    with pytest.raises(ExportError, match=r"\d+ of \d+ datums, from .* cannot be sent"):
        loadlab.export.cloudwatch(SampleRun(tmp_path, requests=requests_table(both)))
    assert aws.calls == []


def an_hour(start, *, names=20, rate=5):
    """A requests table of 3600 s: each name answers `rate` requests a second."""
    rows = 3600 * names
    ms = np.random.default_rng(1).lognormal(3, 1.2, rows * rate)
    buckets = np.ceil(np.log(ms) / np.log(schema.GAMMA)).astype(np.int16)
    entries = pa.StructArray.from_arrays([pa.array(buckets), pa.array(np.ones(len(ms), np.int32))], ["bucket", "count"])
    columns = {
        "time": pa.array(np.repeat(start + np.arange(3600), names) * 1_000_000, pa.timestamp("us", "UTC")),
        "name": pa.array([f"/n{i}" for i in range(names)] * 3600).dictionary_encode(),
        "count": pa.array(np.full(rows, rate)),
        "failures": pa.array(np.arange(rows) % 97 == 0).cast(pa.int64()),
        "histogram": pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * rate, entries),
    }
    kind = schema.arrow_schema("requests")
    rest = [field for field in kind if field.name not in columns]
    columns |= {
        field.name: pa.nulls(rows, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in rest
    }
    return schema.to_frame("requests", pa.table([columns[name] for name in kind.names], names=kind.names))


def test_an_hour_of_twenty_names(aws, tmp_path, capsys):
    """The issue's aim: at most 60 requests at a minute's resolution."""
    aws.forward = False
    run = SampleRun(tmp_path, requests=an_hour(recent(2 * 3600)))
    plan = loadlab.export.plan_cloudwatch(run)
    with capsys.disabled():
        print(f"\n{plan}")
    receipt = plan.send()
    assert aws.refused == []
    assert receipt.requests == plan.numbers["requests"] == len(aws.accepted) <= 60
    assert plan.numbers["metrics"] == 20 * 3 + 3 + 1
    assert plan.numbers["dollars a month if a run never stopped, estimated"] == pytest.approx(64 * 0.3)
    assert plan.numbers["dollars for this run, estimated"] < 0.10
    assert max(aws.sizes) <= MAX_BODY_BYTES
    for sent, size in list(zip(aws.accepted, aws.sizes, strict=True))[:-1]:  # filled to one limit or the other
        assert len(sent["MetricData"]) == 1000 or size > 0.85 * MAX_BODY_BYTES


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
def test_both_forms_that_boto3_speaks_keep_to_the_limit(protocol):
    rng = np.random.default_rng(3)
    target = read_target({"service": "s" * 200, "environment": "e"})
    base = (*target.base, ("name", "n" * 1000))
    wide = [
        Datum(60 * i, Metric("ResponseTime", base), tuple(rng.random(150).tolist()), (10**9,) * 150) for i in range(900)
    ]
    whole = [
        Datum(60 * i, Metric("Users", base), tuple(map(float, range(i % 7 + 1))), (1,) * (i % 7 + 1))
        for i in range(2500)
    ]
    model = botocore.session.get_session().get_service_model("cloudwatch")
    serializer = create_serializer(protocol)
    for datums in (wide, whole):
        parcels = pack(datums, target)
        sizes = []
        for parcel in parcels:
            made = serializer.serialize_to_request(json.loads(parcel.body), model.operation_model("PutMetricData"))
            sizes.append(len(made["body"]))
            assert parcel.items <= 1000
        assert max(sizes) <= MAX_BODY_BYTES
        assert sum(parcel.items for parcel in parcels) == len(datums)
