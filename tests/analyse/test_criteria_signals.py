"""Signals: every object on its own, units, values that are missing, and objects that come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from criteria_runs import RawRun, steady_events
from raw_samples import START

from loadlab.analyse import CriterionResult, Evaluator, evaluate
from loadlab.analyse.criteria.units import conversion
from loadlab.spec import Criteria


def make_run(pods: dict[str, tuple[Iterable[int], Callable[[int], float]]], unit: str = "%") -> RawRun:
    """A run of which nothing is told but pod_cpu: for each pod the seconds, and its value in each."""
    run = RawRun(events=steady_events(2.4, 60.3))
    for pod, (seconds, value) in pods.items():
        for second in seconds:
            told = {"object": pod, "metric": "pod_cpu", "value": value(second), "unit": unit}
            run.signals.append({"second": second, **told})
    return run


def judge(text: str, run: RawRun) -> CriterionResult:
    return evaluate(Criteria.parse(text), run.tables())[0]


CALM = (range(0, 62, 5), lambda second: 40.0)
HOT = (range(0, 62, 5), lambda second: 95.0 if 20 <= second < 40 else 30.0)


def test_each_object_is_judged_and_the_worst_decides() -> None:
    run = make_run({"a": CALM, "b": HOT})
    failed = judge("signal(pod_cpu) < 80% for 15s", run)
    assert failed.status == "failed"
    assert "signal(pod_cpu) of b" in failed.text
    assert failed.first_broken is not None
    # the 10 s before the end of second 27 hold 8 hot ones: (2*30 + 8*95)/10 = 82
    assert failed.first_broken.timestamp() - START == 27 + 14
    assert judge("signal(pod_cpu) < 80% for 30s", run).status == "passed"
    whole = judge("signal(pod_cpu) < 80%", run)
    assert whole.status == "passed"
    assert "of b was" in whole.text
    assert whole.value == pytest.approx((20 * 95 + 37 * 30) / 57)
    both = judge("signal(pod_cpu) < 20% over 1s", run)
    assert both.first_broken is not None
    assert both.first_broken.timestamp() - START == 3


def test_a_value_stands_for_three_intervals_and_is_missing_then() -> None:
    gap = [second for second in range(0, 62, 5) if not 20 < second < 35]
    assert judge("signal(pod_cpu) < 80%", make_run({"a": (gap, lambda second: 40.0)})).status == "passed"
    gap = [second for second in range(0, 62, 5) if not 20 < second < 40]
    result = judge("signal(pod_cpu) < 80%", make_run({"a": (gap, lambda second: 40.0)}))
    assert result.status == "invalid"
    assert "of 5 seconds of the 57 nothing was recorded" in result.text
    assert judge("signal(pod_cpu) < 80% over 5s", make_run({"a": (gap, lambda second: 40.0)})).status == "invalid"
    assert judge("signal(pod_cpu) < 30% over 5s", make_run({"a": (gap, lambda second: 40.0)})).status == "failed"
    covered = make_run({"a": (gap, lambda second: 40.0), "b": CALM})
    assert judge("signal(pod_cpu) < 80%", covered).status == "invalid"
    early = make_run({"a": (range(0, 31, 5), lambda second: 40.0)})
    assert judge("signal(pod_cpu) < 80%", early).status == "invalid"


def test_pods_may_come_and_go() -> None:
    pods = {"old": (range(0, 31, 5), lambda second: 40.0), "new": (range(25, 62, 5), lambda second: 50.0)}
    result = judge("signal(pod_cpu) < 80%", make_run(pods))
    assert (result.status, result.value) == ("passed", 50.0)
    assert judge("signal(pod_cpu) < 80% over 20s", make_run(pods)).status == "passed"
    assert judge("signal(pod_cpu) < 45% over 5s", make_run(pods)).status == "failed"


def test_one_value_alone_stands_for_a_while() -> None:
    run = make_run({"a": ([0], lambda second: 40.0)})
    assert judge("signal(pod_cpu) < 80%", run).status == "passed"


def test_values_that_come_late_change_what_was_judged() -> None:
    criteria = Criteria.parse("signal(pod_cpu) < 80% over 5s else stop after 1s; signal(pod_cpu) < 80% from start")
    tables = make_run({"a": CALM, "b": HOT}).tables()
    signals = tables.pop("signals")
    evaluator = Evaluator(criteria)
    for name, rows in tables.items():
        evaluator.add(name, rows)
    evaluator.advance(START + 30)
    assert {result.status for result in evaluator.results()} == {"invalid"}
    order = signals.sample(frac=1.0, random_state=1)
    for place in range(0, len(order), 4):
        evaluator.add("signals", order.iloc[place : place + 4])
        evaluator.advance(START + 30 + place)
    assert [result.criterion for result in evaluator.breaches()] == [str(criteria[0])]
    evaluator.advance(None)
    assert evaluator.results() == evaluate(criteria, {**tables, "signals": signals})


@pytest.mark.parametrize(
    ("unit", "wanted", "factor"),
    [
        ("cores", "m", 1000.0),
        ("ratio", "%", 100.0),
        ("bytes", "Mi", 2.0**-20),
        ("GB", "MB", 1000.0),
        ("s", "ms", 1000.0),
        ("bytes/s", "KB/s", 0.001),
        ("pods", "pods", 1.0),
        ("pods", "", 1.0),
        ("ratio", "", None),
        ("%", "", None),
        ("bytes/s", "", None),
        ("bytes", "bytes/s", None),
        ("cores", "%", None),
        ("pods", "nodes", None),
    ],
)
def test_units(unit: str, wanted: str, factor: float | None) -> None:
    assert conversion(unit, wanted) == (None if factor is None else pytest.approx(factor))


def test_a_signal_in_another_unit_is_converted() -> None:
    run = make_run({"a": (range(0, 62, 5), lambda second: 0.4)}, unit="cores")
    result = judge("signal(pod_cpu) < 500m", run)
    assert (result.status, result.value, result.unit) == ("passed", pytest.approx(400.0), "m")
