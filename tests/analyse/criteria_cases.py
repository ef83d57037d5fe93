"""Criteria of every kind, and what it means that two runs of them have come to the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from raw_samples import START

from loadlab.analyse import CriterionResult
from loadlab.spec import Criteria

EVERY_KIND = Criteria.parse(r"""
p50 < 25ms; p95 < 60ms; p99 < 80ms; p95(GET /cart) < 80ms; p50(/*) >= 10ms; p50(/item?id=[id]) < 30ms
mean < 30ms; min > 1ms; max < 900ms; max(POST *) < 60ms
error_ratio < 1%; error_ratio <= 5%; error_ratio(/cart) < 2%; error_ratio < 0.1%
rps >= 18; rps < 30; rps(GET *) >= 12; count >= 1000; count < 900; count >= 5000; count == 7; count != 7
count(error:Timeout) == 0; count(error:http*) <= 4; count(error:*) < 100; count(error:Nothing) == 0
users >= 9; users <= 10; users <= 11 over 5s
metric(checkouts) > 5/s; metric(checkouts) > 100; metric(checkouts) < 8/s over 5s; metric(online) > 25
metric(online) <= 32 over 1s
signal(pod_cpu) < 0.7 cores; signal(pod_cpu) < 650 millicores over 5s; signal(pod_cpu) < 0.6 cores for 6s
p50 < 60ms over 5s; p95 < 200ms over 10s; p95 < 200ms over 2s; p99 < 500ms over 20s; mean < 100ms over 3s
error_ratio < 10% over 5s; error_ratio < 2% over 30s; error_ratio < 2% over 1s; rps >= 10 over 5s; rps >= 1 over 2s
count > 20 over 5s; count(error:timeout) < 3 over 2s; max < 800ms over 1s
p50 > 60ms for 3s; p50 > 60ms over 2s for 4s; p50 < 60ms over 2s for 4s; rps < 1 over 1s for 3s; rps < 1 for 5m
rps >= 10 over 2s for 3s; error_ratio > 10% over 5s for 6s; error_ratio > 5% over 1s for 3s; count < 5 over 1s for 4s
p95 > 100ms over 3s for 2s; count(error:*) > 2 over 1s for 2s; metric(online) > 22 over 1s for 2s
users == 10 over 1s for 3s
rps drops > 50% within 15s; rps drops > 50% over 3s within 15s; rps drops >= 100% over 3s within 40s
p50 rises > 100% over 5s within 30s; rps rises > 200% over 2s within 10s; p95 rises > 90% over 4s within 20s
mean drops > 60% over 2s within 8s; metric(checkouts) drops > 40% over 3s within 20s
error_ratio < 5% else stop; error_ratio < 1% else stop after 20s; p50 < 22ms else stop after 1s; count < 900 else stop
rps >= 10 over 5s else stop; rps >= 10 over 5s else stop after 30s; rps < 1 over 1s for 3s else stop after 55s
p50 < 25ms from start; rps >= 10 over 5s from start; count(error:*) == 0 from start; p99 < 80ms from start else stop
rps drops > 50% over 3s within 15s from start else stop after 20s; metric(checkouts) > 100 else stop
""")


def seconds_of(result: CriterionResult) -> int | None:
    return None if result.first_broken is None else int(result.first_broken.timestamp()) - START


def assert_same(ones: Sequence[CriterionResult], others: Sequence[CriterionResult]) -> None:
    for one, other in zip(ones, others, strict=True):
        assert replace(one, value=None) == replace(other, value=None)
        assert (one.value is None) == (other.value is None)
        assert one.value is None or other.value is None or one.value == pytest.approx(other.value, rel=1e-9)
