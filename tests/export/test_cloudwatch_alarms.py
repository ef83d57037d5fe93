"""Criteria as alarms: what CloudWatch can express, what not and why, and that each is put once."""

import json
import math
import time

import boto3
import numpy as np
import pytest
from aws_rules import problems
from criteria_strategies import CRITERIA
from hypothesis import HealthCheck, given, settings
from metric_math import evaluate, read_series
from raw_samples import requests_table, table
from sample_runs import SampleRun, at, full_run, samples

import loadlab.export
from loadlab.errors import ExportError, SpecError
from loadlab.export.aws import alarms as alarms_module
from loadlab.export.aws.alarms import plan_alarms
from loadlab.export.aws.target import read_target
from loadlab.spec import Criteria

BASE = [{"Name": "service", "Value": "shop"}, {"Name": "environment", "Value": "staging"}]
CART = [*BASE, {"Name": "request_type", "Value": "GET"}, {"Name": "name", "Value": "/cart"}]


def target(**options):
    return read_target({"service": "shop", "environment": "staging"}, **options)


def the_alarm(text, run=None, **options):
    report = plan_alarms(text, target(**options), run)
    assert report.refused == ()
    (alarm,) = report.alarms
    assert problems("PutMetricAlarm", alarm.parameters, body_bytes=0, now=0) == []
    return alarm.parameters


def the_reason(text, run=None, **options):
    report = plan_alarms(text, target(**options), run)
    assert report.alarms == ()
    ((_, reason),) = report.refused
    return reason


def picked(parameters, *names):
    return tuple(parameters.get(name) for name in names)


TIMING = ("Period", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData")


@pytest.mark.parametrize(
    ("text", "timing"),
    [
        ("p99 < 300ms", (60, 1, 1, "GreaterThanOrEqualToThreshold", 300, "notBreaching")),
        ("p99.9 <= 2s over 5m", (300, 1, 1, "GreaterThanThreshold", 2000, "notBreaching")),
        ("p95 > 2s for 5m", (60, 5, 5, "GreaterThanThreshold", 2000, "notBreaching")),
        ("p95 < 2s for 5m", (60, 5, 5, "GreaterThanOrEqualToThreshold", 2000, "notBreaching")),
        ("mean(GET /cart) < 80ms over 1m for 10m", (60, 10, 10, "GreaterThanOrEqualToThreshold", 80, "notBreaching")),
        ("users >= 100 for 3m", (60, 3, 3, "LessThanThreshold", 100, "notBreaching")),
        ("signal(pod_cpu) < 80% for 10m", (60, 10, 10, "GreaterThanOrEqualToThreshold", 80, "notBreaching")),
        ("count(error:timeout) == 0", (60, 1, 1, "GreaterThanThreshold", 0, "notBreaching")),
        ("count >= 1000 over 5m", (300, 1, 1, "LessThanThreshold", 1000, "notBreaching")),
        ("count < 1 over 1m for 5m", (60, 5, 5, "LessThanThreshold", 1, "breaching")),
    ],
)
def test_one_metric(text, timing):
    assert picked(the_alarm(text), *TIMING) == timing


def test_statistics_and_dimensions():
    p99 = the_alarm("p99(GET /cart) < 300ms")
    assert picked(p99, "Namespace", "MetricName", "ExtendedStatistic", "Statistic") == (
        "LoadLab/shop",
        "ResponseTime",
        "p99",
        None,
    )
    assert p99["Dimensions"] == CART
    assert p99["EvaluateLowSampleCountPercentile"] == "ignore"  # too few samples are no verdict here either
    assert the_alarm("p99.9 < 2s")["ExtendedStatistic"] == "p99.9"
    assert the_alarm("p29 < 2s")["ExtendedStatistic"] == "p29"
    assert picked(the_alarm("max(POST /pay) < 2s"), "Statistic", "MetricName") == ("Maximum", "ResponseTime")
    assert picked(the_alarm("signal(pod_cpu) > 5%"), "Statistic", "MetricName") == ("Minimum", "signal.pod_cpu")
    timeout = the_alarm("count(error:timeout) == 0")
    assert timeout["Dimensions"] == [*BASE, {"Name": "kind", "Value": "timeout"}]
    assert timeout["MetricName"] == "Errors"


def test_rates_and_ratios():
    rps = the_alarm("rps < 1 for 5m")
    assert picked(rps, "EvaluationPeriods", "ComparisonOperator", "Threshold", "TreatMissingData") == (
        5,
        "LessThanThreshold",
        1.0,
        "breaching",
    )
    assert evaluate(rps, requests=[600], failures=[60], seconds=[60], users=[5]) == [9.0]
    assert {each["MetricStat"]["Stat"] for each in rps["Metrics"] if "MetricStat" in each} == {
        "Sum",
        "SampleCount",
        "Maximum",
    }
    kept = the_alarm("rps >= 450")
    assert picked(kept, "ComparisonOperator", "Threshold", "TreatMissingData") == (
        "LessThanThreshold",
        450,
        "notBreaching",
    )
    ratio = the_alarm("error_ratio(GET /cart) < 1% over 5m")
    assert picked(ratio, "ComparisonOperator", "Threshold") == ("GreaterThanOrEqualToThreshold", 0.01)
    assert evaluate(ratio, requests=[200], failures=[5]) == [0.025]
    assert ratio["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"] == CART
    assert ratio["Metrics"][0]["MetricStat"]["Period"] == 300
    assert evaluate(the_alarm("metric(checkouts) > 10/s"), counted=[300], seconds=[60]) == [5.0]


@pytest.mark.parametrize(("resolution", "period_s"), [("1m", 60), ("1s", 10)])
def test_a_healthy_run_has_no_drop_at_its_ends(tmp_path, resolution, period_s):
    """It begins 17 s into a minute and ends 17 s into another; its rate is the same all the time."""
    start = int(time.time()) // 60 * 60 - 3600 + 17
    raw = samples(start, seconds=180, rate=20)
    raw["second"], raw["failed"] = start + np.arange(len(raw)) // 20, False
    users = [{"time": at(t), "user_class": name, "users": 3} for t in range(start, start + 180) for name in "AB"]
    run = SampleRun(tmp_path, requests=requests_table(raw), users=table("users", users))
    datums = loadlab.export.plan_cloudwatch(run, resolution=resolution).place.built.datums
    drops = the_alarm("rps drops > 30% within 15m", run, resolution=resolution)
    _, series = read_series(drops, datums)
    assert sum(series["seconds"]) == 180
    assert (series["seconds"][0], series["seconds"][-1]) == ((43, 17) if period_s == 60 else (3, 7))
    assert max(evaluate(drops, **series)) == 0
    assert set(evaluate(the_alarm("rps > 1", run), **series)) == {20}


def test_falling_faster_than():
    drops = the_alarm("rps drops > 50% within 15m")
    assert picked(drops, "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold") == (
        15,
        1,
        "GreaterThanThreshold",
        0.5,
    )
    quiet = np.zeros(5)
    for requests, highest in (
        ([6000, 6000, 6000, 6000, 2400], 0.6),  # fell by 60 %
        ([6000, 4500, 3500, 3000, 2700], 0.55),  # bit by bit, against the highest of all
        ([600, 1200, 3000, 6000, 6000], 0.0),  # a rise is no fall, although its beginning lies below the highest
        ([6000, 1000, 6000, 6000, 6000], 0.0),  # over
    ):
        values = evaluate(drops, requests=requests, failures=quiet, seconds=quiet + 60, users=quiet + 5)
        assert max(values) == pytest.approx(highest)
    rises = the_alarm("p99(GET /cart) rises > 100% within 10m")
    assert max(evaluate(rises, times=[100, 90, 120, 260])) == pytest.approx(260 / 90 - 1)


def notes_of(text):
    (alarm,) = plan_alarms(text, target()).alarms
    assert all(note in alarm.parameters["AlarmDescription"] for note in alarm.notes)
    return alarm.notes


def test_notes_say_what_missing_data_does_and_whether_the_ramp_counts():
    for absent in ("rps < 1 for 5m", "count < 1 over 1m for 5m", "rps(GET /cart) <= 1 for 5m"):
        assert "without data it goes off, also between two runs" in notes_of(absent)
        assert "without data, between two runs, all is well" not in notes_of(absent)
    for text in ("rps >= 450", "rps drops > 50% within 15m", "p99 > 2s for 5m", "count >= 1000 over 5m"):
        assert "without data, between two runs, all is well" in notes_of(text)
    assert "the ramp counts here" in notes_of("p99 < 300ms")
    assert "the ramp counts here" not in notes_of("p99 < 300ms from start")


def test_equality():
    equal = the_alarm("users == 50")
    assert picked(equal, "ComparisonOperator", "Threshold") == ("GreaterThanThreshold", 0.5)
    assert list(evaluate(equal, users=[50, 49])) == [0, 1]
    assert list(evaluate(the_alarm("users != 0"), users=[50, 0])) == [0, 1]


def test_fine_periods():
    assert picked(the_alarm("p99 > 2s for 1m", resolution="1s"), "Period", "EvaluationPeriods") == (10, 6)
    assert picked(the_alarm("error_ratio < 1% over 30s", resolution="1s"), "EvaluationPeriods") == (1,)
    assert the_alarm("p99 < 1s over 30s", resolution="1s")["Period"] == 30


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("p99(GET /cart*) < 1s", "the pattern '/cart*' means many metrics; an alarm watches one, and takes no SEARCH"),
        ('p99(GET "*") < 1s', "the pattern '*' means many metrics"),
        ("p99(/cart) < 1s", "the request type is a dimension too: write it, as in 'GET /cart', or give a run"),
        ("count(error:HTTP ?) == 0", "the pattern 'HTTP ?' means many"),
        ("count >= 1000", "a number of requests of a whole run: CloudWatch knows no runs; give it a window"),
        ("count(error:x) < 5", "a number of failures of a whole run"),
        (
            "error_ratio < 1% over 30s",
            "30s is less than the shortest period of an alarm, 1m; with resolution 1s it can be 10 s",
        ),
        ("p99 > 2s for 90s", "1m30s is not a number of whole periods of 1m; with resolution 1s a period can be 10 s"),
        ("p99 > 2s for 25h", "1d1h is too long: such an alarm looks back 1d at most"),
        ("p99 < 2s over 8d", "8d is too long: such an alarm looks back 7d at most"),
        ("rps drops > 50% within 60s", "1m is not a number of whole periods"),
        ("error_ratio < 1% over 90s", "a window of 1m30s: alarms have periods of whole minutes; with resolution 1s"),
    ],
)
def test_what_cannot_be_expressed(text, reason):
    assert reason in the_reason(text)


def test_no_period_is_so_short():
    short = the_reason("p99 > 2s for 5s", resolution="1s")
    assert short == "5s is less than the shortest period of an alarm, 10s"


def test_a_run_fills_in_what_is_missing(tmp_path):
    run, _ = full_run(tmp_path)
    assert the_reason("p99(/cart) < 1s", run).startswith("'/cart' is GET and POST, which are metrics of their own")
    assert "did you mean '/cart'?" in the_reason("p99(GET /crat) < 1s", run)
    assert "did you mean 'checkouts'?" in the_reason("metric(checkout) > 1", run)
    assert the_alarm("metric(carts) < 20", run)["MetricName"] == "gauge.carts"
    assert the_alarm("metric(checkouts) > 5 over 1m", run)["MetricName"] == "metric.checkouts"
    run.tables["requests"] = run.tables["requests"][run.tables["requests"]["request_type"] == "GET"]
    assert the_alarm("p99(/cart) < 1s", run)["Dimensions"] == CART


def test_kinds_of_failures_are_spelt_as_the_run_spells_them(tmp_path):
    run, _ = full_run(tmp_path)
    spelt = plan_alarms("count(error:http_501) == 0", target(), run).alarms[0]
    assert spelt.parameters["Dimensions"] == [*BASE, {"Name": "kind", "Value": "HTTP 501"}]
    (unknown,) = plan_alarms("count(error:timeout) == 0", target(), run).alarms
    assert unknown.parameters["Dimensions"] == [*BASE, {"Name": "kind", "Value": "timeout"}]
    assert "(there are: HTTP 500, HTTP 501, HTTP 502)" in "; ".join(unknown.notes)


def test_a_signal_that_the_run_does_not_have(tmp_path):
    run, _ = full_run(tmp_path)
    assert the_alarm("signal(pod_cpu) < 80%", run)["MetricName"] == "signal.pod_cpu"
    assert the_reason("signal(pod_cpus) < 80%", run) == "the run has no signal 'pod_cpus'; did you mean 'pod_cpu'?"


def test_put_once(tmp_path, aws, monkeypatch):
    waited = []
    monkeypatch.setattr(alarms_module.time, "sleep", waited.append)
    run, _ = full_run(tmp_path)
    topic = "arn:aws:sns:eu-west-1:123456789012:load"
    text = "p99 < 300ms else stop; p99 < 300ms; rps < 1 for 5m; rps drops > 50% within 15m; p99(GET /*) < 1s"
    made = loadlab.export.cloudwatch_alarms(text, run, actions=[topic], tags={"team": "shop"})
    assert [alarm.state for alarm in made.alarms] == ["created"] * 3
    assert [criterion for criterion, _ in made.refused] == ["p99(GET /*) < 1s"]
    assert made.alarms[0].name == "LoadLab shop staging: p99 < 300ms"
    assert made.dollars_a_month == pytest.approx(0.1 + 0.4 + 0.4)
    assert waited == [0.4, 0.4]  # three a second are allowed
    again = loadlab.export.cloudwatch_alarms(text, run, actions=[topic], tags={"team": "shop"})
    assert [alarm.state for alarm in again.alarms] == ["unchanged"] * 3
    assert aws.operations() == ["DescribeAlarms", *["PutMetricAlarm"] * 3, "DescribeAlarms"]
    assert aws.refused == []
    there = boto3.DEFAULT_SESSION.client("cloudwatch", "eu-west-1").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in there} == {alarm.name for alarm in made.alarms}
    assert all(alarm["AlarmActions"] == [topic] for alarm in there)
    changed = loadlab.export.cloudwatch_alarms("p99 < 300ms", run)
    assert [alarm.state for alarm in changed.alarms] == ["changed"]  # it had an action
    assert "no alarm: p99(GET /*) < 1s" in str(made)
    assert "<table>" in made._repr_html_()


def test_denied_in_the_middle(tmp_path, aws, monkeypatch):
    run, _ = full_run(tmp_path)
    monkeypatch.setattr(alarms_module.time, "sleep", lambda _: None)
    calls = alarms_module.call_patiently

    def deny_second(client, operation, end, **parameters):
        if parameters.get("AlarmName", "").endswith("rps >= 5"):
            raise loadlab.export.NotDelivered("AWS answered 403 AccessDenied: no")
        return calls(client, operation, end, **parameters)

    monkeypatch.setattr(alarms_module, "call_patiently", deny_second)
    with pytest.raises(ExportError, match=r"1 of 2 alarms are in place.*Not made: LoadLab shop staging: rps >= 5"):
        loadlab.export.cloudwatch_alarms("p99 < 1s; rps >= 5", run)


def test_a_dry_run(tmp_path, aws):
    made = loadlab.export.cloudwatch_alarms(
        "p99 < 1s; rps >= 5", service="shop", environment="staging", dry_run=tmp_path / "a.ndjson"
    )
    assert [json.loads(line) for line in made.file.read_text().splitlines()] == [a.parameters for a in made.alarms]
    assert aws.calls == []


@pytest.mark.parametrize("options", [{"actions": "arn:x"}, {"actions": ["topic"]}, {"tags": {"aws:x": "y"}}])
def test_wrong_arguments(options):
    with pytest.raises(SpecError):
        plan_alarms("p99 < 1s", target(), **options)
    with pytest.raises(SpecError):
        plan_alarms("p99 << 1s", target())


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(criterion=CRITERIA)
def test_any_criterion_becomes_a_valid_alarm_or_a_reason(criterion):
    for resolution in ("1s", "1m"):
        report = plan_alarms(criterion, target(resolution=resolution))
        assert len(report.alarms) + len(report.refused) == 1
        for alarm in report.alarms:
            assert problems("PutMetricAlarm", alarm.parameters, body_bytes=0, now=0) == []
            assert math.isfinite(alarm.parameters["Threshold"])
        assert all(reason for _, reason in report.refused)
    assert plan_alarms(Criteria.parse(str(criterion)), target()) == plan_alarms(criterion, target())
