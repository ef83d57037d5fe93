"""Was it the target that was measured, or the load generator?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadlab.analyse.confidence import quantile_label
from loadlab.analyse.validity.check import Check, Status, enumerate_names, milliseconds, percent, plural

CPU_LIMIT_PERCENT = 90.0
"""A Python process is saturated when it uses this much of one core."""

CPU_SECONDS_LIMIT = 0.10
"""Share of the steady seconds with a saturated worker above which the run is invalid; any such second is a warning."""

LAG_FLOOR_MS = 5.0
"""Event-loop lags up to this are within the noise of an ordinary machine and of the probe."""

LAG_WARNING_SHARE = 0.2
"""A stall counts as a doubt when it is longer than this share of the asked quantile's value ..."""

LAG_INVALID_SHARE = 0.5
"""... and can pass for the answer when it is longer than this."""

CLOCK_LIMIT_MS = 1000.0
"""Offsets above this are reported, although all times are corrected for them."""


def check_cpu(workers: pd.DataFrame) -> Check:
    """Saturated workers: rows of `generators` in the steady seconds, the master left out.

    A second counts when any worker used more than CPU_LIMIT_PERCENT of one core in it.
    """
    measured = workers[workers["cpu_percent"].notna()]
    if measured.empty:
        text = "No load generator reported its CPU, so a saturated generator cannot be ruled out."
        return Check("generator_cpu", "warning", text, limit=CPU_SECONDS_LIMIT)
    peak = float(measured["cpu_percent"].max())
    hot = measured[measured["cpu_percent"] > CPU_LIMIT_PERCENT]
    if hot.empty:
        text = f"No load generator used more than {peak:.0f} % of one core (limit {CPU_LIMIT_PERCENT:.0f} %)."
        return Check("generator_cpu", "ok", text, 0.0, CPU_SECONDS_LIMIT)
    seconds, of = hot["time"].nunique(), measured["time"].nunique()
    share = seconds / of
    names = enumerate_names(sorted(hot["worker"].astype(str).unique()))
    text = (
        f"{names} used more than {CPU_LIMIT_PERCENT:.0f} % of one core in {seconds:,} of {of:,} steady seconds "
        f"({percent(share)}, peak {peak:.0f} %): latencies measured then may be the generator's own. "
        "Add workers or lower the load."
    )
    return Check("generator_cpu", "invalid" if share > CPU_SECONDS_LIMIT else "warning", text, share, CPU_SECONDS_LIMIT)


def check_master_cpu(master: pd.DataFrame) -> Check:
    """A saturated master invents no latency but merges and records late: a warning above CPU_SECONDS_LIMIT."""
    measured = master[master["cpu_percent"].notna()]
    if measured.empty:
        return Check("master_cpu", "unjudged", "The master did not report its CPU.", limit=CPU_SECONDS_LIMIT)
    seconds = int((measured["cpu_percent"] > CPU_LIMIT_PERCENT).sum())
    share = seconds / len(measured)
    if share > CPU_SECONDS_LIMIT:
        text = (
            f"The master used more than {CPU_LIMIT_PERCENT:.0f} % of one core in {seconds:,} of {len(measured):,} "
            f"steady seconds ({percent(share)}): its records may come late. Latencies are measured on the workers."
        )
        return Check("master_cpu", "warning", text, share, CPU_SECONDS_LIMIT)
    return Check("master_cpu", "ok", "The master was not saturated.", share, CPU_SECONDS_LIMIT)


def check_lag(workers: pd.DataFrame, quantile: float, quantile_ms: float) -> Check:
    """Event-loop stalls that are long and frequent enough to have made the asked quantile.

    While the event loop of a worker stands still for L ms, no response is taken up, so each request that finishes in
    that time looks up to L ms slower than it was. A second with a longest stall of L ms delays about
    L/1000 of its requests (all of them from 1000 ms on). The quantile q rests on the slowest share 1 - q of the
    requests. Hence: let d(t) be the share of all requests delayed by stalls longer than t; the run is invalid when
    d(LAG_INVALID_SHARE x the quantile's value) > 1 - q, a warning when d(LAG_WARNING_SHARE x that value) > 1 - q.
    Stalls of LAG_FLOOR_MS and less never count.

    `quantile_ms` is the measured quantile of the same seconds, NaN without a timed request.
    """
    label, allowed = quantile_label(quantile), round(1 - quantile, 12)
    measured = workers[workers["lag_ms"].notna()]
    requests = measured["requests"].to_numpy(dtype=np.float64)
    if measured.empty or not requests.sum() or np.isnan(quantile_ms):
        status: Status = "warning" if measured.empty else "unjudged"
        text = "No load generator reported the lag of its event loop." if measured.empty else "No latency to distort."
        return Check("generator_lag", status, text, limit=allowed)
    lag = measured["lag_ms"].to_numpy(dtype=np.float64)
    delayed = requests * np.minimum(lag / 1000, 1) / requests.sum()
    levels: tuple[tuple[Status, float], ...] = (("invalid", LAG_INVALID_SHARE), ("warning", LAG_WARNING_SHARE))
    for status, share in levels:
        threshold = max(LAG_FLOOR_MS, share * quantile_ms)
        hit = float(delayed[lag > threshold].sum())
        if hit > allowed:
            text = (
                f"Event-loop stalls of more than {milliseconds(threshold)} delayed about {percent(hit)} of the "
                f"requests, and {label} of the steady part, {milliseconds(quantile_ms)}, rests on the slowest "
                f"{percent(allowed)}: it may show the generator and not the target. Add workers or lower the load."
            )
            return Check("generator_lag", status, text, hit, allowed)
    text = (
        f"Event-loop stalls (median {milliseconds(float(np.median(lag)))}, longest {milliseconds(float(lag.max()))}) "
        f"are too short or too rare to have made {label} of the steady part, {milliseconds(quantile_ms)}."
    )
    return Check("generator_lag", "ok", text, hit, allowed)


def check_clocks(workers: pd.DataFrame) -> Check:
    """Worker clocks: never measured is invalid, an offset above CLOCK_LIMIT_MS (corrected) a warning.

    `workers` are the rows of `generators` of the whole run, the master left out.
    """
    if workers.empty:
        text = "No worker reported itself, so no clock was compared with the master's."
        return Check("clocks", "warning", text, limit=CLOCK_LIMIT_MS)
    offsets = workers["clock_offset_ms"].groupby(workers["worker"].astype(str)).agg(lambda known: _farthest(known))
    unknown = sorted(offsets.index[offsets.isna()])
    if unknown:
        text = (
            f"The clock of {enumerate_names(unknown)} was never compared with the master's: "
            f"{'its' if len(unknown) == 1 else 'their'} requests may stand in the wrong seconds."
        )
        return Check("clocks", "invalid", text, limit=CLOCK_LIMIT_MS)
    worst = str(offsets.abs().idxmax())
    offset = float(offsets[worst])
    if abs(offset) > CLOCK_LIMIT_MS:
        far = int((offsets.abs() > CLOCK_LIMIT_MS).sum())
        side = "behind" if offset > 0 else "ahead of"
        text = (
            f"{plural(far, 'worker clock')} {'was' if far == 1 else 'were'} off by more than "
            f"{CLOCK_LIMIT_MS / 1000:g} s; {worst} was {abs(offset) / 1000:.1f} s {side} the master. "
            "All times are corrected for it."
        )
        return Check("clocks", "warning", text, abs(offset), CLOCK_LIMIT_MS)
    text = f"All worker clocks were within {milliseconds(abs(offset))} of the master's."
    return Check("clocks", "ok", text, abs(offset), CLOCK_LIMIT_MS)


def _farthest(offsets: pd.Series[float]) -> float:
    known = offsets.dropna().to_numpy(dtype=np.float64)
    return float(known[np.abs(known).argmax()]) if len(known) else float("nan")
