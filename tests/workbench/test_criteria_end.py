"""A real test is ended by a criterion that is broken live, and its archive says the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from locust_left import until

import loadlab
from loadlab.analyse.criteria.judging import CAUSED_BY_STOPPING
from loadlab.cli.exit_codes import exit_code_of_run
from loadlab.demo import Storefront

BUSY = {"generator_cpu", "generator_lag"}
"""What a machine that runs other tests at the same time may do to the load generators."""

CRITERIA = [
    "error_ratio(GET /) < 20% over 2s else stop after 2s",
    "count(error:HTTP 503) == 0",
    "p95 < 5s; p99.99 < 5s",
]


def test_a_broken_criterion_ends_a_test(
    make_test: Callable[..., loadlab.LoadTest], shop: Storefront, tmp_path: Path
) -> None:
    test = make_test(run_time=300, criteria=CRITERIA)
    live = loadlab.start(test, runs=tmp_path / "runs")
    try:
        until(lambda: [result.status for result in live.results()] == ["passed", "passed", "passed", "invalid"])
        assert "broken" not in live.status_line()
        began = time.time()
        shop.set_faults(errors={"GET /": {"rate": 1.0, "status": 503}})
    except BaseException:
        live.kill()
        live.wait()
        raise
    run = live.wait()

    assert run.info["end_reason"] == "criterion_broken"
    assert run.duration_s is not None
    assert run.duration_s < 200
    doubts = {check.name for check in run.validity.checks if check.status == "invalid"} - {*CAUSED_BY_STOPPING}
    assert doubts <= BUSY
    assert run.verdict.status == ("invalid" if doubts else "failed")
    stopping, count, _, few = run.verdict.results
    assert [result.status for result in run.verdict.results] == ["failed", "failed", "passed", "invalid"]
    assert stopping.first_broken is not None
    failing = run.requests[(run.requests["name"] == "/") & (run.requests["failures"] > 0)]["time"].min().timestamp()
    assert began - 1 <= failing <= stopping.first_broken.timestamp() <= failing + 4
    told = run.events[run.events["kind"] == "criterion_broken"].iloc[0]
    assert told["object"] == stopping.criterion
    assert json.loads(told["data"])["second"] == stopping.first_broken.timestamp()
    assert doubts or run.verdict.reasons == (stopping.text, count.text)
    assert "needs 36,8" in few.text
    assert "2 of 4 criteria broken" in live.status_line()
    for one, other in zip(live.results(), run.verdict.results, strict=True):
        assert (one.criterion, one.status, one.text, one.samples) == (
            other.criterion,
            other.status,
            other.text,
            other.samples,
        )
        assert one.first_broken == other.first_broken
        assert one.value == pytest.approx(other.value)
    end = next(check for check in run.validity.checks if check.name == "end")
    assert "a criterion was broken that ends it" in end.text
    assert exit_code_of_run(run) == (3 if doubts else 1)

    assert run.info["loadtest"]["criteria"] == test.criteria.texts()
    assert run.criteria == test.criteria
    assert "--criterion 'error_ratio(GET /) < 20% over 2s else stop after 2s' --criterion" in run.info["command"]
    assert run.judge("rps > 1; mean < 1m").results[0].status == "passed"
