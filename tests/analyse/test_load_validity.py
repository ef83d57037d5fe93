"""The validity checks of the load: the samples, where each request went, the generators, the users and the rate."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from judged_runs import SECONDS, STEADY, check, counts, judge, make_generators, make_samples
from raw_samples import event

from loadlab import schema


def test_the_master_of_a_region_is_no_worker() -> None:
    generators = make_generators(cpu_percent=lambda second, worker: 99.0 if worker == "master" else 30.0)
    names = generators["worker"].astype("str").map(lambda worker: f"us/{worker}").astype("category")
    validity = judge(generators=generators.assign(worker=names))
    assert check(validity, "generator_cpu").status == "ok"
    assert check(validity, "master_cpu").status == "warning"


@pytest.mark.parametrize(("rate", "status"), [(7, "ok"), (6, "invalid")])
def test_samples(rate: int, status: str) -> None:
    found = check(judge(samples=make_samples(rate=rate), conservation={}), "samples")
    assert (found.status, found.value, found.limit) == (status, STEADY * rate, 368)
    assert "p99, which needs 368" in found.text
    assert check(judge(samples=make_samples(rate=rate), conservation={}, quantile=0.95), "samples").status == "ok"


@pytest.mark.parametrize(
    ("failing", "status", "text"),
    [
        (0.0, "ok", "3,000 requests succeeded."),
        (0.3, "ok", "requests succeeded."),
        (0.7, "warning", "% of the requests failed: response times"),
        (1.0, "invalid", "No request succeeded, all 3,000 failed, so this measures no service: check the host"),
    ],
)
def test_success(failing: float, status: str, text: str) -> None:
    validity = judge(samples=make_samples(failing=failing))
    found = check(validity, "success")
    assert (found.status, validity.status) == (status, {"ok": "valid"}.get(status, status))
    assert text in found.text


@pytest.mark.parametrize(
    ("conservation", "status", "text"),
    [
        (counts(), "ok", "All 3,000 requests sent are accounted for"),
        (counts(sent=3001, lost=1), "warning", "1 request of 3,001 sent (0.033 %) is lost"),
        (counts(sent=3010, lost=10), "invalid", "10 requests of 3,010 sent (0.33 %) are lost"),
        (counts(ok=2972, sent=3002, lost=2), "warning", "2 requests of 3,002 sent (0.067 %) are lost"),
        (counts(sent=3001, unreported=1), "warning", "1 request of 3,001 sent (0.033 %) is in no statistic: answered"),
        (counts(sent=3010, unreported=10), "invalid", "10 requests of 3,010 sent (0.33 %) are in no statistic"),
        (counts(sent=3004, unreported=2, lost=2), "invalid", "are lost: no result arrived. 2 requests of 3,004"),
        (counts(unreported=-5), "ok", "accounted for"),
        (counts(sent=2995, lost=-5), "invalid", "5 requests more arrived than the 2,995 that were sent"),
        (
            counts(ok=2990, sent=3020),
            "invalid",
            "The archive holds 3,000 requests, but 3,020 are said to have finished",
        ),
        ({}, "warning", "last counts are missing"),
    ],
)
def test_conservation(conservation: dict[str, int], status: str, text: str) -> None:
    found = check(judge(conservation=conservation), "conservation")
    assert found.status == status
    assert text in found.text


def test_conservation_needs_its_keys() -> None:
    with pytest.raises(KeyError, match="in_flight"):
        judge(conservation={"sent": 1, "ok": 1, "failed": 0, "lost": 0})


@pytest.mark.parametrize(("hot", "status"), [(0, "ok"), (1, "warning"), (5, "warning"), (6, "invalid")])
def test_generator_cpu(hot: int, status: str) -> None:
    def cpu(second: int, worker: str) -> float:
        # the ramp does not count, nor do seconds after the test
        return 99.0 if worker == "worker-2" and (second < 3 or 10 <= second < 10 + hot) else 60.0

    found = check(judge(generators=make_generators(cpu_percent=cpu)), "generator_cpu")
    assert (found.status, found.value) == (status, pytest.approx(hot / STEADY))
    if hot:
        assert f"worker-2 used more than 90 % of one core in {hot} of 57 steady seconds" in found.text


def test_the_master_counts_only_when_it_is_saturated_itself() -> None:
    busy = judge(generators=make_generators(cpu_percent=lambda second, worker: 99.0 if worker == "master" else 20.0))
    assert check(busy, "generator_cpu").status == "ok"
    assert check(busy, "master_cpu").status == "warning"
    brief = judge(generators=make_generators(cpu_percent=lambda second, worker: 99.0 if second == 20 else 20.0))
    assert check(brief, "master_cpu").status == "ok"


@pytest.mark.parametrize(
    ("lag_ms", "every", "scale_ms", "status"),
    [
        (2.0, 1, 1.0, "ok"),  # under the floor
        (15.0, 1, 100.0, "ok"),  # p99 is about 200 ms: 15 ms do not matter
        (60.0, 1, 100.0, "warning"),  # more than 20 % of p99, 6 % of the requests
        (130.0, 1, 100.0, "invalid"),  # more than 50 % of p99
        (130.0, 20, 100.0, "ok"),  # 0.65 % of the requests cannot make the slowest 1 %
        (30.0, 1, 1.0, "invalid"),  # a fast target and a saturated generator
        (3000.0, 10, 100.0, "invalid"),
    ],
)
def test_generator_lag(lag_ms: float, every: int, scale_ms: float, status: str) -> None:
    generators = make_generators(lag_ms=lambda second, worker: lag_ms if second % every == 0 else 1.0)
    found = check(judge(samples=make_samples(scale_ms=scale_ms), generators=generators), "generator_lag")
    assert found.status == status
    assert found.limit == pytest.approx(0.01)
    assert "p99" in found.text


def test_lag_without_latencies() -> None:
    untimed = judge(samples=make_samples().assign(ms=math.nan))
    assert check(untimed, "generator_lag").status == "unjudged"
    assert check(untimed, "samples").status == "invalid"


def test_unknown_generators_are_a_warning() -> None:
    validity = judge(generators=schema.empty_frame("generators"))
    assert validity.status == "warning"
    assert [c.name for c in validity.checks if c.status == "warning"] == ["generator_cpu", "generator_lag", "clocks"]


@pytest.mark.parametrize(
    ("offset", "status", "text"),
    [
        (0.4, "ok", "within 0.4 ms"),
        (-999.0, "ok", "within 999 ms"),
        (-30_000.0, "warning", "worker-2 was 30.0 s ahead of the master"),
        (2_500.0, "warning", "worker-2 was 2.5 s behind the master"),
        (None, "invalid", "The clock of worker-2 was never compared"),
    ],
)
def test_clocks(offset: float | None, status: str, text: str) -> None:
    generators = make_generators(
        clock_offset_ms=lambda second, worker: offset if worker == "worker-2" else None if worker == "master" else 0.1
    )
    found = check(judge(generators=generators), "clocks")
    assert found.status == status
    assert text in found.text


@pytest.mark.parametrize(
    ("target", "status"), [(None, "unjudged"), (50, "ok"), (52, "ok"), (48, "ok"), (20, "ok"), (53, "invalid")]
)
def test_target_rate(target: float | None, status: str) -> None:
    found = check(judge(samples=make_samples().assign(failed=False), conservation={}, target_rps=target), "target_rate")
    assert found.status == status
    if target:
        assert found.text.startswith("50 requests/s succeeded in steady state")
        assert found.value == pytest.approx(max(0, 1 - 50 / target))


def test_only_successful_requests_reach_the_target_rate() -> None:
    failing = make_samples().assign(failed=lambda samples: samples.index % 10 == 0)
    assert check(judge(samples=failing, target_rps=45), "target_rate").status == "ok"
    missed = check(judge(samples=failing, target_rps=50), "target_rate")
    assert (missed.status, missed.value) == ("invalid", pytest.approx(0.1))
    none = check(judge(samples=make_samples().assign(failed=True), target_rps=50), "target_rate")
    assert none.text.startswith("0 requests/s succeeded in steady state, 100 % below the 50 asked for")


@pytest.mark.parametrize(("too_many", "status"), [(0, "ok"), (5, "ok"), (6, "invalid"), (40, "invalid")])
def test_more_users_than_asked_for(too_many: int, status: str) -> None:
    def users(second: int, worker: str) -> int:
        return 0 if worker == "master" else 10 if worker == "worker-1" and 10 <= second < 10 + too_many else 5

    found = check(judge(generators=make_generators(users=users)), "users")
    assert (found.status, found.value) == (status, pytest.approx(too_many / (STEADY - 1)))
    if too_many:
        assert f"in {too_many} of 56 steady seconds" in found.text
        assert "up to 15 instead of 10" in found.text
        assert ("up to 5 s are what it takes" in found.text) == (status == "ok")
    else:
        assert found.text == "No more users ran than were asked for."


def test_users_of_the_next_stage_in_the_last_second_of_one_are_none_too_many() -> None:
    events = [
        *[event(0.1, "test_start"), event(0.1, "stage", "0", index=0, users=10, spawn_rate=10, name="")],
        *[event(2.4, "ramp_complete", users=10), event(30.1, "stage", "1", index=1, users=20, spawn_rate=10, name="")],
        *[event(31.4, "ramp_complete", users=20), event(SECONDS + 0.2, "test_stopping")],
    ]

    def users(second: int, worker: str) -> int:
        return 0 if worker == "master" else 5 if second < 29 else 10

    found = check(judge(events=events, generators=make_generators(users=users)), "users")
    assert (found.value, found.text) == (0.0, "No more users ran than were asked for.")


def test_users_who_finish_their_task_after_a_larger_stage_are_none_too_many() -> None:
    events = [
        *[event(0.1, "test_start"), event(0.1, "stage", "0", index=0, users=20, spawn_rate=10, name="")],
        *[event(2.4, "ramp_complete", users=20), event(30.1, "stage", "1", index=1, users=10, spawn_rate=10, name="")],
        *[event(31.4, "ramp_complete", users=10), event(SECONDS + 0.2, "test_stopping")],
    ]

    def users(second: int, worker: str) -> int:
        return 0 if worker == "master" else 10 if second < 40 else 5

    assert check(judge(events=events, generators=make_generators(users=users)), "users").status == "ok"
    kept = check(judge(events=events, generators=make_generators(users=lambda *_: 10)), "users")
    assert kept.status == "invalid"


def test_two_rows_of_one_worker_and_second_count_its_users_once() -> None:
    twice = pd.concat([make_generators(), make_generators()])
    assert check(judge(generators=twice), "users").status == "ok"
