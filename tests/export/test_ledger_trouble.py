"""A ledger that cannot be written: an error in words, nothing damaged, and nothing sent again while a run goes on."""

import resource

import pytest
from cloudwatch_live import Going, wait_for
from sample_runs import SampleRun, full_run

import loadlab
import loadlab.export
from loadlab.errors import ExportError, StoreUnavailable
from loadlab.export.aws import live as live_module
from loadlab.export.ledger import Ledger
from loadlab.exporting import Exports


@pytest.fixture
def full_disk():
    """A function that lets no file grow beyond so many bytes, as long as the test lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_spoils_nothing(aws, tmp_path, full_disk):
    aws.forward = False
    run, _ = full_run(tmp_path, seconds=20)
    ledger = tmp_path / "ledger.jsonl"
    full_disk(400)  # the first line fits, that of a parcel does not
    with pytest.raises(ExportError, match=r"ledger\.jsonl cannot be written: File too large"):
        loadlab.export.cloudwatch(run, ledger=ledger)
    full_disk(resource.RLIM_INFINITY)
    assert ledger.read_bytes().count(b"\n") == 1
    assert ledger.read_bytes().endswith(b"\n")
    assert aws.accepted == []
    assert loadlab.export.cloudwatch(run, ledger=ledger).left == 0


@pytest.mark.parametrize("step", ["begin", "accept"])
def test_live_sends_nothing_again_while_the_ledger_fails(aws, tmp_path, monkeypatch, step):
    monkeypatch.setattr(live_module, "TICK_S", 0.02)
    aws.forward = False
    works, failed = getattr(Ledger, step), []

    def fail_second(self, *given, **options):
        failed.append(len(aws.accepted))
        if 2 <= len(failed) <= 4:
            raise ExportError("The ledger cannot be written: No space left on device.")
        return works(self, *given, **options)

    monkeypatch.setattr(Ledger, step, fail_second)
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going, resolution="1s")
    monkeypatch.setattr("loadlab.export.aws.packing.MAX_DATUMS", 8)
    for t in range(14):
        going.tell("second", t)
    wait_for(lambda: len(failed) > 6)
    wait_for(lambda: not sending._waiting)
    sending.stop()
    assert "No space left" in sending.errors[0]
    texts = [repr(request) for request in aws.accepted]
    assert len(texts) == len(set(texts))
    assert sending.sent == sum(len(request["MetricData"]) for request in aws.accepted)


class Unreachable:
    """A folder in S3 that is read and cannot be written."""

    def __truediv__(self, name):
        return self

    def __str__(self):
        return "s3://runs/r1"

    def files(self):
        return {}

    def write_bytes(self, data):
        raise StoreUnavailable("S3 answered 503 SlowDown.")


def test_s3_that_fails_leaves_the_verdict_alone(aws, tmp_path):
    run, _ = full_run(tmp_path, seconds=20)
    there = SampleRun(tmp_path, **run.tables)
    there.path = Unreachable()
    test = loadlab.LoadTest(locustfile="a.py", labels=there.info["labels"])
    receipts, (error,) = Exports(["cloudwatch"], test).finish(there)
    assert receipts == []
    assert isinstance(error, ExportError)
    assert "cannot be written: S3 answered 503 SlowDown." in str(error)

    def broken(_):
        raise StoreUnavailable("S3 does not answer.")

    there.table = broken
    _, (error,) = Exports(["cloudwatch"], test).finish(there)
    assert str(error) == "S3 does not answer."
