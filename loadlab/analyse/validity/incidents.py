"""What happened to the run itself, from its events."""

from __future__ import annotations

import pandas as pd

from loadlab.analyse.stages import read_data
from loadlab.analyse.validity.check import Check, Status, enumerate_names, number, plural
from loadlab.schema import BROKEN_END

_INCIDENTS: tuple[tuple[str, str, Status, str, str], ...] = (
    ("names", "names_folded", "warning", "No request name was folded.", "Too many different request names"),
    ("interrupted", "interrupted", "warning", "The run was not interrupted.", "The run was interrupted"),
    ("lease", "lease_expired", "warning", "The test never stopped for want of a reader.", "The test stopped itself"),
    ("journal", "journal_failed", "warning", "The journal was written to the end.", "The journal could not be written"),
    ("master", "master_lost", "invalid", "The master answered to the end.", "The master was lost"),
    ("regions", "region_lost", "invalid", "No region was lost.", "The load was not the one asked for"),
    ("notices", "warning", "warning", "No warning was given during the run.", "A warning was given during the run"),
)
"""Check, event kind, status when it happened, text when it did not, beginning of the text when it did."""


_CLOCK_KEY = "clock_offset_ms"
"""A warning about a clock has this in its data; the check of the clocks tells about it."""


def check_incidents(events: pd.DataFrame) -> list[Check]:
    """A check for each kind of event that puts a result in doubt; the texts of the events are quoted, three at most."""
    checks = []
    for name, kind, status, fine, happened in _INCIDENTS:
        found = events[events["kind"] == kind].sort_values("time", kind="stable")
        found = found[[_CLOCK_KEY not in read_data(data) for data in found["data"]]]
        if found.empty:
            checks.append(Check(name, "ok", fine))
            continue
        texts = list(dict.fromkeys(str(text).strip().rstrip(".") for text in found["text"] if str(text).strip()))
        at = f" at {found['time'].iloc[0]:%H:%M:%S} UTC"
        quoted = f": {'; '.join(texts[:3])}" if texts else ""
        more = f" (and {len(texts) - 3} more)" if len(texts) > 3 else ""
        checks.append(Check(name, status, f"{happened}{at}{quoted}{more}.", float(len(found)), 0.0))
    return checks


def lost_regions(events: pd.DataFrame) -> list[str]:
    """The regions of which nothing came any more."""
    return sorted(set(events.loc[(events["kind"] == "region_lost").to_numpy(), "region"].astype("str")))


EARLY_S = 2.0
"""A test that ends this much before its time has been cut short; Locust's timer counts whole seconds."""

_CUT_SHORT = {
    "quit": "Locust was told to quit",
    "killed": "its swarm was killed",
    "locustfile": "the locustfile ended it",
    "run_time": "Locust ended it",
    "workers_lost": "no worker was left",
    "recorder_lost": "what recorded it died, and nothing tells how it ended",
}
"""Why a test ended before its time, where no other check tells of it."""


def check_end(reason: str | None, lasted_s: float | None, planned_s: float | None) -> Check:
    """Whether the test lasted as long as planned: a warning when it was cut short without anybody's wish.

    `reason` is run.json's end_reason. A load shape that is done has lasted as long as it should. A test that a person
    stopped is judged on what it measured; an interruption, a lost master and the like have checks of their own.
    """
    if reason == "shape_done":
        return Check("end", "ok", "The load went through its shape to the end.", lasted_s, planned_s)
    early, after = False, "before its time"
    if lasted_s is not None and planned_s is not None:
        early, after = lasted_s < planned_s - EARLY_S, f"after {number(lasted_s)} of {number(planned_s)} s"
    whenever = reason in ("quit", "killed") or (reason, planned_s) == ("recorder_lost", None)
    if reason in _CUT_SHORT and (early or whenever):
        text = f"The test was cut short {after}: {_CUT_SHORT[reason]}."
        return Check("end", "warning", text, lasted_s, planned_s)
    if reason is None or lasted_s is None or planned_s is None:
        return Check("end", "unjudged", "Whether the test lasted as long as planned is not known.", lasted_s, planned_s)
    if not early:
        return Check("end", "ok", "The test lasted as long as planned.", lasted_s, planned_s)
    why = "a criterion was broken that ends it" if reason == BROKEN_END else reason.replace("_", " ")
    text = f"The test ended {after}: {why}."
    return Check("end", "ok", text, lasted_s, planned_s)


def check_tasks(errors: pd.DataFrame | None) -> Check:
    """Exceptions that left a task of the locustfile: a warning, for what came after them in the task was not done."""
    if errors is None:
        return Check("tasks", "unjudged", "Exceptions in tasks were not looked at.")
    raised = errors[errors["kind"] == "task exception"]
    count = int(raised["count"].sum())
    if not count:
        return Check("tasks", "ok", "No task ended in an exception.", 0.0, 0.0)
    most = raised.groupby("message", observed=True)["count"].sum().idxmax()
    text = (
        f"{plural(count, 'task')} ended in an exception, most often {str(most)[:120]!r}: these users did not do all "
        "that the locustfile says."
    )
    return Check("tasks", "warning", text, float(count), 0.0)


def check_workers(events: pd.DataFrame) -> Check:
    """Workers that went silent: invalid when one stayed away, a warning when all came back."""
    told = events[events["kind"].isin(["worker_lost", "worker_returned"])].sort_values("time", kind="stable")
    last = told.drop_duplicates("object", keep="last")
    gone = sorted(last.loc[last["kind"] == "worker_lost", "object"].astype(str))
    silent = told[told["kind"] == "worker_lost"]
    if gone:
        unknown = sum(
            int(read_data(data).get("requests_lost") or 0) for data in silent.loc[silent["object"].isin(gone), "data"]
        )
        lost = (
            f" at least {plural(unknown, 'request')} went with {'it' if len(gone) == 1 else 'them'};" if unknown else ""
        )
        text = (
            f"{plural(len(gone), 'worker')} went silent and did not come back ({enumerate_names(gone)}):{lost} "
            "from then on the load was not the one asked for."
        )
        return Check("workers", "invalid", text, float(len(gone)), 0.0)
    if len(silent):
        names = sorted(silent["object"].astype(str).unique())
        text = (
            f"{enumerate_names(names)} went silent for a while and came back; others took over the users meanwhile: "
            "the load was lower than asked for, or higher where only the connection was lost."
        )
        return Check("workers", "warning", text, float(len(names)), 0.0)
    return Check("workers", "ok", "No worker was lost.", 0.0, 0.0)
