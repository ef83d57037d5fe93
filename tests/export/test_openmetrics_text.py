"""The numbers in the exported texts are the archive's, read by prometheus_client and compared with raw samples."""

import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openmetrics_reader import read_families, read_over_time, read_samples
from raw_samples import table
from sample_runs import START, SampleRun, at, full_run, recent, requests_table, samples

import loadlab.export
from loadlab import schema
from loadlab.errors import SpecError

FORMS = ["prometheus", "openmetrics"]
TIME = "loadlab_response_time_seconds"
SECONDS = 12


def text_of(run, form, **options):
    (parcel,) = loadlab.export.plan_openmetrics(run, form=form, **options).parcels
    return parcel.body.decode("utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return full_run(tmp_path_factory.mktemp("run"), seconds=SECONDS)


@pytest.fixture(scope="module")
def run(full):
    return full[0]


def expected(raw, le):
    """What is to be read of raw requests, by key; `le` are the bounds as they were written."""
    found = {}
    for (request_type, name), rows in raw.groupby(["request_type", "name"]):
        who = ("name", name, "request_type", request_type)
        timed_s = rows["ms"].dropna() / 1000
        found["loadlab_requests_total", *who] = len(rows)
        found["loadlab_failures_total", *who] = rows["failed"].sum()
        found["loadlab_response_bytes_total", *who] = rows["size"].sum()
        found[f"{TIME}_count", *who] = len(timed_s)
        found[f"{TIME}_sum", *who] = timed_s.sum()
        for bound in le:
            found[f"{TIME}_bucket", "le", bound, *who] = (timed_s <= float(bound)).sum()
    return found


def bounds_in(values):
    return sorted({each[2] for each in values if each[0] == f"{TIME}_bucket"}, key=float)


def about_requests(values):
    return {each: value for each, value in values.items() if "request_type" in each}


@pytest.mark.parametrize("form", FORMS)
def test_totals_are_the_archives(full, form):
    run, raw = full
    values = read_samples(text_of(run, form), form)
    le = bounds_in(values)
    assert (len(le), float(le[0]), float(le[-2]), le[-1]) == (
        29,
        pytest.approx(8.2e-5, 0.01),
        pytest.approx(60, 0.01),
        "+Inf",
    )
    assert about_requests(values) == pytest.approx(expected(raw, le), rel=1e-12)
    failed = raw["failed"].sum()
    kinds = {f"HTTP {500 + i}": len(range(i, failed, 3)) for i in range(3)}
    rest = {each: value for each, value in values.items() if "request_type" not in each}
    assert rest == pytest.approx(
        {
            **{("loadlab_errors_total", "kind", kind): count for kind, count in kinds.items()},
            ("loadlab_metric_checkouts_total",): 2 * SECONDS,
            ("loadlab_run_start_time_seconds",): START,
            ("loadlab_run_end_time_seconds",): START + SECONDS,
            **three("loadlab_users", [7 + t % 3 for t in range(START, START + SECONDS)]),
            **three("loadlab_generator_cpu_ratio", [0.55] * SECONDS),
            **three("loadlab_value_carts", [17.123456], "worker", "w1"),
            **three("loadlab_signal_pod_cpu_ratio", [0.6], "object", "shop-a", "source", "kubernetes"),
            **three("loadlab_signal_pod_cpu_ratio", [0.61], "object", "shop-b", "source", "kubernetes"),
        }
    )


def three(name, values, *labels):
    return {
        (f"{name}_{what}", *labels): number
        for what, number in (("min", min(values)), ("mean", np.mean(values)), ("max", max(values)))
    }


@pytest.mark.parametrize("resolution", [1, 7])
def test_a_backfill_is_the_archive_at_every_instant(full, resolution):
    run, raw = full
    instants = read_over_time(text_of(run, "backfill", resolution=resolution))
    first, last = START // resolution * resolution, START + SECONDS
    assert sorted(instants) == list(range(first, last + resolution, resolution))
    for instant, values in instants.items():
        seen = raw[raw["second"] < instant]
        le = bounds_in(values)
        wanted = dict.fromkeys(expected(raw, le), 0) | expected(seen, le)
        assert about_requests(values) == pytest.approx(wanted, rel=1e-12)
        assert values["loadlab_metric_checkouts_total",] == 2 * min(max(instant - START, 0), SECONDS)
        errors = sum(value for each, value in values.items() if each[0] == "loadlab_errors_total")
        assert errors == seen["failed"].sum()
        before = min(instant - 1, last - 1)
        if instant > START:
            assert values["loadlab_users",] == 7 + before % 3
            assert values["loadlab_generator_cpu_ratio",] == 0.55
        else:
            assert ("loadlab_users",) not in values


def test_the_heads(run):
    text = text_of(run, "openmetrics")
    families = read_families(text, "openmetrics")
    assert {(each.name, each.type, each.unit) for each in families.values()} >= {
        ("loadlab_requests", "counter", ""),
        ("loadlab_response_bytes", "counter", "bytes"),
        (TIME, "histogram", "seconds"),
        ("loadlab_users_max", "gauge", ""),
    }
    assert all(each.documentation.endswith(".") for each in families.values())
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1
    old = text_of(run, "prometheus")
    assert "# TYPE loadlab_requests_total counter\n" in old
    assert "# UNIT" not in old
    assert "# EOF" not in old
    over_time = text_of(run, "backfill")
    assert "# UNIT loadlab_generator_cpu_ratio ratio\n" in over_time
    assert "# UNIT loadlab_signal_pod_cpu_ratio ratio\n" in over_time


def test_the_plan_counts_what_is_written(run):
    for form in (*FORMS, "backfill"):
        plan = loadlab.export.plan_openmetrics(run, form=form)
        lines = plan.parcels[0].body.decode().splitlines()
        written = [line for line in lines if not line.startswith("# ")]
        series = {line.partition("} ")[0] for line in written}
        assert plan.numbers == {
            "families": sum(line.startswith("# TYPE") for line in lines),
            "series": len(series),
            "samples": len(written),
            "bytes": len(plan.parcels[0].body),
        }
        assert plan.parcels[0].items == len(written)


def test_bounds_of_ones_own_are_exact(full):
    run, raw = full
    values = read_samples(text_of(run, "prometheus", le=["20ms", 0.3, "1s", "1000ms"]), "prometheus")
    le = bounds_in(values)
    assert [float(each) for each in le] == pytest.approx([0.02, 0.3, 1.0, math.inf], rel=0.0101)
    assert about_requests(values) == pytest.approx(expected(raw, le), rel=1e-12)


def test_the_default_bounds_do_not_depend_on_the_run(run, tmp_path):
    other = SampleRun(tmp_path, requests=requests_table(samples(recent(), seconds=5, sigma=2.5)))
    assert bounds_in(read_samples(text_of(run, "prometheus"), "prometheus")) == bounds_in(
        read_samples(text_of(other, "prometheus"), "prometheus")
    )


def test_labels_on_request(run, tmp_path):
    assert 'run_id="r20261124-101500-abcd"' not in text_of(run, "prometheus")
    lines = text_of(run, "prometheus", run_id=True).splitlines()
    assert all('run_id="r20261124-101500-abcd"' in line for line in lines if not line.startswith("# "))
    frame = requests_table(samples(recent(), seconds=9))
    codes = np.arange(len(frame)) % 3 // 2
    frame = frame.assign(region=pd.Categorical.from_codes(codes, ["eu", "us"]))
    regions = SampleRun(tmp_path, requests=frame)
    values = read_samples(text_of(regions, "prometheus", by_region=True), "prometheus")
    for region in ("eu", "us"):
        told = sum(value for each, value in values.items() if each[0] == "loadlab_requests_total" and region in each)
        assert told == frame[frame["region"] == region]["count"].sum()


def test_too_many_names_and_kinds_are_added_up(tmp_path):
    raw = samples(recent(), seconds=20, names=[f"/n{i}" for i in range(30)])
    kinds = [
        {"time": at(recent()), "kind": f"k{i}", "count": i + 1, "name": "/", "request_type": "GET"} for i in range(14)
    ]
    errors = table("errors", [row | {"message": "", "sample": ""} for row in kinds])
    run = SampleRun(tmp_path, requests=requests_table(raw), errors=errors)
    plan = loadlab.export.plan_openmetrics(run, max_names=4)
    assert plan.notes[:2] == (
        "26 request names beyond 4 are counted together as (other).",
        "4 kinds of failures beyond 10 are counted together as (other).",
    )
    values = read_samples(plan.parcels[0].body.decode(), "openmetrics")
    requests = {each[2]: value for each, value in values.items() if each[0] == "loadlab_requests_total"}
    often = raw["name"].value_counts()
    assert len(requests) == 5
    assert sorted(requests.values())[:4] == sorted(often.nlargest(4))
    assert requests["(other)"] == len(raw) - often.nlargest(4).sum()
    assert values["loadlab_errors_total", "kind", "(other)"] == 1 + 2 + 3 + 4


def metric_rows(*rows):
    return [
        {"time": at(recent() + i), "name": name, "kind": kind, "worker": "w", "value": float(value)}
        for i, (name, kind, value) in enumerate(rows)
    ]


def test_own_metrics(tmp_path):
    rows = metric_rows(
        ("paid", "count", 2), ("paid_total", "count", 3), ("käse", "count", 1), ("open", "count", 2),
        ("open", "count", -1), ("no. 1", "count", 5), ("x_total", "gauge", 1), ("x_count", "gauge", 2),
        ("x", "gauge", -3),
        *((f"m{i}", "gauge", i) for i in range(60)),
    )  # fmt: skip
    run = SampleRun(tmp_path, metrics=table("metrics", rows))
    plan = loadlab.export.plan_openmetrics(run, form="openmetrics")
    assert plan.notes == ("13 metrics beyond 50 are left out, the rarest.",)
    text = plan.parcels[0].body.decode()
    values = {each[0]: value for each, value in read_samples(text, "openmetrics").items()}
    paid = [value for name, value in values.items() if name.startswith("loadlab_metric_paid_")]
    assert sorted(paid) == [2, 3]
    assert values["loadlab_metric_k_se_total"] == 1
    assert values["loadlab_metric_no__1_total"] == 5
    assert values["loadlab_sum_open"] == 1
    assert "# TYPE loadlab_sum_open gauge\n" in text
    assert "# HELP loadlab_metric_k_se Counted by the locustfile as 'käse'.\n" in text


def test_signals_in_base_units(tmp_path):
    given = [
        ("cpu", 50, "%"),
        ("cpu_ratio", 0.25, ""),
        ("wait", 5, "ms"),
        ("memory_bytes", 9, "bytes"),
        ("used", 3, "cores"),
    ]
    rows = [
        {"time": at(recent()), "source": "k", "object": "p", "metric": metric, "value": value, "unit": unit}
        for metric, value, unit in given
    ]
    values = read_samples(text_of(SampleRun(tmp_path, signals=table("signals", rows)), "openmetrics"), "openmetrics")
    told = {
        each[0].removeprefix("loadlab_signal_"): value for each, value in values.items() if each[0].endswith("_max")
    }
    assert sorted(value for name, value in told.items() if name.startswith("cpu_ratio_")) == [0.25, 0.5]
    assert told["wait_seconds_max"] == 0.005
    assert told["memory_bytes_max"] == 9
    assert told["used_cores_max"] == 3


def test_a_run_without_anything(tmp_path):
    run = SampleRun(tmp_path)
    assert text_of(run, "prometheus") == ""
    assert text_of(run, "openmetrics") == text_of(run, "backfill") == "# EOF\n"


@pytest.mark.parametrize("form", [*FORMS, "backfill"])
def test_what_is_no_number(tmp_path, form):
    rows = metric_rows(("x", "gauge", math.nan), ("x", "gauge", 1), ("y", "gauge", math.nan), ("z", "gauge", math.inf))
    text = text_of(SampleRun(tmp_path, metrics=table("metrics", rows)), form)
    assert "NaN" not in text
    assert "loadlab_value_y" not in text
    assert "+Inf" in text


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['a"b', "a\\", "\\n", "a\nb", "a\rb", 'x{le="1"}', "# EOF", "\0", "\u2028", "\x85", "", " ", ",", "} 1", "käse"]
)


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5, unique=True), TEXT.filter(str.strip), TEXT, st.text(max_size=5))
def test_whatever_they_are_called(tmp_path_factory, names, service, own, environment):
    raw = samples(START, seconds=2, rate=8, names=names)
    run = SampleRun(
        tmp_path_factory.getbasetemp(),
        labels={"service": service, "environment": environment or "\ud800"},
        requests=requests_table(raw),
        metrics=table(
            "metrics",
            [
                {"time": at(START + i), "name": name, "kind": kind, "worker": own, "value": 1.5}
                for i, name in enumerate(names)
                for kind in ("count", "gauge")
            ],
        ),
        signals=table(
            "signals",
            [
                {"time": at(START), "source": own, "object": name, "metric": name, "value": 1, "unit": own}
                for name in names
            ],
        ),
    )
    if not (environment or "\ud800").strip():
        with pytest.raises(SpecError):
            text_of(run, "prometheus")
        return
    for form in FORMS:
        text = text_of(run, form, le=[0.02, 0.1])
        values = read_samples(text, form)
        assert about_requests(values) == pytest.approx(expected(raw, bounds_in(values)), rel=1e-12)
        counted = [value for each, value in values.items() if each[0].startswith("loadlab_metric_")]
        assert counted == [1.5] * len(names)
        kept = {
            dict(sample.labels)["service"] for each in read_families(text, form).values() for sample in each.samples
        }
        assert kept == {service}
    assert read_over_time(text_of(run, "backfill", le=[0.02, 0.1]))[START + 2].keys() >= about_requests(values).keys()


def test_too_much_for_one_text(tmp_path):
    raw = samples(recent(5 * 86_400), seconds=2, names=[f"/{i}" for i in range(15)])
    late = raw.assign(second=raw["second"] + 4 * 86_400)
    run = SampleRun(tmp_path, requests=requests_table(pd.concat([raw, late])))
    begun = time.monotonic()
    with pytest.raises(
        SpecError, match=r"resolution: got '1s'; allowed: 1m or more, because this run has .* at most 5,000,000"
    ):
        text_of(run, "backfill")
    assert time.monotonic() - begun < 60  # before anything is built
    with pytest.raises(SpecError, match="2m or more"):
        loadlab.export.plan_openmetrics(
            run, form="backfill", resolution=60, max_names=1000, le=[0.001 * 1.1**i for i in range(80)]
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "promtheus"}, r"form: got 'promtheus'; .* Did you mean 'prometheus'\?"),
        ({"form": "backfill", "resolution": "500ms"}, "resolution: got '500ms'; allowed: whole seconds"),
        ({"form": "backfill", "resolution": "soon"}, "resolution: got 'soon'"),
        ({"resolution": "1s"}, "resolution: got '1s'; allowed: none with the form openmetrics, which has no time"),
        ({"le": "100ms"}, "le: got '100ms'; allowed: 1 to 100 durations"),
        ({"le": []}, "le"),
        ({"le": [0]}, "le: got 0;"),
        ({"le": ["-1s"]}, "le"),
        ({"le": [1e-12]}, "le"),
        ({"le": [True]}, "le"),
        ({"max_names": 0}, "max_names"),
        ({"service": " "}, "service"),
        ({"job": "j"}, "job: got 'j'; allowed: none: only a Pushgateway has it"),
        ({"instance": "i"}, "instance"),
        ({"to": ""}, "to"),
        ({"to": None}, "to: got None"),
        ({"to": "ftp://x"}, "to: got 'ftp://x'; allowed: a file, the URL of a Pushgateway"),
        ({"to": "ftp://bob:hunter2@x"}, r"to: got 'ftp://bob:\.\.\.@x'"),
        ({"to": "bob:hunter2@pushgateway:9091"}, r"to: got 'bob:\.\.\.@pushgateway:9091'"),
        ({"to": "pushgateway:9091"}, "to: got 'pushgateway:9091'; allowed: a file, the URL"),
        ({"to": "/dev/null"}, "this is no file"),
        ({"to": "x.prom", "form": "backfill"}, r"form: got 'backfill'; allowed: prometheus: a textfile collector"),
        ({"to": "http://h", "form": "openmetrics"}, r"a Pushgateway takes neither OpenMetrics nor timestamps"),
        ({"to": "http://h", "job": " "}, "job"),
        ({"to": "http://h:port"}, "to: got 'http://h:port'; allowed: the address of a Pushgateway"),
        ({"to": "http://bob:hunter2@h/metrics/job/x"}, r"to: got 'http://bob:\.\.\.@h/metrics/job/x'"),
        ({"to": "http://h?x=1"}, "to"),
        ({"to": "http://"}, "to"),
    ],
)
def test_wrong_arguments(run, options, message):
    with pytest.raises(SpecError, match=message):
        loadlab.export.plan_openmetrics(run, **options)


@pytest.mark.parametrize("missing", ["service", "environment"])
def test_a_run_without_labels(tmp_path, missing):
    labels = {"service": "shop", "environment": "staging"}
    del labels[missing]
    with pytest.raises(SpecError, match=rf"{missing}: missing; allowed: the label {missing} of the test"):
        loadlab.export.plan_openmetrics(SampleRun(tmp_path, labels=labels))
    assert loadlab.export.plan_openmetrics(SampleRun(tmp_path, labels=labels), **{missing: "x"}).numbers["series"] == 0


def test_the_bounds_are_the_schemas(run):
    bounds = [float(each) for each in bounds_in(read_samples(text_of(run, "prometheus"), "prometheus"))[:-1]]
    steps = np.log(np.array(bounds) * 1000) / np.log(schema.GAMMA)
    assert steps == pytest.approx(np.round(steps), abs=1e-9)
