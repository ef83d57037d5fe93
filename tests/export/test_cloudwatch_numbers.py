"""What CloudWatch holds after an export, against the raw samples that the run was made of."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from cloudwatch_reader import percentile, read_accepted, sample_count, series, total
from raw_samples import quantile
from sample_runs import SampleRun, at, full_run, recent, requests_table, samples, table

import loadlab.export
from loadlab.export.aws.tables import MAX_KINDS, MAX_OWN_METRICS

BASE = {"service": "shop", "environment": "staging"}


@pytest.fixture(scope="module")
def exported(aws_server, tmp_path_factory):
    """Three minutes with something in every table, sent in minutes: the run, its samples, what CloudWatch has."""
    monkeypatch = pytest.MonkeyPatch()
    run, raw = full_run(tmp_path_factory.mktemp("run"))
    receipt = send(aws_server, monkeypatch, run)
    found = read_accepted(aws_server.accepted)
    monkeypatch.undo()
    return run, raw, found, receipt


def send(server, monkeypatch, run, **options):
    from export_places import CREDENTIALS

    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": server.url}).items():
        monkeypatch.setenv(name, value)
    server.reset()
    server.forward = False
    receipt = loadlab.export.cloudwatch(run, **options)
    assert server.refused == []
    return receipt


def minutes(raw):
    return raw.assign(minute=raw["second"] // 60 * 60).groupby("minute")


def test_the_aggregate_holds_every_request(exported):
    _, raw, found, receipt = exported
    assert receipt.left == 0
    requests, failures = series(found, "Requests", **BASE), series(found, "Failures", **BASE)
    times = series(found, "ResponseTime", **BASE)
    assert set(requests) == set(failures) == set(times) == set(minutes(raw).groups)
    for minute, part in minutes(raw):
        timed = part["ms"].dropna()
        assert total(requests[minute]) == len(part)
        assert total(failures[minute]) == part["failed"].sum()
        assert sample_count(times[minute]) == len(timed)
        assert total(times[minute]) == pytest.approx(timed.sum(), rel=0.01)
        for q in (0.01, 0.5, 0.9, 0.95, 0.99, 1.0):
            assert percentile(times[minute], q) == pytest.approx(quantile(timed, q), rel=0.0100001)


def test_each_name_holds_its_requests(exported):
    _, raw, found, _ = exported
    for (kind, name), group in raw.groupby(["request_type", "name"]):
        of = BASE | {"request_type": kind, "name": name}
        requests, times = series(found, "Requests", **of), series(found, "ResponseTime", **of)
        for minute, part in minutes(group):
            timed = part["ms"].dropna()
            assert total(requests[minute]) == len(part)
            assert sample_count(times.get(minute, {})) == len(timed)
            if len(timed):
                assert percentile(times[minute], 0.5) == pytest.approx(quantile(timed, 0.5), rel=0.0100001)


def test_the_numbers_are_those_of_the_archive(exported):
    from loadlab import analyse

    run, _, found, _ = exported
    timeline = analyse.timeline(run.table("requests"), "60s")
    times = series(found, "ResponseTime", **BASE)
    for row in timeline.itertuples():
        values = times[int(row.time.timestamp())]
        assert percentile(values, 0.5) == pytest.approx(row.p50_ms, rel=1e-9)
        assert percentile(values, 0.99) == pytest.approx(row.p99_ms, rel=1e-9)


def test_errors_by_kind(exported):
    run, _, found, _ = exported
    errors = run.table("errors")
    seconds = errors["time"].to_numpy("datetime64[s]").astype(int)
    everything = series(found, "Errors", **BASE)
    for minute in everything:
        rows = errors[seconds // 60 * 60 == minute]
        assert total(everything[minute]) == rows["count"].sum()
        for kind, count in rows.groupby("kind", observed=True)["count"].sum().items():
            assert total(series(found, "Errors", **BASE, kind=kind)[minute]) == count


def test_users_generators_metrics_and_signals(exported):
    run, _, found, _ = exported
    start = int(run.table("users")["time"].min().timestamp())
    for minute, values in series(found, "Users", **BASE).items():
        seconds = [t for t in range(start, start + 180) if t // 60 * 60 == minute]
        assert sorted(values.elements()) == sorted(float(7 + t % 3) for t in seconds)
    cpu = sum(series(found, "GeneratorCPU", **BASE).values(), start=Counter())
    assert sample_count(cpu) == 2 * 180  # the master is none that makes load
    assert max(cpu) == 55.0
    assert sum(total(values) for values in series(found, "metric.checkouts", **BASE).values()) == 360.0
    assert {value for values in series(found, "gauge.carts", **BASE).values() for value in values} == {17.12}
    assert {value for values in series(found, "signal.pod_cpu", **BASE).values() for value in values} == {60.0, 61.0}


def test_units_and_resolution(exported, aws_server):
    units = {datum["MetricName"]: datum["Unit"] for request in aws_server.accepted for datum in request["MetricData"]}
    assert units["ResponseTime"] == "Milliseconds"
    assert units["Requests"] == units["Users"] == "Count"
    assert units["signal.pod_cpu"] == units["GeneratorCPU"] == "Percent"
    assert {d["StorageResolution"] for r in aws_server.accepted for d in r["MetricData"]} == {60}
    assert all("run" not in str(d["Dimensions"]) for r in aws_server.accepted for d in r["MetricData"])


def test_one_second(aws_server, tmp_path, monkeypatch):
    run, raw = full_run(tmp_path, seconds=20)
    send(aws_server, monkeypatch, run, resolution="1s", run_id=True)
    found = read_accepted(aws_server.accepted)
    requests = series(found, "Requests", **BASE, run=run.id)
    assert {second: total(values) for second, values in requests.items()} == raw.groupby("second").size().to_dict()
    assert {d["StorageResolution"] for r in aws_server.accepted for d in r["MetricData"]} == {1}


def test_regions(aws_server, tmp_path, monkeypatch):
    raw = samples(recent(), seconds=30)
    tables = [requests_table(part).assign(region=name) for name, part in (("eu", raw[::2]), ("us", raw[1::2]))]
    merged = pd.concat(tables).astype({"region": "category", "name": "category", "request_type": "category"})
    send(aws_server, monkeypatch, SampleRun(tmp_path, requests=merged), by_region=True)
    found = read_accepted(aws_server.accepted)
    for name, part in (("eu", raw[::2]), ("us", raw[1::2])):
        assert sum(map(total, series(found, "Requests", **BASE, region=name).values())) == len(part)
    assert sum(map(total, series(found, "Requests", **BASE).values())) == len(raw)


def test_too_many_names_and_kinds_are_added_up(aws_server, tmp_path, monkeypatch):
    names = [f"/item/{number}" for number in range(30)]
    raw = samples(recent(), seconds=60, rate=50, names=names)
    start = int(raw["second"].min())
    errors = [
        {"time": at(start), "request_type": "GET", "name": "/", "kind": f"kind {i}", "count": i + 1} for i in range(15)
    ]
    own = [
        {"time": at(start), "name": f"m{i}", "kind": "count", "worker": "w", "value": 1.0}
        for i in range(MAX_OWN_METRICS + 7)
    ]
    run = SampleRun(
        tmp_path, requests=requests_table(raw), errors=table("errors", errors), metrics=table("metrics", own)
    )
    plan = loadlab.export.plan_cloudwatch(run, max_names=12)
    assert "18 request names beyond 12 are counted together as (other)." in plan.notes
    assert "5 kinds of failures beyond 10 are counted together as (other)." in plan.notes
    assert any(note.startswith("7 of 57 metrics metric.* are left out") for note in plan.notes)
    send(aws_server, monkeypatch, run, max_names=12)
    found = read_accepted(aws_server.accepted)
    seen = {dict(of)["name"] for name, of, _ in found if name == "Requests" and len(of) > 2}
    assert len(seen) == 13
    kept = seen - {"(other)"}
    counts = raw["name"].value_counts()
    assert min(counts[list(kept)]) >= max(counts[[name for name in names if name not in kept]])
    other = series(found, "Requests", **BASE, request_type="(other)", name="(other)")
    assert sum(map(total, other.values())) == counts[[name for name in names if name not in kept]].sum()
    kinds = Counter()
    for (name, of, _), values in found.items():
        if name == "Errors":
            kinds[dict(of).get("kind")] += total(values)
    assert len(kinds) == MAX_KINDS + 2
    assert kinds["(other)"] == 1 + 2 + 3 + 4 + 5
    assert kinds[None] == sum(range(1, 16))


def test_names_that_cloudwatch_does_not_take(aws_server, tmp_path, monkeypatch):
    names = ["/café", "/caf\u00ea", " ", "", "x" * 2000, "x" * 2001, "🛒", "line\nbreak", "/plain"]
    raw = samples(recent(), seconds=60, rate=20, names=names)
    run = SampleRun(tmp_path, requests=requests_table(raw), labels={"service": "Käse", "environment": "e"})
    send(aws_server, monkeypatch, run)
    found = read_accepted(aws_server.accepted)
    assert aws_server.accepted[0]["Namespace"].startswith("LoadLab/K?se~")
    by_name = {}
    for (metric, of, _), values in found.items():
        if metric == "Requests" and len(of) > 2:
            key = dict(of)["request_type"], dict(of)["name"]
            by_name[key] = by_name.get(key, 0) + total(values)
    assert sorted(by_name.values()) == sorted(raw.groupby(["request_type", "name"]).size())
    assert ("GET", "/plain") in by_name
    assert any("hold what CloudWatch does not take" in note for note in loadlab.export.plan_cloudwatch(run).notes)


def test_values_that_no_number_can_hold(aws_server, tmp_path, monkeypatch):
    rows = [
        {"time": at(recent()), "name": name, "kind": kind, "worker": "w", "value": value}
        for name, kind, value in [
            ("huge", "count", 1e300),
            ("nan", "gauge", np.nan),
            ("inf", "gauge", np.inf),
            ("neg", "count", -3.5),
            ("fine", "gauge", 1.0),
            ("overflow", "count", 1.7e308),
            ("overflow", "count", 1.7e308),
        ]
    ]
    run = SampleRun(tmp_path, metrics=table("metrics", rows))
    send(aws_server, monkeypatch, run)
    found = {name: values for (name, _, _), values in read_accepted(aws_server.accepted).items()}
    assert found == {"metric.neg": {-3.5: 1}, "gauge.fine": {1.0: 1}}
    notes = loadlab.export.plan_cloudwatch(run).notes
    assert "Values of metric.huge beyond 2^360 are left out: CloudWatch refuses them." in notes
