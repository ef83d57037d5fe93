"""The dashboard's body against the published structure, and that it is put once."""

import json

import boto3
import jsonschema
import pytest
from aws_rules import DASHBOARD_SCHEMA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_runs import SampleRun, full_run

import loadlab.export
from loadlab.errors import ExportError, SpecError


def check(body):
    jsonschema.Draft202012Validator(DASHBOARD_SCHEMA).validate(body)


def charts(body):
    return {
        widget["properties"]["title"]: widget["properties"] for widget in body["widgets"] if widget["type"] == "metric"
    }


def test_it_holds_what_a_load_test_is_read_by(tmp_path, aws):
    run, _ = full_run(tmp_path)
    receipt = loadlab.export.cloudwatch_dashboard(run, dry_run=tmp_path / "dashboard.json")
    assert str(receipt).endswith("Nothing was sent.")
    body = json.loads((tmp_path / "dashboard.json").read_text())
    check(body)
    assert aws.calls == []
    found = charts(body)
    base = ["service", "shop", "environment", "staging"]
    assert [line[-1]["stat"] for line in found["Response time"]["metrics"]] == ["p50", "p95", "p99"]
    assert all(line[:-1] == ["LoadLab/shop", "ResponseTime", *base] for line in found["Response time"]["metrics"])
    assert [line[0]["expression"] for line in found["Failed requests"]["metrics"] if len(line) == 1] == [
        "100 * failures / requests"
    ]
    throughput = found["Throughput"]["metrics"]
    assert [line[0]["expression"] for line in throughput if len(line) == 1] == [
        "(requests - failures) / seconds",
        "failures / seconds",
    ]
    assert [line[1:] for line in throughput if line[-1].get("id") == "seconds"] == [
        ["Users", *base, {"stat": "SampleCount", "id": "seconds", "visible": False}]
    ]
    assert "kind" in found["Errors by kind"]["metrics"][0][0]["expression"]
    assert {line[1] for line in found["Users"]["metrics"]} == {"Users"}
    assert found["CPU of the load generators"]["annotations"]["horizontal"][0]["value"] == 90
    assert {line[1] for line in found["Saturation of the target"]["metrics"]} == {"signal.pod_cpu"}
    assert {line[1] for line in found["Business metrics"]["metrics"]} == {"metric.checkouts", "gauge.carts"}
    for chart in found.values():
        assert chart["region"] == "eu-west-1"
        assert chart["annotations"]["vertical"] == [
            [
                {"value": "2026-11-24T10:15:00.000Z", "label": run.id},
                {"value": "2026-11-24T11:15:00.000Z", "label": "end"},
            ]
        ]


def test_the_latest_runs_are_marked(tmp_path, aws):
    runs = [SampleRun(tmp_path, run_id=f"r{day}") for day in range(1, 29)]
    for day, run in enumerate(runs, 1):
        run.info |= {"started": f"2026-11-{day:02}T10:00:00Z", "ended": None}
    loadlab.export.cloudwatch_dashboard(runs[::-1], dry_run=tmp_path / "d.json")
    body = json.loads((tmp_path / "d.json").read_text())
    check(body)
    marks = charts(body)["Users"]["annotations"]["vertical"]
    assert [mark["label"] for mark in marks] == [f"r{day}" for day in range(9, 29)]


def test_put_once(tmp_path, aws):
    run, _ = full_run(tmp_path)
    made = loadlab.export.cloudwatch_dashboard(run)
    assert (made.name, made.state) == ("LoadLab-shop-staging", "created")
    assert "region=eu-west-1#dashboards:name=LoadLab-shop-staging" in made.url
    again = loadlab.export.cloudwatch_dashboard(run)
    assert (again.state, again.body) == ("unchanged", made.body)
    assert aws.operations() == ["GetDashboard", "PutDashboard", "GetDashboard"]
    assert aws.refused == []
    there = boto3.DEFAULT_SESSION.client("cloudwatch", "eu-west-1").get_dashboard(DashboardName=made.name)
    assert json.loads(there["DashboardBody"]) == json.loads(made.body)
    run.info["ended"] = None
    assert loadlab.export.cloudwatch_dashboard(run).state == "changed"


def test_without_a_run(tmp_path, aws):
    made = loadlab.export.cloudwatch_dashboard(service="pay", environment="prod", name="pay")
    check(json.loads(made.body))
    assert made._repr_html_().startswith("<p>Dashboard <a href")
    with pytest.raises(SpecError, match="service: missing"):
        loadlab.export.cloudwatch_dashboard(environment="prod")
    with pytest.raises(SpecError, match="name: got 'a b'"):
        loadlab.export.cloudwatch_dashboard(service="pay", environment="prod", name="a b")


def test_refused_by_iam(tmp_path, aws, monkeypatch):
    from loadlab.export.aws import dashboard

    def deny(*_, **__):
        raise loadlab.export.NotDelivered("AWS answered 403 AccessDenied: no")

    monkeypatch.setattr(dashboard, "call_patiently", deny)
    with pytest.raises(ExportError, match="could not be made: AWS answered 403 AccessDenied"):
        loadlab.export.cloudwatch_dashboard(service="pay", environment="prod")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    service=st.text(min_size=1, max_size=20).filter(str.strip), environment=st.sampled_from(["a'b", 'a"b', "a\\", "e"])
)
def test_any_service(tmp_path, aws, service, environment):
    run = SampleRun(tmp_path, labels={"service": service, "environment": environment})
    made = loadlab.export.cloudwatch_dashboard(run, dry_run=tmp_path / "d.json")
    check(json.loads(made.body))
    quoted = any(char in environment + service for char in "'\"\\")
    assert ("SEARCH" in made.body) != quoted
