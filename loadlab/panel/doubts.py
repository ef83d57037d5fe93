"""What speaks against a run while it goes on: cheap checks of the last seconds, with the limits of `analyse.validity`.

They warn; they do not judge. Whether a run can be trusted is decided by `analyse.check_validity` when it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadlab.schema import is_master

if TYPE_CHECKING:
    from loadlab.stream import LiveSeconds, Tally

SILENT_S = 5.0
"""Without a record for so long, the picture is old."""


LAG_S = 10
"""Stalls are told of when so many seconds are known: while everything begins there are some always."""


def find_doubts(
    seconds: LiveSeconds,
    window: Tally,
    rps: float,
    target_rps: float | None,
    silent_s: float,
    *,
    own_warnings: Sequence[str],
    over: bool,
) -> list[str]:
    """A sentence for each doubt, the worst first. Of a run that is over: only what happened to it.

    `own_warnings` are those of the process that reads the records.
    """
    doubts = []
    if not over and silent_s > SILENT_S:
        doubts.append(f"Nothing has come from the master for {silent_s:.0f} s: what is shown is that old.")
    if seconds.lost:
        names = ", ".join(sorted(seconds.lost)[:5])
        doubts.append(f"{len(seconds.lost)} worker{'s' * (len(seconds.lost) != 1)} went silent: {names}.")
    if not over:
        doubts += _load(seconds, window, rps, target_rps)
        doubts += _generators(seconds, window)
    doubts += own_warnings
    doubts += dict.fromkeys(f"{text.rstrip('.')}." for _, text in reversed(seconds.warnings))
    return doubts


def _load(seconds: LiveSeconds, window: Tally, rps: float, target_rps: float | None) -> list[str]:
    from loadlab.analyse.validity.sending import RATE_LIMIT
    from loadlab.analyse.validity.success import FAILED_LIMIT

    told = []
    if window.count and window.failures == window.count:
        told.append("No request succeeds: check the host and the paths.")
    elif window.error_ratio > FAILED_LIMIT:
        told.append("Most requests fail: response times and rates are mostly those of failures.")
    if target_rps and seconds.phase == "steady" and rps < target_rps * (1 - RATE_LIMIT):
        told.append(f"{rps:,.4g} requests/s succeed, {1 - rps / target_rps:.0%} below the {target_rps:,.6g} asked for.")
    return told


def _generators(seconds: LiveSeconds, window: Tally) -> list[str]:
    """Saturated processes, stalls of event loops and clocks that are off, by the last reports of the generators."""
    from loadlab.analyse.validity.generators import (
        CLOCK_LIMIT_MS,
        CPU_LIMIT_PERCENT,
        CPU_SECONDS_LIMIT,
        LAG_FLOOR_MS,
        LAG_INVALID_SHARE,
    )

    hot: dict[str, set[int]] = {}
    times, off = set(), {}
    requests = delayed = 0.0
    threshold_ms = max(LAG_FLOOR_MS, LAG_INVALID_SHARE * window.quantiles((0.99,))[0])
    for second, (worker, _, finished, cpu, _, lag, offset) in list(seconds.generators):
        times.add(second)
        if cpu is not None and cpu > CPU_LIMIT_PERCENT:
            hot.setdefault(worker, set()).add(second)
        if is_master(worker):
            continue
        requests += finished
        if lag is not None and lag > threshold_ms:
            delayed += finished * min(lag / 1000, 1)
        if offset is not None and abs(offset) > CLOCK_LIMIT_MS:
            off[worker] = offset / 1000
    told = []
    for worker, saturated in sorted(hot.items()):
        if len(saturated) > CPU_SECONDS_LIMIT * len(times):
            what = "records may come late" if is_master(worker) else "it may measure itself: add workers"
            told.append(
                f"{worker} used more than {CPU_LIMIT_PERCENT:.0f} % of one core in {len(saturated)} of the last "
                f"{len(times)} s; {what}."
            )
    if len(times) >= LAG_S and requests and delayed / requests > 0.01:
        told.append(
            f"Stalls of the generators delayed about {delayed / requests:.0%} of the requests of the last "
            f"{len(times)} s: p99 may be their own. Add workers or lower the load."
        )
    told += [
        f"The clock of {worker} is {abs(by):.1f} s {'behind' if by > 0 else 'ahead of'} the master's; it is corrected."
        for worker, by in sorted(off.items())
    ]
    return told
