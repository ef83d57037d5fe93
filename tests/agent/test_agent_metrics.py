import pytest

import loadlab.agent
from loadlab.agent import metrics as metrics_module
from loadlab.agent.metrics import MAX_METRICS, Metrics


def test_counts_add_up_and_gauges_keep_their_last_value() -> None:
    metrics = Metrics()
    metrics.active = True
    metrics.count("checkout", 1)
    metrics.count("checkout", 2)
    metrics.gauge("open", 5)
    metrics.gauge("open", 3)
    assert metrics.take() == [("checkout", "count", 3), ("open", "gauge", 3)]
    assert metrics.take() == [("open", "gauge", 3)]


def test_nothing_is_kept_outside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "METRICS", Metrics())
    loadlab.agent.count("checkout")
    loadlab.agent.gauge("open", 1)
    assert metrics_module.METRICS.take() == []


def test_no_number_of_names_grows_without_bound_and_no_count_is_lost() -> None:
    metrics = Metrics()
    metrics.active = True
    for number in range(2 * MAX_METRICS):
        metrics.count(f"name {number}", 1)
    rows = metrics.take()
    assert len(rows) <= MAX_METRICS + 1
    assert sum(value for _, _, value in rows) == 2 * MAX_METRICS


def test_a_total_that_would_be_no_number_is_refused_and_told() -> None:
    metrics = Metrics()
    metrics.active = True
    for value in (1e308, 1e308, -1, 10**400):
        metrics.count("x", value)
    assert metrics.take() == [("x", "count", 1e308)]
    assert metrics.refused == 2


def test_a_name_that_has_no_text_is_a_name_all_the_same() -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    metrics = Metrics()
    metrics.active = True
    metrics.count(Silent(), 1)
    assert metrics.take() == [("(Silent without a text)", "count", 1)]
