"""Any run at all: no request is refused, and no request is lost."""

import math
import time

import numpy as np
import pytest
from cloudwatch_reader import read_accepted, sample_count, series, total
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from raw_samples import table
from sample_runs import SampleRun, at

import loadlab.export
from loadlab import schema

names = st.one_of(st.text(max_size=8), st.sampled_from(["/", "/a b", "(other)", ":", "*", '"', "é" * 600, "x" * 3000]))
seconds = st.integers(0, 4000)
counts = st.integers(1, 10**6)
buckets = st.one_of(
    st.integers(schema.ZERO_BUCKET, schema.MAX_BUCKET), st.sampled_from([schema.ZERO_BUCKET, schema.MAX_BUCKET, 0])
)
numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@st.composite
def histograms(draw):
    few = draw(st.dictionaries(buckets, counts, max_size=4))
    if draw(st.booleans()):  # more than one datum holds
        first = draw(st.integers(schema.ZERO_BUCKET, schema.MAX_BUCKET - 400))
        few |= dict.fromkeys(range(first, first + draw(st.integers(140, 400))), 1)
    return [{"bucket": bucket, "count": count} for bucket, count in few.items()]


@st.composite
def runs(draw):
    pool = draw(st.lists(names, min_size=1, max_size=6))
    name = st.sampled_from(pool)
    start = int(time.time()) - 8000

    def rows(most, /, **columns):
        return [
            {"time": at(start + draw(seconds)), **{key: draw(how) for key, how in columns.items()}}
            for _ in range(draw(st.integers(0, most)))
        ]

    requests = rows(6, request_type=name, name=name, histogram=histograms(), extra=st.integers(0, 5))
    for row in requests:
        row["count"] = sum(entry["count"] for entry in row["histogram"]) + row.pop("extra")
        row["failures"] = row["count"] // 2
    return {
        "requests": table("requests", requests),
        "errors": table("errors", rows(4, kind=name, name=name, count=counts)),
        "users": table("users", rows(4, user_class=name, users=st.integers(0, 10**6))),
        "generators": table("generators", rows(4, worker=name, cpu_percent=numbers)),
        "metrics": table(
            "metrics", rows(5, name=name, kind=st.sampled_from(["count", "gauge"]), worker=name, value=numbers)
        ),
        "signals": table("signals", rows(5, source=name, object=name, metric=name, value=numbers, unit=name)),
    }


@pytest.mark.parametrize("resolution", ["1s", "1m"])
@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # making a failing run smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tables=runs(), service=names, max_names=st.integers(1, 3))
def test_any_run(aws, tmp_path_factory, resolution, tables, service, max_names):
    aws.reset()
    aws.forward = False
    run = SampleRun(
        tmp_path_factory.mktemp("run"), labels={"service": service.strip() or "s", "environment": "e"}, **tables
    )
    receipt = loadlab.export.cloudwatch(
        run, resolution=resolution, max_names=max_names, by_region=True, timeout_s=0, account="123456789012"
    )
    assert aws.refused == []
    assert receipt.left == 0
    found = read_accepted(aws.accepted)
    base = base_dimensions(aws) if aws.accepted else {}
    requests = tables["requests"]
    assert sum(map(total, series(found, "Requests", **base).values())) == requests["count"].sum()
    timed = sum(entry["count"] for row in requests["histogram"] for entry in row or ())
    assert sum(map(sample_count, series(found, "ResponseTime", **base).values())) == timed
    by_name = [
        values for (metric, of, _), values in found.items() if metric == "Requests" and {"name"} & dict(of).keys()
    ]
    assert sum(map(total, by_name)) == requests["count"].sum()
    assert sum(map(total, series(found, "Errors", **base).values())) == tables["errors"]["count"].sum()
    finite = tables["generators"]["cpu_percent"].to_numpy()
    workers = [not schema.is_master(worker) for worker in tables["generators"]["worker"]]
    samples = series(found, "GeneratorCPU", **base).values()
    assert sum(map(sample_count, samples)) == sum(
        ok and math.isfinite(value) and abs(value) <= 2.0**360 for ok, value in zip(workers, finite, strict=True)
    )
    assert np.isfinite([value for values in found.values() for value in values]).all()


def base_dimensions(aws):
    return {each["Name"]: each["Value"] for each in aws.accepted[0]["MetricData"][0]["Dimensions"][:2]}
