"""A run that is sent while it goes on: complete periods only, exact in the end, and never in the run's way."""

import re
import time

import pytest
from click.testing import CliRunner
from cloudwatch_live import BASE, Going, wait_for
from cloudwatch_reader import read_accepted, sample_count, series, total

import loadlab
import loadlab.export
from loadlab.cli import main
from loadlab.errors import ExportError, SpecError
from loadlab.export.aws import live as live_module

PLAIN = """
from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get("/")
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(live_module, "TICK_S", 0.02)
    monkeypatch.setattr(live_module, "ATTEMPT_S", 0.0)


def test_only_what_is_complete_is_sent(aws, tmp_path):
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(64):
        going.tell("second", t)
    time.sleep(0.2)
    assert aws.accepted == []  # the minute is over, but late parts may come
    going.tell("second", 64)
    wait_for(lambda: aws.accepted)
    found = read_accepted(aws.accepted)
    assert {second for _, _, second in found} == {going.start}
    assert total(series(found, "Requests", **BASE)[going.start]) == 600
    wait_for(lambda: sending.sent)
    assert sending.errors == []
    assert f"{sending.sent:,} datums sent to CloudWatch" in sending.status_line()
    going.end()
    receipt = sending.finish(going.recorded())
    check_exact(aws, going)
    assert receipt.sent == 0
    assert receipt.before == sending.sent


def check_exact(aws, going):
    """CloudWatch holds what the archive holds, late parts included."""
    found = read_accepted(aws.accepted)
    tables = going.tables.frames()
    assert aws.refused == []
    assert sum(map(total, series(found, "Requests", **BASE).values())) == tables["requests"]["count"].sum()
    named = series(found, "Requests", **BASE, request_type="GET", name="/")
    assert sum(map(total, named.values())) == tables["requests"]["count"].sum()
    timed = sum(map(sample_count, series(found, "ResponseTime", **BASE).values()))
    assert timed == sum(entry["count"] for row in tables["requests"]["histogram"] for entry in row)
    assert sum(map(total, series(found, "Errors", **BASE, kind="HTTP 500").values())) == tables["errors"]["count"].sum()
    assert sum(map(total, series(found, "metric.checkouts", **BASE).values())) == tables["metrics"]["value"].sum()
    cpu = sum(map(sample_count, series(found, "GeneratorCPU", **BASE).values()))
    assert cpu == len(tables["generators"])
    seconds = sum(map(sample_count, series(found, "Users", **BASE).values()))
    assert seconds == tables["users"]["time"].nunique()


def test_late_parts_are_added(aws, tmp_path):
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(70):
        going.tell("second", t)
    wait_for(lambda: aws.accepted)
    going.tell("amend", 30, count=7, users=3, worker="w2")
    for t in range(70, 130):
        going.tell("second", t)
    wait_for(lambda: len(aws.accepted) >= 2)
    going.tell("amend", 31, count=9, users=3, worker="w2")
    going.end()
    receipt = sending.finish(going.recorded())
    assert receipt.sent > 0
    check_exact(aws, going)


def test_a_worker_that_is_missing_holds_its_period_up(aws, tmp_path):
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(80):
        going.tell("second", t, missing=["w2"] if t == 50 else [])
    time.sleep(0.2)
    assert aws.accepted == []
    going.tell("amend", 50, worker="w2")
    wait_for(lambda: aws.accepted)
    going.end()
    sending.finish(going.recorded())
    check_exact(aws, going)


@pytest.mark.parametrize("fault", ["throttled", "expired", "cut before"])
def test_what_goes_wrong_stays_out_of_the_run(aws, tmp_path, fault):
    aws.faults = [fault] * 3
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(70):
        going.tell("second", t)
    wait_for(lambda: len(sending.errors) >= 3)
    assert "UTC: " in sending.errors[0]
    wait_for(lambda: aws.accepted)
    going.end()
    sending.finish(going.recorded())
    check_exact(aws, going)


def test_without_credentials_the_run_goes_on(aws, tmp_path, monkeypatch):
    going = Going(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    sending = loadlab.export.cloudwatch(going)
    going.tell("second", 0)
    wait_for(lambda: sending.errors)
    going.end()
    with pytest.raises(ExportError, match="STS could not say"):
        sending.finish(going.recorded())
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    loadlab.export.cloudwatch(going.recorded())  # and later everything is sent
    check_exact(aws, going)


def test_a_kernel_that_died_is_resumed_from_the_archive(aws, tmp_path):
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(70):
        going.tell("second", t)
    wait_for(lambda: sending.sent)
    sending.stop()
    receipt = loadlab.export.cloudwatch(going.recorded())
    assert receipt.before == sending.sent
    check_exact(aws, going)


def test_wrong_arguments_are_told_at_once(aws, tmp_path):
    with pytest.raises(SpecError, match="environment: missing"):
        loadlab.export.cloudwatch(Going(tmp_path, service="shop"))
    with pytest.raises(SpecError, match="dry_run"):
        loadlab.export.cloudwatch(Going(tmp_path), dry_run=True)
    with pytest.raises(SpecError, match="12 digits"):
        loadlab.export.cloudwatch(Going(tmp_path), account="1")


def test_a_real_run(aws, tmp_path, monkeypatch):
    """Real Locust through `loadlab run --export`, against moto's own server as the target."""
    monkeypatch.setattr(live_module, "GRACE_S", 1)
    aws.forward = False
    (tmp_path / "plain.py").write_text(PLAIN)
    words = ["--host", f"http://{aws.moto[0]}:{aws.moto[1]}", "--users", "3", "--spawn-rate", "30", "--run-time", "3s"]
    words += ["--locustfile", str(tmp_path / "plain.py"), "--runs", str(tmp_path / "runs"), "--export", "cloudwatch"]
    missing = CliRunner().invoke(main, ["run", *words], prog_name="loadlab")
    assert (missing.exit_code, "service and environment: missing" in missing.stderr) == (2, True)
    assert not (tmp_path / "runs").exists()  # told before any load
    words += ["--label", "service=shop", "--label", "environment=staging"]
    with monkeypatch.context() as nowhere:
        nowhere.delenv("AWS_REGION")
        blind = CliRunner().invoke(main, ["run", *words], prog_name="loadlab")
    assert (blind.exit_code, "AWS: no region" in blind.stderr) == (4, True)
    assert not (tmp_path / "runs").exists()
    ran = CliRunner().invoke(main, ["run", *words], prog_name="loadlab")
    assert ran.exit_code == 3, ran.output  # three seconds prove nothing
    # its last seconds were sent before the run was archived, so that nothing was left
    assert re.search(r"nothing is left to send, \d+ had been sent before", ran.stderr), ran.stderr
    run = loadlab.open_run("latest", tmp_path / "runs")
    found = read_accepted(aws.accepted)
    assert aws.refused == []
    sums = {second: total(values) for second, values in series(found, "Requests", **BASE).items()}
    sent = {second: requests for second, requests in sums.items() if requests}  # users may begin in a minute before
    minutes = run.requests["time"].to_numpy("datetime64[s]").astype(int) // 60 * 60
    assert sent == run.requests["count"].groupby(minutes).sum().to_dict()


def test_an_export_that_fails_leaves_the_run_alone(aws, tmp_path, monkeypatch):
    from loadlab.exporting import Exports

    test = loadlab.LoadTest(locustfile="a.py", labels=BASE)
    with pytest.raises(SpecError, match="Did you mean 'cloudwatch'"):
        Exports(["cloudwath"], test)
    aws.faults = ["expired"] * 10_000
    going, told = Going(tmp_path), []
    exports = Exports(["cloudwatch"], test)
    said = []
    watch = exports.beside(told.append, said.append)
    watch(going)
    going.tell("second", 0)
    watch(going)
    assert told == [going, going]
    going.end()
    wait_for(lambda: exports._sending.errors)
    for _ in range(3):
        watch(going)
    assert len([line for line in said if "have expired" in line]) == 1
    assert said[0].startswith("export: ")
    receipts, (error,) = exports.finish(going.recorded())
    assert receipts == []
    assert "have expired" in str(error)
    aws.faults = []
    (receipt,), errors = Exports(["cloudwatch"], test).finish(going.recorded())  # of a run too short to be seen going
    assert (receipt.left, errors) == (0, [])
    check_exact(aws, going)
