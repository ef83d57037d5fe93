"""A run that is kept in S3: its ledger is there too, and goes on where the one that it brought along ended."""

from collections import Counter

import pyarrow as pa
import pytest
from cloudwatch_reader import read_accepted
from s3_server import s3_server
from sample_runs import full_run

import loadlab
import loadlab.export
from loadlab import schema, store
from loadlab.errors import ExportError
from loadlab.export.aws import packing
from loadlab.results import Run

RUN_ID = "r20261124-101500-aaaa"


@pytest.fixture
def local(tmp_path):
    """An archived run in a folder."""
    made, _ = full_run(tmp_path, seconds=70)
    info = {"status": "finished", "loadtest": {}, "labels": made.info["labels"], "started": None, "ended": None}
    folder = store.RunFolder.create(tmp_path / "runs", RUN_ID, info)
    folder.write_tables(
        {
            name: pa.Table.from_pandas(frame, schema.arrow_schema(name), preserve_index=False)
            for name, frame in made.tables.items()
        }
    )
    return Run(folder.path)


def test_resumed_from_s3(aws, local, monkeypatch, tmp_path):
    monkeypatch.setattr(packing, "MAX_DATUMS", 16)
    aws.forward = False
    loadlab.export.cloudwatch(local, ledger=tmp_path / "other.jsonl")
    wanted = read_accepted(aws.accepted)
    aws.reset()
    aws.forward = False
    with s3_server() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        s3.make_bucket("team")
        aws.faults = [None, None, "expired"]  # two requests from the folder, as of a run that was sent while it went on
        with pytest.raises(ExportError, match="expired"):
            loadlab.export.cloudwatch(local)
        loadlab.publish(local.path, "s3://team/runs")
        run = loadlab.open_run(RUN_ID, "s3://team/runs")
        aws.faults = [None, "expired"]  # one more from S3
        with pytest.raises(ExportError, match=r"what was accepted is in s3://team/runs/\S+/exports/cloudwatch-"):
            loadlab.export.cloudwatch(run)
        receipt = loadlab.export.cloudwatch(run)
        assert (receipt.before, receipt.left, receipt.in_doubt) == (48, 0, ())
        assert loadlab.export.cloudwatch(run).sent == 0
        assert Counter(aws.operations())["PutMetricData"] == len(aws.accepted) + 2
    assert read_accepted(aws.accepted) == wanted
