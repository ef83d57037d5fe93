"""Was the load sent that was asked for, and is every request accounted for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loadlab.analyse.bins import epoch_seconds
from loadlab.analyse.confidence import quantile_label, required_samples
from loadlab.analyse.stages import steady_seconds
from loadlab.analyse.validity.check import Check, Status, enumerate_names, percent, plural

LOST_LIMIT = 0.001
"""Share of the requests sent that are lost or unreported and make a run invalid; any such request is a warning."""

RATE_LIMIT = 0.05
"""Shortfall of the target rate that makes a run invalid."""

USERS_LIMIT = 0.05
"""A second has too many users when there are more than asked for by this share, and by more than one."""

USERS_SECONDS = 5
"""So many seconds with too many users are what it takes to move users from one worker to another; more are a warning"""

USERS_SECONDS_LIMIT = 0.10
"""... and a run is invalid when they are more than this share of its steady seconds."""

CONFIDENCE = 0.95


def check_conservation(conservation: Mapping[str, int], recorded: int, unknown: Sequence[str] = ()) -> Check:
    """Requests sent = ok + failed + in flight + unreported + lost.

    `conservation` has the keys sent, ok, failed, in_flight, lost and, unless it is 0, unreported, or is empty when the
    workers' last reports are missing; `recorded` is the number of requests in the archive, which must be what is said
    to be ok or failed. `unknown` are the regions whose workers could not be asked at the end.
    """
    if not conservation:
        text = "The workers' last counts are missing, so lost requests cannot be ruled out."
        return Check("conservation", "warning", text, limit=LOST_LIMIT)
    sent, ok, failed, in_flight, lost = (conservation[key] for key in ("sent", "ok", "failed", "in_flight", "lost"))
    finished, unreported = ok + failed, conservation.get("unreported", 0)
    if not finished - max(lost, 0) <= recorded <= finished:
        text = (
            f"The archive holds {plural(recorded, 'request')}, but {finished:,} are said to have finished "
            f"and {lost:,} to be lost: the counts contradict each other."
        )
        return Check("conservation", "invalid", text, float(abs(finished - recorded)), 0.0)
    if lost < 0:
        text = f"{plural(-lost, 'request')} more arrived than the {sent:,} that were sent: something counted twice."
        return Check("conservation", "invalid", text, lost / sent if sent else 1.0, LOST_LIMIT)
    if lost or unreported > 0:
        texts = []
        if lost:
            texts.append(f"{_share_of(lost, sent)} lost: no result arrived.")
        if unreported > 0:
            texts.append(
                f"{_share_of(unreported, sent)} in no statistic: answered, but never reported by the locustfile (an "
                "exception in a catch_response block, for example)."
            )
        share = (lost + max(0, unreported)) / sent if sent else 1.0
        return Check("conservation", "warning" if share < LOST_LIMIT else "invalid", " ".join(texts), share, LOST_LIMIT)
    if unknown:
        text = (
            f"What {enumerate_names(unknown)} sent last is not known: its workers could not be asked. All "
            f"{plural(sent, 'request')} that were told of are accounted for."
        )
        return Check("conservation", "warning", text, 0.0, LOST_LIMIT)
    text = (
        f"All {plural(sent, 'request')} sent {'is' if sent == 1 else 'are'} accounted for: "
        f"{ok:,} succeeded, {failed:,} failed, {in_flight:,} in flight at the end."
    )
    return Check("conservation", "ok", text, 0.0, LOST_LIMIT)


def _share_of(count: int, sent: int) -> str:
    share = percent(count / sent) if sent else "all"
    return f"{plural(count, 'request')} of {sent:,} sent ({share}) {'is' if count == 1 else 'are'}"


def check_users(workers: pd.DataFrame, windows: pd.DataFrame) -> Check:
    """The users that ran in each stage's steady seconds against those asked for: too many, and for how long.

    `workers` are rows of `generators`, the master left out, `windows` those of `stage_windows`. Users who finish their
    task after a stage that had more of them are none too many. In the last second of a stage the next one's users may
    already be there.
    """
    running = workers["users"].groupby([epoch_seconds(workers["time"]), workers["worker"].astype(str)]).max()
    totals = running.groupby(level=0).sum()
    seconds, users = totals.index.to_numpy(dtype=np.int64), totals.to_numpy(dtype=np.float64)
    judged = excess = 0
    most, asked, before = 0.0, 0.0, 0.0
    for (first, stop), target in zip(steady_seconds(windows), windows["users"], strict=True):
        inside = (seconds >= first) & (seconds < stop - 1)
        too_many = users[inside] > max(target * (1 + USERS_LIMIT), target + 1)
        if before > target and not too_many.all():
            too_many[: int(np.argmin(too_many))] = False
        before = target
        judged += len(too_many)
        excess += int(too_many.sum())
        if too_many.any() and users[inside].max() - target > most - asked:
            most, asked = float(users[inside].max()), float(target)
    share = excess / judged if judged else 0.0
    if not excess:
        return Check("users", "ok", "No more users ran than were asked for.", share, USERS_SECONDS_LIMIT)
    text = (
        f"More users ran than were asked for in {excess:,} of {judged:,} steady seconds ({percent(share)}), up to "
        f"{most:,.0f} instead of {asked:,.0f}"
    )
    if excess <= USERS_SECONDS:
        text += f"; up to {USERS_SECONDS} s are what it takes to move users from one worker to another."
        return Check("users", "ok", text, share, USERS_SECONDS_LIMIT)
    text += "."
    status: Status = "invalid" if share > USERS_SECONDS_LIMIT else "warning"
    return Check("users", status, text, share, USERS_SECONDS_LIMIT)


def check_target_rate(succeeded: int, seconds: int, target_rps: float | None) -> Check:
    """The rate of successful requests in the steady seconds against the one that must be reached; more is no fault."""
    if target_rps is None:
        return Check("target_rate", "unjudged", "No target rate was asked for.", limit=RATE_LIMIT)
    if not seconds:
        text = f"{target_rps:,.6g} requests/s were asked for, but there was no steady second to measure the rate in."
        return Check("target_rate", "invalid", text, limit=RATE_LIMIT)
    rate = succeeded / seconds
    shortfall = max(0.0, 1 - rate / target_rps)
    missed = f"{percent(shortfall)} below" if shortfall else "which reaches"
    text = (
        f"{rate:,.6g} requests/s succeeded in steady state, {missed} the {target_rps:,.6g} asked for "
        f"(limit {percent(RATE_LIMIT)} below)."
    )
    return Check("target_rate", "invalid" if shortfall > RATE_LIMIT else "ok", text, shortfall, RATE_LIMIT)


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
