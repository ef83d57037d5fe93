"""What a report says of where its numbers come from."""

from __future__ import annotations

import dataclasses

from report_samples import report_data

from loadlab.report.provenance import collect_facts
from loadlab.report.verdict import headlines
from loadlab.spec import LoadTest


def told(test: LoadTest) -> dict[str, str]:
    data = report_data(5, figures=False)
    data = dataclasses.replace(data, info={**data.info, "loadtest": test.to_dict()})
    return dict(next(group for group in collect_facts(data) if group.title == "Test").rows)


def test_a_test_is_told_as_on_the_command_line() -> None:
    rows = told(
        LoadTest(
            locustfile="shop.py",
            host="http://127.0.0.1:8000",
            run_time="1h30m",
            spawn_rate=2,
            lease=None,
            trace_headers=False,
            tags="a, b",
            locust_options="--think-time '0.2 s'",
            environment={"TOKEN": "secret"},
        )
    )
    assert rows == {
        "locustfile": "shop.py",
        "host": "http://127.0.0.1:8000",
        "users": "1",
        "spawn_rate": "2",
        "run_time": "1h30m",
        "workers": "1",
        "tags": "a, b",
        "environment": "TOKEN (values are not shown)",
        "stop_timeout": "10s",
        "lease": "none",
        "trace_headers": "no",
        "check_host": "yes",
        "locust_options": "--think-time '0.2 s'",
    }


def test_stages_are_counted_from_one() -> None:
    rows = told(LoadTest(locustfile="shop.py", stages="5/1/30s, 9/1/1m/peak"))
    assert (rows["stage 1"], rows["stage 2"]) == ("5/1/30s", "9/1/1m/peak")
    assert rows["run_time"] == "1m30s"


def test_without_requests_there_are_no_numbers_of_them() -> None:
    data = report_data(5, endpoints=(), figures=False)
    assert [(each.label, each.value) for each in headlines(data)] == [("Requests", "0"), ("Peak users", "40")]
