"""Was the load sent that was asked for, and is every request accounted for?"""

from __future__ import annotations

from collections.abc import Mapping

from loadlab.analyse.confidence import quantile_label, required_samples
from loadlab.analyse.validity.check import Check, percent, plural

LOST_LIMIT = 0.001
"""Share of the requests sent whose loss makes a run invalid; any loss is a warning."""

RATE_LIMIT = 0.05
"""Deviation from the target rate that makes a run invalid."""

CONFIDENCE = 0.95


def check_conservation(conservation: Mapping[str, int], recorded: int) -> Check:
    """Requests sent = ok + failed + in flight + lost.

    `conservation` has the keys sent, ok, failed, in_flight and lost, or is empty when the workers' last reports are
    missing; `recorded` is the number of requests in the archive, which must be what is said to be ok or failed.
    """
    if not conservation:
        text = "The workers' last counts are missing, so lost requests cannot be ruled out."
        return Check("conservation", "warning", text, limit=LOST_LIMIT)
    sent, ok, failed, in_flight, lost = (conservation[key] for key in ("sent", "ok", "failed", "in_flight", "lost"))
    finished = ok + failed
    if not finished - max(lost, 0) <= recorded <= finished:
        text = (
            f"The archive holds {plural(recorded, 'request')}, but {finished:,} are said to have finished "
            f"and {lost:,} to be lost: the counts contradict each other."
        )
        return Check("conservation", "invalid", text, float(abs(finished - recorded)), 0.0)
    if lost:
        share = lost / sent if sent else 1.0
        if lost > 0:
            text = (
                f"{plural(lost, 'request')} of {sent:,} sent ({percent(share)}) "
                f"{'is' if lost == 1 else 'are'} lost: no result arrived."
            )
        else:
            text = f"{plural(-lost, 'request')} more arrived than the {sent:,} that were sent: something counted twice."
        return Check("conservation", "warning" if 0 < share < LOST_LIMIT else "invalid", text, share, LOST_LIMIT)
    text = (
        f"All {plural(sent, 'request')} sent {'is' if sent == 1 else 'are'} accounted for: "
        f"{ok:,} succeeded, {failed:,} failed, {in_flight:,} in flight at the end."
    )
    return Check("conservation", "ok", text, 0.0, LOST_LIMIT)


def check_target_rate(count: int, seconds: int, target_rps: float | None) -> Check:
    """The rate of all requests (successful or not) in the steady seconds against the one asked for."""
    if target_rps is None:
        return Check("target_rate", "unjudged", "No target rate was asked for.", limit=RATE_LIMIT)
    if not seconds:
        text = f"{target_rps:,.6g} requests/s were asked for, but there was no steady second to measure the rate in."
        return Check("target_rate", "invalid", text, limit=RATE_LIMIT)
    rate = count / seconds
    deviation = rate / target_rps - 1
    missed = abs(deviation) > RATE_LIMIT
    text = (
        f"{rate:,.6g} requests/s were sent in steady state, {percent(abs(deviation))} "
        f"{'above' if deviation > 0 else 'below'} the {target_rps:,.6g} asked for (limit {percent(RATE_LIMIT)})."
    )
    return Check("target_rate", "invalid" if missed else "ok", text, abs(deviation), RATE_LIMIT)


def check_samples(timed: int, recorded: int, quantile: float) -> Check:
    """Enough timed requests in the steady seconds for a 95 % interval of the asked quantile."""
    label, needed = quantile_label(quantile), required_samples(quantile, CONFIDENCE)
    if not recorded:
        return Check("samples", "invalid", "The run holds no requests.", 0.0, float(needed))
    if timed < needed:
        text = f"{plural(timed, 'timed request')} in steady state: too few for {label}, which needs {needed:,}."
        return Check("samples", "invalid", text, float(timed), float(needed))
    text = f"{plural(timed, 'timed request')} in steady state: enough for {label}, which needs {needed:,}."
    return Check("samples", "ok", text, float(timed), float(needed))
