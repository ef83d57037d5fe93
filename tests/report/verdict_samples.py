"""Verdicts as the criteria give them to a report."""

from __future__ import annotations

from typing import Any


def result(criterion: str, status: str = "passed", text: str = "It was so.", **changes: Any) -> dict[str, Any]:
    """`CriterionResult.to_dict()` of one criterion."""
    return {
        "criterion": criterion,
        "status": status,
        "text": text,
        "value": 412.25,
        "threshold": 300.0,
        "unit": "ms",
        "samples": 1234,
        "first_broken": "2026-11-23T10:00:07Z" if status == "failed" else None,
        **changes,
    }


BROKEN = result("p99(GET /cart) < 300ms", "failed", "p99 of GET /cart was 412 ms, not below 300 ms.")
MET = result("error_ratio < 1%", text="0.2 % of 1,234 requests failed.", value=0.002, threshold=0.01, unit="")
UNKNOWN = result("p99(POST /pay) < 1s", "invalid", "7 requests are too few for p99.", value=None, samples=7)


def verdict(*results: dict[str, Any], status: str = "", reasons: tuple[str, ...] | None = None) -> dict[str, Any]:
    """`Verdict.to_dict()` of these results on a run that can be trusted, unless `status` says otherwise."""
    found = [each["status"] for each in results]
    worst = next((each for each in ("failed", "invalid", "passed") if each in found), "unjudged")
    doubts = [each["text"] for each in results if each["status"] != "passed"]
    return {
        "status": status or worst,
        "reasons": doubts if reasons is None else list(reasons),
        "criteria": list(results),
    }
