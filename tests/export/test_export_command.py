"""`loadlab export cloudwatch` on an archived run, and what docs/cloudwatch.md promises of it."""

import json
import re
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from click.testing import CliRunner
from sample_runs import full_run

from loadlab import schema, store
from loadlab.cli import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "cloudwatch.md"
SOURCES = Path(__file__).parents[2] / "loadlab" / "export" / "aws"


@pytest.fixture
def archived(tmp_path, monkeypatch):
    """A folder with two archived runs of the same service in ``runs/``; the latest has criteria."""
    monkeypatch.chdir(tmp_path)
    for number, run_id in enumerate(("r20261124-101500-aaaa", "r20261124-111500-bbbb")):
        made, _ = full_run(tmp_path, seconds=30)
        info = {
            "status": "finished",
            "loadtest": {"criteria": ["p99 < 300ms", "p99(GET /c*) < 1s"]},
            "labels": {"service": "shop", "environment": "staging"},
            "versions": {},
            "launcher": "local",
            "started": f"2026-11-24T1{number}:15:00.000Z",
            "ended": f"2026-11-24T1{number}:16:00.000Z",
        }
        folder = store.RunFolder.create("runs", run_id, info)
        tables = {
            name: pa.Table.from_pandas(frame, schema.arrow_schema(name), preserve_index=False)
            for name, frame in made.tables.items()
        }
        folder.write_tables(tables)
    return tmp_path


@pytest.fixture
def command():
    return lambda *words: CliRunner().invoke(main, ["export", "cloudwatch", *words], prog_name="loadlab")


def test_a_plan_and_a_dry_run(archived, aws, command):
    planned = command("--plan")
    assert planned.exit_code == 0, planned.output
    assert planned.stdout.startswith("Run r20261124-111500-bbbb to CloudWatch as LoadLab/shop, service shop")
    assert re.search(r"^ +[\d,.]+  dollars for this run, estimated$", planned.stdout, re.MULTILINE)
    words = ("--dry-run", "out.ndjson", "--dashboard", "--alarms", "--resolution", "1s", "--environment", "prod")
    dry = command(*words)
    assert dry.exit_code == 0, dry.output
    assert "Nothing was sent." in dry.stdout
    assert aws.calls == []
    first = json.loads(Path("out.ndjson").read_text().splitlines()[0])
    assert first["MetricData"][0]["Dimensions"][1] == {"Name": "environment", "Value": "prod"}
    assert first["MetricData"][0]["StorageResolution"] == 1
    assert json.loads(Path("out.ndjson.dashboard.json").read_text())["widgets"]
    assert len(Path("out.ndjson.alarms.ndjson").read_text().splitlines()) == 1


def test_everything(archived, aws, command):
    sent = command(
        "--dashboard", "--alarms", "--alarm", "rps < 1 for 5m", "--tag", "team=shop", "--action", "arn:aws:sns:x"
    )
    assert sent.exit_code == 0, sent.output
    assert aws.refused == []
    assert "sent" in sent.stdout
    assert "dashboard LoadLab-shop-staging: created" in sent.stdout
    assert "created: LoadLab shop staging: p99 < 300ms" in sent.stdout
    assert "created: LoadLab shop staging: rps < 1 for 5m" in sent.stdout
    assert "no alarm: p99(GET /c*) < 1s" in sent.stdout
    client = boto3.DEFAULT_SESSION.client("cloudwatch", "eu-west-1")
    body = client.get_dashboard(DashboardName="LoadLab-shop-staging")["DashboardBody"]
    assert "r20261124-101500-aaaa" in body  # the other run of the service is marked too
    assert len(client.describe_alarms()["MetricAlarms"]) == 2
    again = command("--dashboard", "--alarms", "--alarm", "rps < 1 for 5m", "--action", "arn:aws:sns:x")
    assert "nothing is left to send" in again.stdout
    assert "dollars for this run" in sent.stdout
    assert "dollars" not in again.stdout  # nothing more to pay
    assert "LoadLab-shop-staging: unchanged" in again.stdout
    assert again.stdout.count("unchanged: LoadLab") == 2


def test_a_plan_with_everything(archived, aws, command, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    planned = command("--plan", "--dashboard", "--alarms", "--alarm", "rps < 1 for 5m")
    assert planned.exit_code == 0, planned.output
    assert "The verdict of this run is invalid: " in planned.stdout
    assert "dollars a month if run every night, estimated" in planned.stdout
    assert "planned: dashboard LoadLab-shop-staging\n  - $3.00 a month where" in planned.stdout
    assert "planned: LoadLab shop staging: rps < 1 for 5m\n" in planned.stdout
    assert "\n  - \n" not in planned.stdout
    assert planned.stdout.endswith("2 alarms, about $0.50 a month.\n")
    assert aws.calls == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--alarm", "p99 < 300ms", "--alarm", "p99 << 1s"), "--alarm: "),
        (("--alarms", "--action", "topic"), "--action: got ['topic']"),
        (("--alarms", "--tag", "aws:x=y"), "--tag: got {'aws:x': 'y'}"),
        (("--alarms", "--tag", "team"), "--tag: got 'team'"),
        (("--alarm", ""), "--alarm: got ''"),
        (("--action", "arn:aws:sns:x"), "--action: got ['arn:aws:sns:x']; allowed: only with --alarms or --alarm"),
        (("--dashboard", "--tag", "team=shop"), "--tag: got {'team': 'shop'}; allowed: only with --alarms or --alarm"),
        (("--account", "1"), "account: got '1'"),
    ],
)
def test_every_option_is_read_before_anything_is_sent(archived, aws, command, words, told):
    refused = command(*words)
    assert (refused.exit_code, told in refused.stderr) == (2, True), refused.output
    assert aws.calls == []


def test_how_it_ends(archived, aws, command, monkeypatch):
    wrong = command("--resolution", "5s")
    assert (wrong.exit_code, "allowed: 1s or 1m" in wrong.stderr) == (2, True)
    assert command("r2026-none").exit_code == 2
    misspelt = CliRunner().invoke(main, ["export", "cloudwath"], prog_name="loadlab")
    assert (misspelt.exit_code, "Did you mean 'cloudwatch'?" in misspelt.stderr) == (2, True)
    aws.faults = ["expired"]
    expired = command("--environment", "other")
    assert expired.exit_code == 4
    assert "To send the rest: loadlab export cloudwatch runs/r20261124-111500-bbbb, same options" in expired.stderr


def test_the_policy_allows_exactly_the_calls_that_are_made():
    (policy,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    allowed = set()
    for statement in json.loads(policy)["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
    source = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    called = set(re.findall(r'"((?:put|get|describe|list|delete)_[a-z_]+)"', source)) - {"get_caller_identity"}
    names = {f"cloudwatch:{''.join(word.title() for word in name.split('_'))}" for name in called}
    assert names == allowed - {"cloudwatch:TagResource"}  # asked for by PutMetricAlarm with tags


def test_every_metric_is_described(tmp_path):
    from loadlab.export import plan_cloudwatch

    run, _ = full_run(tmp_path, seconds=20)
    sent = {datum.metric.name for datum in plan_cloudwatch(run).place.built.datums}
    named = set(re.findall(r"^\| `([\w.<>]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert {re.sub(r"^(metric|gauge|signal)\..*", r"\1.<name>", name) for name in sent} == named
