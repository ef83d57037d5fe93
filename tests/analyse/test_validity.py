"""Every validity check with a run that trips it and a run that does not."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from raw_samples import START, event, requests_table, table

from loadlab import schema
from loadlab.analyse import Check, Validity, check_validity
from loadlab.errors import AnalysisError

SECONDS = 60
EVENTS = [
    event(0.1, "test_start"),
    event(0.1, "stage", "0", index=0, users=10, spawn_rate=10, name=""),
    event(2.4, "ramp_complete", users=10),
    event(SECONDS + 0.2, "test_stopping"),
    event(SECONDS + 0.9, "test_stop"),
]
STEADY = SECONDS - 3
ALL = [
    *("samples", "success", "conservation", "workers", "users", "generator_cpu", "generator_lag", "clocks"),
    *("target_rate", "steady", "end", "tasks", "master_cpu", "names", "interrupted", "lease", "journal", "master"),
    "regions",
    "notices",
]


def make_samples(
    *, seconds: int = SECONDS, rate: int = 50, scale_ms: float = 100.0, seed: int = 3, failing: float = 0.01
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = seconds * rate
    return pd.DataFrame(
        {
            "second": np.repeat(START + np.arange(seconds), rate),
            "request_type": "GET",
            "name": "/",
            "ms": scale_ms * rng.lognormal(0, 0.3, n),
            "failed": rng.random(n) < failing,
            "size": 100,
        }
    )


def make_generators(seconds: int = SECONDS, **changes: object) -> pd.DataFrame:
    """Two calm workers and a master; `changes` replaces a column: a value or a function of (second, worker)."""
    rows = []
    for second in range(seconds):
        for worker in ("worker-1", "worker-2", "master"):
            row = {
                "time": pd.Timestamp(START + second, unit="s", tz="UTC"),
                "worker": worker,
                "users": 5,
                "requests": 0 if worker == "master" else 25,
                "cpu_percent": 35.0,
                "memory_bytes": 10**8,
                "lag_ms": 2.0,
                "clock_offset_ms": None if second == 0 else 0.3,
            }
            for column, change in changes.items():
                row[column] = change(second, worker) if callable(change) else change
            rows.append(row)
    return table("generators", rows)


def judge(**changes: object) -> Validity:
    samples = changes.pop("samples", None)
    requests = requests_table(make_samples() if samples is None else samples)
    finished, failed = int(requests["count"].sum()), int(requests["failures"].sum())
    counts = {"sent": finished + 4, "ok": finished - failed, "failed": failed, "in_flight": 4, "lost": 0}
    events = table("events", [*changes.pop("events", EVENTS), *changes.pop("more_events", [])])
    arguments = {"conservation": counts, **changes}
    return check_validity(requests, arguments.pop("generators", make_generators()), events, **arguments)


def check(validity: Validity, name: str) -> Check:
    return next(check for check in validity.checks if check.name == name)


def counts(**changes: int) -> dict[str, int]:
    finished = SECONDS * 50
    return {"sent": finished, "ok": finished - 30, "failed": 30, "in_flight": 0, "lost": 0, **changes}


def test_a_good_run_is_valid() -> None:
    validity = judge(target_rps=50, errors=schema.empty_frame("errors"))
    assert validity.status == "valid"
    assert validity.reasons == ()
    assert [check.name for check in validity.checks] == ALL
    assert {check.status for check in validity.checks} == {"ok"}
    assert all(check.text.endswith(".") for check in validity.checks)


def test_a_lost_region_makes_the_run_invalid_and_its_counts_unknown() -> None:
    lost = {**event(20, "region_lost", "us"), "region": "us", "text": "us is lost: nothing came for 10 s"}
    validity = judge(more_events=[lost])
    assert check(validity, "regions").status == "invalid"
    assert "us is lost: nothing came for 10 s" in check(validity, "regions").text
    assert check(validity, "conservation").status == "warning"
    assert "What us sent last is not known" in check(validity, "conservation").text


def test_the_master_of_a_region_is_no_worker() -> None:
    generators = make_generators(cpu_percent=lambda second, worker: 99.0 if worker == "master" else 30.0)
    names = generators["worker"].astype("str").map(lambda worker: f"us/{worker}").astype("category")
    validity = judge(generators=generators.assign(worker=names))
    assert check(validity, "generator_cpu").status == "ok"
    assert check(validity, "master_cpu").status == "warning"


def test_as_json() -> None:
    for validity in (judge(), judge(conservation={}), judge(generators=schema.empty_frame("generators"))):
        data = json.loads(json.dumps(validity.to_dict(), allow_nan=False))
        assert data["status"] == validity.status
        assert data["reasons"] == list(validity.reasons)
        assert data["checks"][0].keys() == {"name", "status", "text", "value", "limit"}


def test_the_worst_check_decides_and_is_told_first() -> None:
    ok, warning, invalid = (Check(s, s, s) for s in ("ok", "warning", "invalid"))
    assert Validity((ok,)).status == "valid"
    assert Validity((ok, warning)).status == "warning"
    assert Validity((warning, ok, invalid)).status == "invalid"
    assert Validity((warning, ok, invalid)).reasons == ("invalid", "warning")


def test_an_empty_run_is_invalid() -> None:
    empty = check_validity(
        schema.empty_frame("requests"),
        schema.empty_frame("generators"),
        schema.empty_frame("events"),
        conservation=counts(sent=0, ok=0, failed=0),
        target_rps=10,
    )
    assert empty.status == "invalid"
    assert check(empty, "samples").text == "The run holds no requests."
    assert check(empty, "success").status == "unjudged"
    assert check(empty, "target_rate").status == "invalid"
    json.dumps(empty.to_dict(), allow_nan=False)


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


def test_what_could_not_be_judged_speaks_neither_way() -> None:
    short = [*EVENTS[:3], event(12, "test_stopping"), event(12.5, "test_stop")]
    validity = judge(samples=make_samples(seconds=12), events=short)
    assert validity.status == "valid"
    assert {each.name for each in validity.checks if each.status == "unjudged"} == {"target_rate", "steady", "tasks"}


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


def test_lost_workers() -> None:
    assert check(judge(), "workers").status == "ok"
    lost = event(20, "worker_lost", "worker-2", "worker-2 went silent", requests_lost=12)
    gone = check(judge(more_events=[lost]), "workers")
    assert (gone.status, gone.value) == ("invalid", 1)
    assert "1 worker went silent and did not come back (worker-2): at least 12 requests" in gone.text
    back = check(judge(more_events=[lost, event(30, "worker_returned", "worker-2")]), "workers")
    assert back.status == "warning"
    assert "worker-2 went silent for a while and came back; others took over the users meanwhile" in back.text
    again = [lost, event(30, "worker_returned", "worker-2"), event(40, "worker_lost", "worker-2")]
    assert check(judge(more_events=again), "workers").status == "invalid"


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
    assert (found.status, found.value) == (status, pytest.approx(too_many / STEADY))
    if status != "ok":
        assert f"in {too_many} of 57 steady seconds" in found.text
        assert "up to 15 instead of 10" in found.text


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


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("names_folded", "names", "warning"),
        ("interrupted", "interrupted", "warning"),
        ("lease_expired", "lease", "warning"),
        ("journal_failed", "journal", "warning"),
        ("master_lost", "master", "invalid"),
        ("warning", "notices", "warning"),
    ],
)
def test_incidents(kind: str, name: str, status: str) -> None:
    assert check(judge(), name).status == "ok"
    found = check(judge(more_events=[event(SECONDS + 1, kind, "", "what happened.")]), name)
    assert (found.status, found.value) == (status, 1)
    assert found.text.endswith("at 20:27:41 UTC: what happened.")


def test_many_notices_are_counted_and_one_about_a_clock_is_left_to_its_check() -> None:
    notices = [event(5, "warning", "", f"notice {number}") for number in range(5)]
    found = check(judge(more_events=notices), "notices")
    assert found.text.endswith(": notice 0; notice 1; notice 2 (and 2 more).")
    assert check(judge(more_events=[event(5, "warning", "", "", clock_offset_ms=9999)]), "notices").status == "ok"


def test_without_a_completed_ramp_nothing_is_steady_but_the_rest_is_judged() -> None:
    validity = judge(events=EVENTS[:2], target_rps=50)
    assert check(validity, "steady").status == "invalid"
    assert check(validity, "samples").value == SECONDS * 50
    assert check(validity, "target_rate").status == "ok"


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="strictly between"):
        judge(quantile=1.0)
    events = [{**EVENTS[1], "data": "not json"}, *EVENTS[2:]]
    with pytest.raises(AnalysisError, match="JSON"):
        judge(events=events)


def test_tasks_that_end_in_exceptions_are_a_warning() -> None:
    raised = pd.DataFrame(
        {"kind": ["task exception", "HTTP 503"], "message": ["KeyError: 'total'", "no"], "count": [3297, 5]}
    )
    checked = {each.name: each for each in judge(errors=raised).checks}["tasks"]
    assert checked.status == "warning"
    assert "3,297 tasks" in checked.text
    assert "KeyError: 'total'" in checked.text
    assert {each.name: each for each in judge(errors=raised.iloc[1:]).checks}["tasks"].status == "ok"


@pytest.mark.parametrize(
    ("reason", "planned_s", "status", "text"),
    [
        ("run_time", SECONDS, "ok", "The test lasted as long as planned."),
        ("shape_done", 9999, "ok", "The test lasted as long as planned."),
        (None, None, "ok", "The test lasted as long as planned."),
        ("locustfile", SECONDS, "ok", "The test lasted as long as planned."),
        ("locustfile", 300, "warning", "The test was cut short after 60.1 of 300 s: the locustfile ended it."),
        ("quit", 300, "warning", "The test was cut short after 60.1 of 300 s: Locust was told to quit."),
        ("killed", 300, "warning", "The test was cut short after 60.1 of 300 s: its swarm was killed."),
        ("killed", None, "warning", "The test was cut short before its time: its swarm was killed."),
        ("stopped", 300, "ok", "The test ended after 60.1 of 300 s: stopped."),
        ("lease_expired", 300, "ok", "The test ended after 60.1 of 300 s: lease expired."),
    ],
)
def test_a_test_that_was_cut_short(reason: str | None, planned_s: float | None, status: str, text: str) -> None:
    found = check(judge(end_reason=reason, planned_s=planned_s), "end")
    assert (found.status, found.limit) == (status, planned_s)
    assert found.text == text
