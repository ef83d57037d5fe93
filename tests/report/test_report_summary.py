"""summary.json: the contract with machines."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from report_samples import ENDPOINTS, report_data
from verdict_samples import BROKEN, MET, result, verdict

from loadlab.report import STATISTICS, summary_dict


def test_it_holds_the_numbers_of_the_run_and_of_each_endpoint() -> None:
    data = report_data(20, figures=False)
    summary = summary_dict(data)
    assert " ".join(summary) == (
        "schema_version id status started ended validity verdict total endpoints regions conservation labels"
    )
    assert summary["id"] == data.info["id"]
    assert summary["validity"]["status"] == data.validity["status"]
    assert summary["conservation"]["sent"] == summary["total"]["count"]
    assert sorted((row["request_type"], row["name"]) for row in summary["endpoints"]) == sorted(
        (request_type, name) for request_type, name, _ in ENDPOINTS
    )
    assert sum(row["count"] for row in summary["endpoints"]) == summary["total"]["count"]
    for row in (summary["total"], *summary["endpoints"]):
        assert set(STATISTICS) <= set(row)
    for row, source in zip(summary["endpoints"], data.summary.iloc[:-1].to_dict("records"), strict=True):
        for key in STATISTICS:
            assert row[key] == pytest.approx(source[key], rel=1e-8)


def test_it_is_plain_json_and_an_undefined_number_is_null() -> None:
    summary = summary_dict(report_data(0, figures=False))
    again = json.loads(json.dumps(summary, allow_nan=False))
    assert again == summary
    assert summary["total"]["count"] == 0
    assert summary["total"]["p99_ms"] is None
    assert summary["endpoints"] == []


def test_only_the_reasons_of_failed_checks_are_told() -> None:
    data = report_data(5, figures=False)
    summary = summary_dict(data)
    assert summary["validity"]["reasons"] == [
        check["text"] for check in data.validity["checks"] if check["status"] in ("warning", "invalid")
    ]


def test_types_are_those_of_json() -> None:
    total = summary_dict(report_data(5, figures=False))["total"]
    assert type(total["count"]) is int
    assert type(total["p95_ms"]) is float
    assert not isinstance(total["rps"], np.floating)
    assert all(value is None or math.isfinite(value) for value in total.values())


def test_the_verdict_is_told_with_its_numbers() -> None:
    nothing = result("p99(POST /pay) < 1s", "invalid", value=float("nan"))
    data = report_data(5, figures=False, verdict=verdict(BROKEN, MET, nothing))
    told = json.loads(json.dumps(summary_dict(data)["verdict"], allow_nan=False))
    assert told == {**data.verdict, "criteria": [BROKEN, MET, {**nothing, "value": None}]}
    assert summary_dict(report_data(5, figures=False))["verdict"] == {
        "status": "unjudged",
        "reasons": [],
        "criteria": [],
    }
