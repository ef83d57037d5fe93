"""Criteria come to what plain loops over the raw rows come to, whether they are judged at once or bit by bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from criteria_cases import EVERY_KIND, assert_same, seconds_of
from criteria_oracle import answer
from criteria_runs import RawRun, make_run
from raw_samples import START

from loadlab.analyse import CriterionResult, Evaluator, evaluate


@pytest.mark.parametrize("seed", range(2))
def test_every_kind_comes_to_what_plain_loops_come_to(seed: int) -> None:
    run = make_run(seed)
    results = evaluate(EVERY_KIND, run.tables())
    for criterion, result in zip(EVERY_KIND, results, strict=True):
        expected = answer(run, criterion)
        found = (result.status, seconds_of(result))
        assert found == (expected.status, expected.first_broken), (str(criterion), result, expected)
        if expected.value is not None:
            assert result.value == pytest.approx(expected.value, rel=1e-9), (str(criterion), result, expected)


def test_the_runs_bring_about_every_status() -> None:
    found = {
        (result.criterion, result.status)
        for seed in range(2)
        for result in evaluate(EVERY_KIND, make_run(seed).tables())
    }
    counts = pd.Series([status for _, status in found]).value_counts()
    assert (counts >= 15).all(), counts
    assert set(counts.index) == {"passed", "failed", "invalid"}


def feed(run: RawRun, seed: int) -> tuple[CriterionResult, ...]:
    """The results of a run whose rows come bit by bit, a part of them late and in no order."""
    rng = np.random.default_rng(seed)
    evaluator, tables = Evaluator(EVERY_KIND), run.tables()
    arrival = {}
    for name, rows in tables.items():
        due = (rows["time"].map(pd.Timestamp.timestamp) - START).to_numpy() + 1.0
        late = rng.random(len(rows)) < (0.2 if name not in ("events", "generators") else 0.0)
        arrival[name] = due + np.where(late, rng.uniform(0, 25, len(rows)), 0.0)
    for now in range(2, run.seconds + 2, 2):
        for name in evaluator.tables:
            come = (arrival[name] > now - 2) & (arrival[name] <= now)
            if come.any():
                evaluator.add(name, tables[name][come].sample(frac=1.0, random_state=seed))
        evaluator.advance(START + now)
        evaluator.results()
    for name in evaluator.tables:
        evaluator.add(name, tables[name][arrival[name] > now])
    evaluator.advance(None)
    return evaluator.results()


def test_bit_by_bit_comes_to_the_same() -> None:
    run = make_run(1, seconds=45)
    assert_same(feed(run, 1), evaluate(EVERY_KIND, run.tables()))
