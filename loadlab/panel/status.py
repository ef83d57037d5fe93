"""What is known of a run at one moment: the numbers that the panel shows."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from loadlab.panel.doubts import find_doubts
from loadlab.spec import hide_host

if TYPE_CHECKING:
    import pandas as pd

    from loadlab.analyse import CriterionResult
    from loadlab.spec import LoadTest
    from loadlab.stream import BinRow, LiveSeconds, Tally

QUANTILES = (0.5, 0.95, 0.99)


class Archived(Protocol):
    """What the picture of a run that is over is read from: its archive, as its reports are."""

    @property
    def duration_s(self) -> float | None:
        """Seconds under load."""

    def summary(self) -> pd.DataFrame:
        """See `analyse.summarise`."""


class Watched(Protocol):
    """What a status is read from: a LiveRun, or a replay of one."""

    test: LoadTest
    id: str
    seconds: LiveSeconds
    last_news: float

    @property
    def state(self) -> str:
        """One word or two."""

    @property
    def planned_s(self) -> float | None:
        """How long the test should last."""

    @property
    def target_users(self) -> int:
        """Users that were asked for last."""

    @property
    def outcome(self) -> tuple[bool, str]:
        """Whether it is over, and what a person should know about how it ended."""

    @property
    def archived(self) -> Archived | None:
        """The run's archive; None while it goes on, and of one that has failed."""

    @property
    def own_warnings(self) -> Sequence[str]:
        """What the reader of the records has to say itself."""

    def results(self) -> tuple[CriterionResult, ...]:
        """What each criterion of the test has come to so far."""


@dataclass(frozen=True)
class EndpointStatus:
    """One endpoint: rates and percentiles of the status's seconds, and its sums over the whole run."""

    request_type: str
    name: str
    rps: float
    error_ratio: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int
    failures: int


@dataclass(frozen=True)
class Status:
    """A run at one moment.

    rps (successful requests a second), error_ratio (0 to 1) and the percentiles, exact from the histograms, are those
    of the last `window_s` closed seconds under load; of a run that is over, those of all of it. NaN where there was
    nothing to measure. `as_of` is the end of the last closed second in epoch seconds, on the master's clock; None
    before there is one. Users run from `began` to `stopped`, on the same clock; None before that. `criteria` are judged
    as if the run ended now. `endpoints` are ordered, the worst first.
    """

    run_id: str
    host: str
    state: str
    over: bool
    outcome: str
    as_of: float | None
    began: float | None
    stopped: float | None
    elapsed_s: float
    planned_s: float | None
    users: int
    target_users: int
    workers: int
    expected_workers: int
    window_s: int
    rps: float
    target_rps: float | None
    error_ratio: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int
    failures: int
    doubts: tuple[str, ...]
    criteria: tuple[CriterionResult, ...]
    endpoints: tuple[EndpointStatus, ...]
    recent: tuple[BinRow, ...]
    whole: tuple[BinRow, ...]

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the test has to go; None where that is not known."""
        return None if self.planned_s is None else max(0.0, self.planned_s - self.elapsed_s)

    @property
    def moment_text(self) -> str | None:
        """The moment that it is about, as a person reads it; None before there is any data."""
        return None if self.as_of is None else f"{datetime.fromtimestamp(self.as_of, UTC):%H:%M:%S} UTC"

    @property
    def as_of_text(self) -> str:
        """What it is about: its moment, or that there is no data."""
        if self.moment_text is None:
            return "no data" if self.over else "no data yet"
        return f"as of {self.moment_text}"

    @property
    def progress_text(self) -> str:
        """How long it has run, and has to go."""
        if self.over:
            early = self.planned_s is not None and self.elapsed_s < self.planned_s - 1
            return f"after {self.elapsed_s:.0f} s" + (f" instead of {self.planned_s:.0f}" if early else "")
        if self.planned_s is None:
            return f"{self.elapsed_s:.0f} s"
        return f"{self.elapsed_s:.0f} of {self.planned_s:.0f} s, {self.remaining_s:.0f} s left"

    @property
    def line(self) -> str:
        """The headline numbers in one line of text."""
        from loadlab.plot import format_count, format_ms, format_number, format_percent

        covered = "whole run" if self.over else f"last {self.window_s} s"
        told = [
            f"{self.run_id}: {self.state}",
            self.progress_text,
            f"{format_count(self.users)} users" if not self.over else f"{format_count(self.requests)} requests",
            f"{format_number(self.rps)} rps",
            f"{format_percent(self.error_ratio)} failed",
            f"p50 {format_ms(self.p50_ms)}, p95 {format_ms(self.p95_ms)}, p99 {format_ms(self.p99_ms)} ({covered})",
        ]
        if not self.requests:
            told = told[:2]
        if self.outcome:
            told.append(self.outcome.removesuffix("."))
        return f"{', '.join(told)}. {self.as_of_text[0].upper()}{self.as_of_text[1:]}."

    def __repr__(self) -> str:
        return f"Status({self.line})"


def read_status(run: Watched) -> Status:
    """What is known of `run` now. Costs a few milliseconds, however long it has been going on.

    The numbers of a run that is over come from its archive: they are those of its reports.
    """
    seconds, test = run.seconds, run.test
    over, outcome = run.outcome
    whole, (window, window_s) = seconds.whole(), seconds.window()
    archived = run.archived if over else None
    elapsed_s = seconds.elapsed_s
    if archived is not None:
        elapsed_s = archived.duration_s or elapsed_s
        *endpoints, total = (_summed(row) for row in archived.summary().to_dict("records"))
    else:
        covered_s = max(elapsed_s, 1.0) if over else float(window_s)
        total = _numbers("", "", whole if over else window, whole, covered_s)
        endpoints = _endpoints(seconds, covered_s, over)
    silent_s = 0.0 if over or seconds.began is None else time.monotonic() - run.last_news
    return Status(
        run_id=run.id,
        host=hide_host(test.host or ""),
        state=run.state,
        over=over,
        outcome=outcome,
        as_of=None if seconds.last_second is None else seconds.last_second + 1.0,
        began=seconds.began,
        stopped=seconds.stopped,
        elapsed_s=elapsed_s,
        planned_s=run.planned_s,
        users=seconds.users,
        target_users=run.target_users,
        workers=len(seconds.workers),
        expected_workers=seconds.expected_workers,
        window_s=window_s,
        rps=total.rps,
        target_rps=test.target_rps,
        error_ratio=total.error_ratio,
        p50_ms=total.p50_ms,
        p95_ms=total.p95_ms,
        p99_ms=total.p99_ms,
        requests=total.requests,
        failures=total.failures,
        doubts=tuple(
            find_doubts(seconds, window, total.rps, test.target_rps, silent_s, own_warnings=run.own_warnings, over=over)
        ),
        criteria=run.results(),
        endpoints=tuple(sorted(endpoints, key=_badness, reverse=True)),
        recent=tuple(seconds.recent_rows()),
        whole=tuple(seconds.whole_rows()),
    )


def _numbers(request_type: str, name: str, covered: Tally, total: Tally, covered_s: float) -> EndpointStatus:
    rate = (covered.count - covered.failures) / covered_s if covered_s else math.nan
    p50, p95, p99 = covered.quantiles(QUANTILES)
    return EndpointStatus(request_type, name, rate, covered.error_ratio, p50, p95, p99, total.count, total.failures)


def _summed(row: dict[Hashable, Any]) -> EndpointStatus:
    """A row of `analyse.summarise`."""
    return EndpointStatus(
        request_type=str(row["request_type"]),
        name=str(row["name"]),
        requests=int(row["count"]),
        failures=int(row["failures"]),
        **{name: float(row[name]) for name in ("rps", "error_ratio", "p50_ms", "p95_ms", "p99_ms")},
    )


def _endpoints(seconds: LiveSeconds, covered_s: float, over: bool) -> list[EndpointStatus]:
    return [
        _numbers(*endpoint, total if over else now, total, covered_s)
        for endpoint, (now, total) in seconds.endpoints().items()
    ]


def _badness(row: EndpointStatus) -> tuple[float, float, str]:
    """Failing ones first, the most failing before all; then the slow ones; what does nothing comes last."""
    ratio = 0.0 if math.isnan(row.error_ratio) else row.error_ratio
    return (ratio, -1.0 if math.isnan(row.p95_ms) else row.p95_ms, row.name)
