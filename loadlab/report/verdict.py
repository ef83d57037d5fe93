"""What a reader has to know first: can the run be trusted, and its headline numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from loadlab.plot import format_count, format_ms, format_number, format_percent, plain_text
from loadlab.report.data import ReportData
from loadlab.schema import is_master

_TITLES = {"valid": "Valid run", "warning": "Valid run, with warnings", "invalid": "Invalid run"}
SIGNS = {"valid": "✓", "ok": "✓", "unjudged": "–", "warning": "!", "invalid": "✕"}
"""The second cue besides colour."""
RESULTS = {"ok": "ok", "unjudged": "not judged", "warning": "warning", "invalid": "invalid"}
"""The status of a check in words."""
DOUBTS = ("warning", "invalid")
"""What speaks against a run."""


@dataclass(frozen=True)
class Verdict:
    """`status` is "valid", "warning" or "invalid"; `reasons` are the sentences of the checks that make it so, and
    `further` tells how many warnings there are besides an invalid run's reasons, or is ""."""

    status: str
    title: str
    sentence: str
    reasons: tuple[str, ...]
    further: str = ""


@dataclass(frozen=True)
class Headline:
    """One of the numbers at the top."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Check:
    """One validity check as it is shown: `status` is "ok", "unjudged", "warning" or "invalid"."""

    name: str
    status: str
    text: str

    @property
    def result(self) -> str:
        """The status in words."""
        return RESULTS.get(self.status, self.status)


def judge(data: ReportData) -> Verdict:
    """The verdict in words."""
    total = data.total
    status = str(data.validity["status"])
    p95, p99 = (f"{label} {format_ms(total[f'{label}_ms'])}" for label in ("p95", "p99"))
    failed = format_percent(total["error_ratio"])
    measured = (
        f"{format_count(total['count'])} requests: {format_number(total['rps'])} successful a second, "
        f"{_unbroken(failed)} failed, {_unbroken(p95)}, {_unbroken(p99)}."
    )
    if not total["count"]:
        sentence = "No request was finished: there is nothing to measure."
    elif status == "invalid":
        sentence = f"Draw no conclusions from these numbers. {measured}"
    elif status == "warning":
        sentence = f"{measured} Read the warnings before you rely on it."
    else:
        sentence = measured
    made = checks(data)
    reasons = tuple(check.text for check in made if check.status == status)
    warnings = sum(check.status == "warning" for check in made) if status == "invalid" else 0
    further = f"There {'is a warning' if warnings == 1 else f'are {warnings} warnings'} too." if warnings else ""
    return Verdict(status, _TITLES.get(status, status), sentence, reasons, further)


def checks(data: ReportData) -> tuple[Check, ...]:
    """The validity checks: those that speak against the run, those that were passed, those that could not be made."""
    shown = [
        Check(
            plain_text(str(check["name"]).replace("_", " "), 60), str(check["status"]), plain_text(check["text"], 400)
        )
        for check in data.validity["checks"]
    ]
    rank = {"invalid": 0, "warning": 1, "unjudged": 3}
    return tuple(sorted(shown, key=lambda check: rank.get(check.status, 2)))


def headlines(data: ReportData) -> tuple[Headline, ...]:
    """The numbers at the top, read from left to right."""
    total = data.total
    if not total["count"]:
        return (Headline("Requests", "0", "", "none was finished"), *_users(data))
    failures = format_count(total["failures"])
    return (
        Headline("Throughput", format_number(total["rps"]), "req/s", "successful requests"),
        Headline("Requests", format_count(total["count"]), "", f"{failures} failed"),
        Headline("Error ratio", *_split(format_percent(total["error_ratio"])), "of all requests"),
        *_users(data),
        *(
            Headline(f"Response time {label}", *_split(format_ms(total[f"{label}_ms"])), _interval(total, label))
            for label in ("p50", "p95", "p99")
        ),
        Headline("Slowest", *_split(format_ms(total["max_ms"])), "one request"),
    )


def duration_s(info: Mapping[str, object]) -> float:
    """Seconds from the run's start to its end; NaN when either is not known."""
    try:
        started, ended = (datetime.fromisoformat(str(info[key])) for key in ("started", "ended"))
    except (KeyError, ValueError):
        return float("nan")
    return (ended - started).total_seconds()


def format_duration(seconds: float) -> str:
    """A length of time for a person: 42 s, 10 min 5 s, 24 h 0 min."""
    if seconds != seconds:
        return "an unknown time"
    if seconds < 60:
        return f"{format_number(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _users(data: ReportData) -> tuple[Headline, ...]:
    if data.users is None or data.users.empty:
        return ()
    generators = () if data.generators is None else data.generators["worker"].astype("str").unique()
    loaders = [worker for worker in generators if not is_master(worker)]
    note = f"{len(loaders)} load generator{'' if len(loaders) == 1 else 's'}" if loaders else ""
    return (Headline("Peak users", format_count(data.users.groupby("time")["users"].sum().max()), "", note),)


def _interval(total: Mapping[str, float], label: str) -> str:
    low, high = total[f"{label}_low_ms"], total[f"{label}_high_ms"]
    if low != low or high != high:
        return "too few samples"
    (least, unit), (most, same) = _split(format_ms(low)), _split(format_ms(high))
    return f"95 % interval {least}{'' if unit == same else ' ' + unit} to {most} {same}"


def _unbroken(text: str) -> str:
    return text.replace(" ", "\u00a0")


def _split(text: str) -> tuple[str, str]:
    value, _, unit = text.rpartition(" ")
    return (value, unit) if value else (unit, "")
