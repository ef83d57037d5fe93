"""What a run's validity is made of, and the checks of what happened to the run itself: trip each, and do not."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from judged_runs import EVENTS, SECONDS, check, counts, judge, make_samples
from raw_samples import event

from loadlab import schema
from loadlab.analyse import Check, Validity, check_validity
from loadlab.errors import AnalysisError

ALL = [
    *("samples", "success", "conservation", "workers", "users", "generator_cpu", "generator_lag", "clocks"),
    *("target_rate", "steady", "end", "tasks", "master_cpu", "names", "interrupted", "lease", "journal", "master"),
    "regions",
    "notices",
]


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


def test_what_could_not_be_judged_speaks_neither_way() -> None:
    short = [*EVENTS[:3], event(12, "test_stopping"), event(12.5, "test_stop")]
    validity = judge(samples=make_samples(seconds=12), events=short, end_reason=None)
    assert validity.status == "valid"
    unjudged = {each.name for each in validity.checks if each.status == "unjudged"}
    assert unjudged == {"target_rate", "steady", "end", "tasks"}


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
        ("run_time", 300, "warning", "The test was cut short after 60.1 of 300 s: Locust ended it."),
        ("shape_done", 9999, "ok", "The load went through its shape to the end."),
        (None, 300, "unjudged", "Whether the test lasted as long as planned is not known."),
        ("run_time", None, "unjudged", "Whether the test lasted as long as planned is not known."),
        ("locustfile", SECONDS, "ok", "The test lasted as long as planned."),
        ("locustfile", 300, "warning", "The test was cut short after 60.1 of 300 s: the locustfile ended it."),
        ("workers_lost", 300, "warning", "The test was cut short after 60.1 of 300 s: no worker was left."),
        ("quit", 300, "warning", "The test was cut short after 60.1 of 300 s: Locust was told to quit."),
        ("killed", 300, "warning", "The test was cut short after 60.1 of 300 s: its swarm was killed."),
        ("killed", None, "warning", "The test was cut short before its time: its swarm was killed."),
        ("recorder_lost", SECONDS, "ok", "The test lasted as long as planned."),
        (
            "recorder_lost",
            300,
            "warning",
            "The test was cut short after 60.1 of 300 s: what recorded it died, and nothing tells how it ended.",
        ),
        (
            "recorder_lost",
            None,
            "warning",
            "The test was cut short before its time: what recorded it died, and nothing tells how it ended.",
        ),
        ("stopped", 300, "ok", "The test ended after 60.1 of 300 s: stopped."),
        ("lease_expired", 300, "ok", "The test ended after 60.1 of 300 s: lease expired."),
    ],
)
def test_a_test_that_was_cut_short(reason: str | None, planned_s: float | None, status: str, text: str) -> None:
    found = check(judge(end_reason=reason, planned_s=planned_s), "end")
    assert (found.status, found.limit) == (status, planned_s)
    assert found.text == text


def test_a_test_of_which_no_time_is_known_is_not_said_to_have_lasted() -> None:
    assert check(judge(events=[], end_reason="master_lost", planned_s=300), "end").status == "unjudged"
