"""A target that hangs: no request finishes. Alarms on rates and counts have to tell that from the time between runs."""

import functools
import time

import numpy as np
import pytest
from aws_rules import problems
from cloudwatch_live import BASE, Going, wait_for
from cloudwatch_reader import read_accepted, series, total
from metric_math import alarm_times
from raw_samples import requests_table, table
from sample_runs import SampleRun, at, samples

import loadlab.export
from loadlab.export.aws import live as live_module
from loadlab.export.aws.alarms import plan_alarms
from loadlab.export.aws.target import read_target

MINUTE = 60
START = int(time.time()) // 300 * 300 - 3 * 3600
HANG = range(START + 9 * MINUTE + 20, START + 16 * MINUTE + 20)
"""In seconds; the minutes 10 to 15 have no request at all."""
LENGTH_S, NEXT_S = 25 * MINUTE, 40 * MINUTE


def make_run(path, start, *, hang=(), names=("/", "/cart")):
    """25 minutes of 20 requests a second, and a last second in which there are no users any more."""
    raw = samples(start, seconds=LENGTH_S, rate=20, names=("/", "/cart"))
    raw["second"], raw["failed"], raw["request_type"] = start + np.arange(len(raw)) // 20, False, "GET"
    raw = raw[~(raw["second"].isin(hang) & raw["name"].isin(names))]
    users = [{"time": at(t), "user_class": "A", "users": 5} for t in range(start, start + LENGTH_S)]
    users.append({"time": at(start + LENGTH_S), "user_class": "A", "users": 0})
    return SampleRun(path, requests=requests_table(raw), users=table("users", users))


@functools.cache
def datums(path, names, hang):
    """Of two runs, the first with the hang, with a quarter of an hour between them."""
    first = make_run(path, START, hang=hang, names=names)
    second = make_run(path, START + NEXT_S)
    return [each for run in (first, second) for each in loadlab.export.plan_cloudwatch(run).place.built.datums]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


def parameters_of(text):
    (alarm,) = plan_alarms(text, read_target(BASE)).alarms
    assert problems("PutMetricAlarm", alarm.parameters, body_bytes=0, now=0) == []
    return alarm.parameters


def minutes(times):
    return [(start - START) // MINUTE for start in times]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("text", "gone_off"),
    [
        ("rps >= 10", range(9, 16)),
        ("rps drops > 50% within 3m", [9, 10, 11]),
        ("count >= 100 over 5m", [10]),
        ("rps(GET /cart) >= 4", range(9, 16)),
        ("rps(GET /cart) drops > 50% within 3m", [9, 10, 11]),
        ("count(GET /cart) >= 100 over 5m", [10]),
        ("rps == 0", [*range(10), *range(16, 25), *range(40, 65)]),
        ("rps(GET /cart) != 0", range(10, 16)),
    ],
)
def test_alarms_see_a_hang_and_no_end_of_a_run(folder, text, gone_off, sparse):
    parameters = parameters_of(text)
    hanging = alarm_times(parameters, datums(folder, ("/", "/cart"), HANG), sparse=sparse)
    assert minutes(hanging) == list(gone_off)
    without = alarm_times(parameters, datums(folder, (), range(0)), sparse=sparse)
    assert minutes(without) == ([*range(25), *range(40, 65)] if text == "rps == 0" else [])


@pytest.mark.parametrize("sparse", [False, True])
def test_one_request_that_hangs_beside_others(folder, sparse):
    beside = datums(folder, ("/cart",), HANG)
    assert minutes(alarm_times(parameters_of("rps(GET /cart) >= 4"), beside, sparse=sparse)) == list(range(9, 16))
    assert minutes(alarm_times(parameters_of("count(GET /cart) >= 100 over 5m"), beside, sparse=sparse)) == [10]
    assert alarm_times(parameters_of("rps(GET /) >= 4"), beside, sparse=sparse) == []
    assert alarm_times(parameters_of("rps >= 4"), beside, sparse=sparse) == []


def test_absent_load_goes_off_between_two_runs_too(folder):
    between = minutes(alarm_times(parameters_of("rps < 1 for 5m"), datums(folder, (), range(0))))
    assert between == list(range(29, 40))
    hanging = alarm_times(parameters_of("rps(GET /cart) < 1 for 5m"), datums(folder, ("/cart",), HANG))
    assert minutes(hanging) == [14, 15, *range(29, 40)]


def test_a_period_without_an_answer_is_sent_as_0(folder):
    first = datums(folder, ("/", "/cart"), HANG)
    for name in ("Requests", "Failures", "Errors"):
        zeros = [each.second for each in first if (each.metric.name, len(each.metric.dimensions)) == (name, 2)]
        assert minutes(sorted(zeros)) == [*range(25), *range(40, 65)]  # none for the second without users
    hung = [each for each in first if each.metric.name == "Requests" and minutes([each.second]) == [12]]
    assert [each.values for each in hung] == [(0.0,)]


def test_what_comes_late_of_a_period_that_was_sent_as_0_is_added(aws, tmp_path, monkeypatch):
    monkeypatch.setattr(live_module, "TICK_S", 0.02)
    going = Going(tmp_path)
    sending = loadlab.export.cloudwatch(going)
    for t in range(130):
        going.tell("second", t, requests=60 <= t < 120)
    wait_for(lambda: len(series(read_accepted(aws.accepted), "Requests", **BASE)) == 2)
    sums = {second: total(values) for second, values in series(read_accepted(aws.accepted), "Requests", **BASE).items()}
    assert sums == {going.start: 0, going.start + 60: 600}
    going.tell("amend", 30, count=7, worker="w2")
    going.end()
    sending.finish(going.recorded())
    found = read_accepted(aws.accepted)
    for name, late in (("Requests", 7), ("Failures", 1), ("Errors", 1)):
        assert total(series(found, name, **BASE)[going.start]) == late
    assert aws.refused == []
    assert sending.finish(going.recorded()).sent == 0
