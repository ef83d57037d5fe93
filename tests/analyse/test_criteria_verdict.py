"""The verdict on a run, and what makes a criterion one that cannot be judged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from criteria_runs import RawRun, make_run, steady_events
from judged_runs import judge as check_run
from judged_runs import make_samples
from raw_samples import START, event, requests_table, table

from loadlab import schema
from loadlab.analyse import Check, CriterionResult, Validity, Verdict, evaluate, judge
from loadlab.analyse.criteria.pattern import Pattern
from loadlab.errors import NotEnoughSamples, SpecError
from loadlab.spec import Criteria

OK = Validity((Check("samples", "ok", "fine"), Check("notices", "warning", "there was a warning")))


def bad(*names: str) -> Validity:
    return Validity(tuple(Check(name, "invalid", f"{name} is wrong") for name in names))


def judge_text(text: str, run: RawRun, validity: Validity = OK, end_reason: str = "run_time") -> Verdict:
    criteria = Criteria.parse(text)
    return judge(criteria, evaluate(criteria, run.tables()), validity, end_reason=end_reason)


def result_of(text: str, run: RawRun) -> CriterionResult:
    return evaluate(Criteria.parse(text), run.tables())[0]


PASSING, FAILING, UNKNOWN = "rps > 1", "mean < 1ms", "metric(nothing) > 1"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "unjudged"),
        (PASSING, "passed"),
        (f"{PASSING}; {UNKNOWN}", "invalid"),
        (f"{PASSING}; {UNKNOWN}; {FAILING}", "failed"),
    ],
)
def test_the_worst_criterion_decides(text: str, status: str) -> None:
    verdict = judge_text(text, make_run(0))
    assert verdict.status == status
    assert judge_text(text, make_run(0), bad("workers")).status == "invalid"
    assert verdict.reasons
    assert json.loads(json.dumps(verdict.to_dict()))["status"] == status


@pytest.mark.parametrize("name", ["end", "interrupted", "lease"])
@pytest.mark.parametrize(("text", "status"), [("", "unjudged"), (PASSING, "invalid"), (FAILING, "failed")])
def test_a_test_that_was_cut_short_has_not_passed(name: str, text: str, status: str) -> None:
    verdict = judge_text(text, make_run(0), Validity((Check(name, "warning", "After 11 of 80 s."),)))
    assert verdict.status == status
    assert status != "invalid" or verdict.reasons == (
        "The criterion was met as far as the test went, but it was cut short. After 11 of 80 s.",
    )


def test_a_run_that_was_ended_by_its_criterion_has_failed() -> None:
    run, stopping = make_run(0), "mean < 1ms else stop"
    early = bad("samples", "success", "target_rate", "steady", "end", "users")
    assert judge_text(stopping, run, early, "criterion_broken").status == "failed"
    assert judge_text(stopping, run, early, "run_time").status == "invalid"
    assert judge_text(f"{FAILING}", run, early, "criterion_broken").status == "invalid"
    for name in ("generator_cpu", "workers", "conservation", "clocks", "master"):
        verdict = judge_text(stopping, run, bad("samples", name), "criterion_broken")
        assert verdict.status == "invalid"
        assert verdict.reasons == (f"{name} is wrong",)
    undone = judge_text("mean < 1m else stop", run, OK, "criterion_broken")
    assert undone.status == "invalid"
    assert "undone" in undone.reasons[0]


def test_the_real_checks_of_an_early_end_are_among_those_that_follow_from_it() -> None:
    validity = check_run(samples=make_samples(seconds=6, failing=1.0), end_reason="criterion_broken", planned_s=60)
    wrong = {check.name for check in validity.checks if check.status == "invalid"}
    assert {"samples", "success"} <= wrong
    end = next(check for check in validity.checks if check.name == "end")
    assert end.status == "ok"


REASONS = {
    "p99 < 1s over 5s": "too few requests; each needs 368",
    "p99.9 < 1s": "and needs 3,688",
    "error_ratio < 0.01%": "and needs 10,000",
    "p95(GET /crat) < 1s": "did you mean 'GET /cart'?",
    "p95(/crat) < 1s": "did you mean '/cart'?",
    "count(/crat) == 0": "did you mean '/cart'?",
    "p95(PATCH *) < 1s": "No request of the run is of the type 'PATCH'; there is 'GET', 'POST'.",
    "metric(checkuots) > 1": "did you mean 'checkouts'?",
    "metric(*o*) > 1": "counters and gauges at the same time",
    "metric(online) > 1/s": "is a gauge",
    "signal(pod_cup) < 1 cores": "did you mean 'pod_cpu'?",
    "signal(pod_cpu) < 80%": "is told in 'cores', and the criterion is in '%'",
    "signal(pod_cpu) < 1": "without a unit",
    "rps > 1 over 2m": "it takes 120 s after the ramp, and there were 57",
    "rps < 1 for 5m": "it takes 309 s after the ramp, and there were 57",
    "rps > 1 over 5s else stop after 2m": "it takes 121 s after the ramp, and there were 57",
    "metric(checkouts) rises > 300% over 1s within 5s": "the lowest value that it is compared with is not above 0",
}


@pytest.mark.parametrize("text", REASONS)
def test_what_cannot_be_judged_says_why(text: str) -> None:
    run = make_run(0)
    if "rises" in text:
        for row in run.metrics:
            row["value"] = 0.0 if row["second"] < 30 else 5.0
    result = result_of(text, run)
    assert (result.status, result.first_broken) == ("invalid", None)
    assert REASONS[text] in result.text


def test_seconds_that_were_not_recorded_are_no_pass() -> None:
    run = make_run(1)
    (missing,) = run.missing
    assert "of 1 second of the 57 nothing was recorded" in result_of("rps > 1", run).text
    assert result_of("rps > 1 over 1s", run).status != "passed"
    run.missing = frozenset({58, 59})
    assert result_of("rps > 1", run).status == "invalid"
    run.missing = frozenset()
    assert result_of("rps > 1", run).status == "passed"
    assert missing > 2


def test_without_a_steady_second_only_the_ramp_can_be_judged() -> None:
    run = make_run(0)
    run.events = [told for told in run.events if told["kind"] != "ramp_complete"]
    assert "No ramp was completed" in result_of("rps > 1", run).text
    assert result_of("rps > 1 from start", run).status == "passed"
    run.events = []
    assert "never started" in result_of("rps > 1", run).text
    assert "never started" in result_of("rps > 1 from start", run).text
    run.events = [event(0.2, "test_start"), event(0.8, "test_stopping")]
    assert result_of("rps > 1 from start", run).status == "invalid"


def test_an_empty_run_is_invalid_in_every_way() -> None:
    run = RawRun(events=steady_events(2.4, 60.3))
    for text in ("p99 < 1s", "error_ratio < 1%", "rps(/x) < 5", "users > 1", "metric(x) > 1"):
        assert result_of(text, run).status == "invalid", text
    assert result_of("count(error:*) == 0", run).status == "passed"  # as the run, which validity calls invalid
    assert result_of("rps < 0.1 for 30s", run).status == "failed"
    empty = {name: schema.empty_frame(name) for name in schema.TABLES}
    assert {result.status for result in evaluate(Criteria.parse("p99 < 1s; count(error:*) == 0"), empty)} == {"invalid"}


def test_a_run_of_a_second_can_be_judged() -> None:
    run = make_run(0)
    run.events = steady_events(10.0, 11.9)
    result = result_of("rps > 1; mean < 1m", run)
    assert result.status == "passed"
    assert "over 1 second" in result.text


def test_tables_without_generators_are_taken_as_whole() -> None:
    run = make_run(0)
    tables = {**run.tables(), "generators": schema.empty_frame("generators")}
    assert evaluate(Criteria.parse("rps > 1"), tables)[0].status == "passed"


def test_huge_counts_and_untimed_requests() -> None:
    second = pd.Timestamp(START + 10, unit="s", tz="UTC")
    row = {"time": second, "request_type": "GET", "name": "/", "failures": 0, "response_bytes": 0, "sum_ms": 0.0}
    histogram = [{"bucket": 100, "count": 2**31 - 1}]
    requests = table("requests", [{**row, "count": 2**40, "histogram": histogram, "min_ms": 1.0, "max_ms": 9.0}] * 3)
    tables = {"requests": requests, "events": table("events", steady_events(2.4, 60.3))}
    count, p50 = evaluate(Criteria.parse("count >= 3298534883328; p50 < 1s"), tables)
    assert (count.value, count.status, p50.samples) == (3 * 2**40, "passed", 3 * (2**31 - 1))
    untimed = make_samples().assign(ms=np.nan)
    tables["requests"] = requests_table(untimed)
    assert [each.status for each in evaluate(Criteria.parse("p50 < 1s; mean < 1s; max < 1s; rps > 9"), tables)] == [
        "invalid", "invalid", "invalid", "passed",
    ]  # fmt: skip


def test_what_is_no_number_and_what_has_no_name_is_no_pass_and_no_crash() -> None:
    tables = make_run(0).tables()
    requests, metrics, signals = (tables[name].copy() for name in ("requests", "metrics", "signals"))
    requests.loc[::3, "sum_ms"] = np.nan
    requests.loc[:40, "name"] = None
    metrics.loc[metrics["name"] == "online", "value"] = np.inf
    signals["value"] = np.nan
    broken = {**tables, "requests": requests, "metrics": metrics, "signals": signals}
    text = "mean < 1m; mean < 1m over 5s; mean < 1m for 5s; mean rises > 5% within 20s; metric(online) > 2"
    for result in evaluate(Criteria.parse(text), broken):
        assert result.status == "invalid", result
        assert "not all that was recorded is a number" in result.text
        assert json.dumps(result.to_dict(), allow_nan=False)
    signal, unnamed, rate = evaluate(Criteria.parse("signal(pod_cpu) < 9 cores; rps(/nix) > 1; rps > 1"), broken)
    assert signal.text == "The signal 'pod_cpu' has no value that is a number."
    assert "there is '', '/', '/cart'" in unnamed.text
    assert rate.status == "passed"


def test_rows_of_a_clock_gone_wrong_and_in_no_order_change_nothing() -> None:
    tables = make_run(0).tables()
    criteria = Criteria.parse("p95 < 1m; rps > 1 over 5s; count(error:*) < 900; metric(checkouts) > 1")
    odd = {name: rows.sample(frac=1.0, random_state=1) for name, rows in tables.items()}
    for name in ("requests", "generators", "errors"):
        strange = (
            tables[name].iloc[:2].assign(time=pd.to_datetime(["1970-01-01", "2100-01-01"], utc=True).as_unit("us"))
        )
        odd[name] = pd.concat([odd[name], strange])
    for one, other in zip(evaluate(criteria, odd), evaluate(criteria, tables), strict=True):
        assert (one.status, one.value, one.text) == (other.status, pytest.approx(other.value), other.text)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("", "anything", True),
        ("/cart*", "/cart/1", True),
        ("/cart", "/cart/1", False),
        ("/item?id=[id]", "/item?id=[id]", True),
        ("/item?id=[id]", "/item?id=i", False),
        ("/a?c", "/abc", True),
        ("*.*", "a.b", True),
        ("**", "", True),
        ("a*b*c", "aXbXbc", True),
        ("a*b*c", "aXbXb", False),
        ("*" + "a*" * 40 + "b", "a" * 5000, False),
    ],
)
def test_patterns(pattern: str, name: str, found: bool) -> None:
    assert Pattern(pattern).matches(name) is found


def test_kinds_of_failures_are_found_however_they_are_written() -> None:
    assert Pattern("Connection_Refused", fold=True).matches("connection refused")
    assert Pattern("http-5*", fold=True).matches("HTTP 503")
    assert not Pattern("timeout").matches("Timeout")


class Baseline:
    """What `Criteria.from_run` asks of a run."""

    id = "r1"

    def __init__(self, run: RawRun, validity: Validity = OK) -> None:
        self._run = run
        self.validity = validity

    def judge(self, criteria: object) -> Verdict:
        asked = Criteria.parse(criteria)
        return judge(asked, evaluate(asked, self._run.tables()), self.validity)

    def summary(self) -> pd.DataFrame:
        rows = pd.DataFrame(self._run.requests).groupby(["request_type", "name"]).size().reset_index(name="count")
        return pd.concat([rows, pd.DataFrame([{"request_type": "", "name": "Aggregated", "count": 0}])])


def test_criteria_from_a_baseline_are_kept_by_it_and_broken_by_a_worse_run() -> None:
    run = make_run(0)
    derived = Criteria.from_run(Baseline(run))
    texts = derived.texts()
    assert [text.split(" ")[0] for text in texts[:5]] == ["rps", "p50", "p95", "p99", "error_ratio"]
    assert [text.split(" <")[0] for text in texts[5:]] == ["p95(GET /)", "p95(GET /cart)", "p95(GET /item?id=[id])"]
    assert Criteria.parse(str(derived)) == derived
    assert Baseline(run).judge(derived).status == "passed"
    for criterion, result in zip(derived, Baseline(run).judge(derived).results, strict=True):
        assert result.value is not None
        if criterion.quantity.measure in ("quantile", "rps"):
            worse = criterion.threshold / result.value - 1
            assert 0.19 <= (worse if criterion.quantity.measure == "quantile" else -worse) < 0.3
    slower = make_run(0)
    for row in slower.requests:
        row["ms"] *= 1.5
    assert {result.status for result in Baseline(slower).judge(derived[1:4]).results} == {"failed"}
    assert len(Criteria.from_run(Baseline(run), 0.5, endpoints=0)) == 5


def test_no_criteria_come_from_a_bad_baseline() -> None:
    run = make_run(0)
    with pytest.raises(SpecError, match="workers is wrong"):
        Criteria.from_run(Baseline(run, bad("workers")))
    with pytest.raises(SpecError, match=r"margin: got -0\.1"):
        Criteria.from_run(Baseline(run), -0.1)
    with pytest.raises(SpecError, match=r"margin: got 1\.0"):
        Criteria.from_run(Baseline(run), 1)
    run.requests = run.requests[:400:10]
    with pytest.raises(NotEnoughSamples, match="needs 72"):
        Criteria.from_run(Baseline(run))
