"""Steadiness: drifts are found, noise and stages are not taken for drifts."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from raw_samples import START, requests_table
from scipy.stats import kendalltau, theilslopes

from loadlab.analyse.validity import steadiness
from loadlab.analyse.validity.check import Check
from loadlab.analyse.validity.steadiness import block_correlation, check_steadiness, measure_trend

Curve = Callable[[np.ndarray], np.ndarray]


def requests_of(seconds: int, rate: Curve, median_ms: Curve, seed: int = 1) -> pd.DataFrame:
    """Poisson arrivals at rate(t) and log-normal latencies around median_ms(t), t from 0 to 1 over the window."""
    rng = np.random.default_rng(seed)
    at = np.arange(seconds) / seconds
    count = rng.poisson(rate(at))
    latency = np.repeat(median_ms(at), count) * rng.lognormal(0, 0.4, count.sum())
    samples = pd.DataFrame({"second": np.repeat(START + np.arange(seconds), count), "ms": latency})
    return requests_table(samples.assign(request_type="GET", name="/", failed=False, size=1))


def level(value: float) -> Curve:
    return lambda t: np.full(len(t), value)


def judge(requests: pd.DataFrame, *bounds: int) -> Check:
    windows = [(START + first, START + stop) for first, stop in itertools.pairwise(bounds)]
    return check_steadiness(requests, windows, complete=True)


@pytest.mark.parametrize("seconds", [20, 60, 61, 300, 1500])
def test_a_level_run_is_steady(seconds: int) -> None:
    found = judge(requests_of(seconds, level(40), level(50)), 0, seconds)
    assert found.status == "ok"
    assert f"{seconds:,} steady seconds" in found.text


@pytest.mark.parametrize("seconds", [40, 60, 300, 1500])
@pytest.mark.parametrize(
    ("rate", "median_ms", "text"),
    [
        (lambda t: 60 * (1 - 0.5 * t), level(50), "throughput fell from"),
        (lambda t: 60 * (1 + 0.8 * t), level(50), "throughput rose from"),
        (level(60), lambda t: 50 * (1 + t), "median latency rose from"),
        (level(60), lambda t: 100 - 60 * (1 - np.exp(-3 * t)), "median latency fell from"),
        (level(60), lambda t: np.where(t < 0.5, 50, 100), "median latency rose from"),
    ],
)
def test_a_drift_is_invalid(seconds: int, rate: Curve, median_ms: Curve, text: str) -> None:
    found = judge(requests_of(seconds, rate, median_ms), 0, seconds)
    assert found.status == "invalid"
    assert found.value is not None
    assert found.value > 0.2
    assert text in found.text


def test_a_small_drift_is_steady() -> None:
    assert judge(requests_of(300, lambda t: 60 * (1 + 0.1 * t), lambda t: 50 * (1 - 0.1 * t)), 0, 300).status == "ok"


def test_a_drift_of_less_than_a_millisecond_does_not_matter() -> None:
    assert judge(requests_of(60, level(60), lambda t: 0.5 + t), 0, 60).status == "ok"
    assert judge(requests_of(60, level(60), lambda t: 5 + 10 * t), 0, 60).status == "invalid"


def test_stages_are_judged_each_for_itself() -> None:
    requests = requests_of(120, lambda t: np.where(t < 0.5, 30, 90), level(50))
    assert judge(requests, 0, 60, 120).status == "ok"
    assert "each of 2 stages" in judge(requests, 0, 60, 120).text
    assert judge(requests, 0, 120).status == "invalid"


def test_too_short_to_judge() -> None:
    found = judge(requests_of(19, lambda t: 100 * (1 - t), level(50)), 0, 19)
    assert found.status == "unjudged"
    assert found.text == "The 19 s after the ramp are too short to judge steadiness (20 s are needed)."
    assert check_steadiness(requests_of(5, level(1), level(1)), [], complete=True).status == "unjudged"


@pytest.mark.parametrize("until", [0.4, 0.7])
def test_a_load_that_dries_up(until: float) -> None:
    found = judge(requests_of(120, lambda t: np.where(t < until, 50, 0), level(50)), 0, 120)
    assert found.status == "invalid"
    assert "to 0 requests/s between the first and the last third of 120 s" in found.text


def test_mann_kendall_equals_kendalls_tau_for_long_series() -> None:
    rng = np.random.default_rng(2)
    for values in (rng.normal(size=20), rng.integers(0, 5, 20).astype(float), np.arange(20) + rng.normal(0, 8, 20)):
        expected = kendalltau(np.arange(20), values, method="asymptotic").pvalue
        # scipy's asymptotic p has no continuity correction: the p of this module is the larger one
        assert expected <= steadiness._mann_kendall_p(values, 0.0) <= expected + 0.06
    assert steadiness._mann_kendall_p(np.full(20, 3.0), 0.0) == 1.0


def test_the_slope_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    for length in (10, 11, 30):
        places, values = np.sort(rng.choice(50, length, replace=False)), rng.normal(size=length)
        assert steadiness._theil_sen_slope(places, values) == pytest.approx(theilslopes(values, places)[0])


def ar1(rng: np.random.Generator, length: int, rho: float) -> np.ndarray:
    noise = rng.normal(size=length + 100) * np.sqrt(1 - rho**2)
    for place in range(1, len(noise)):
        noise[place] += rho * noise[place - 1]
    return noise[100:]


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_block_correlation_is_that_of_simulated_block_means(rho: float) -> None:
    rng = np.random.default_rng(9)
    series = ar1(rng, 60_000, rho)
    for per_block in (1, 3, 10):
        means = series.reshape(-1, per_block).mean(axis=1)
        assert block_correlation(series, per_block) == pytest.approx(np.corrcoef(means[1:], means[:-1])[0, 1], abs=0.03)


@pytest.mark.parametrize("seconds", [20, 60, 300])
def test_autocorrelated_noise_is_seldom_taken_for_a_drift(seconds: int) -> None:
    rng = np.random.default_rng(17)
    blocks = min(steadiness.MAX_BLOCKS, seconds // steadiness.MIN_BLOCK_S)
    per_block = seconds // blocks
    alarms = 0
    for _ in range(200):
        series = 100 * (1 + 0.25 * ar1(rng, blocks * per_block, 0.8))
        trend = measure_trend(series, series.reshape(blocks, per_block).mean(axis=1), per_block)
        assert trend is not None
        alarms += abs(trend.change) > steadiness.CHANGE_LIMIT and trend.p_value < steadiness.P_LIMIT
    assert alarms / 200 <= 0.06
