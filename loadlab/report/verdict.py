"""What a reader has to know first: can the run be trusted, does it meet its criteria, and its headline numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loadlab.plot import format_count, format_ms, format_number, format_percent, plain_text
from loadlab.report.data import ReportData
from loadlab.schema import is_master

_TITLES = {"valid": "Valid run", "warning": "Valid run, with warnings", "invalid": "Invalid run"}
SIGNS = {"valid": "✓", "ok": "✓", "passed": "✓", "unjudged": "–", "warning": "!", "failed": "✕", "invalid": "✕"}
"""The second cue besides colour."""
RESULTS = {"ok": "ok", "unjudged": "not judged", "warning": "warning", "invalid": "invalid"}
"""The status of a check in words."""
CRITERION_SIGNS = {"passed": "✓", "failed": "✕", "invalid": "?"}
"""The sign of a criterion: what cannot be judged is not broken."""
CRITERION_RESULTS = {"passed": "met", "failed": "broken", "invalid": "not judged"}
"""The status of a criterion in words."""
DOUBTS = ("warning", "invalid")
"""What speaks against a run."""


@dataclass(frozen=True)
class Verdict:
    """`status` is "passed", "failed" or "invalid", and "valid" or "warning" for a run without criteria; `reasons` are
    the sentences that make it so, and `further` tells how many warnings there are besides, or is ""."""

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
    status = _status(data)
    p95, p99 = (f"{label} {format_ms(total[f'{label}_ms'])}" for label in ("p95", "p99"))
    failed = format_percent(total["error_ratio"])
    measured = (
        f"{format_count(total['count'])} requests: {format_number(total['rps'])} successful a second, "
        f"{_unbroken(failed)} failed, {_unbroken(p95)}, {_unbroken(p99)}."
    )
    if not total["count"]:
        sentence = "No request was finished: there is nothing to measure."
    elif status == "invalid" == data.validity["status"]:
        sentence = f"Draw no conclusions from these numbers. {measured}"
    elif status == "warning":
        sentence = f"{measured} Read the warnings before you rely on it."
    else:
        sentence = measured
    made = checks(data)
    if status in ("failed", "invalid") and data.verdict["status"] == status:
        reasons = tuple(plain_text(reason, 400) for reason in data.verdict["reasons"])
    else:
        reasons = tuple(check.text for check in made if check.status == status)
    warnings = () if status == "warning" else tuple(check.name for check in made if check.status == "warning")
    many = "a warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    further = f"There {'is' if len(warnings) == 1 else 'are'} {many} about: {', '.join(warnings)}." if warnings else ""
    return Verdict(status, _title(data, status), sentence, reasons, further)


def _status(data: ReportData) -> str:
    judged = str(data.verdict["status"])
    return str(data.validity["status"]) if judged == "unjudged" else judged


def _title(data: ReportData, status: str) -> str:
    found = [each["status"] for each in data.verdict["criteria"]]
    decisive = found.count(status)
    distrusted = status == "invalid" == data.validity["status"]
    if distrusted or not decisive:
        return _TITLES.get(status, status)
    one = decisive == 1
    what = {
        "passed": f"Passed: {'the criterion is' if len(found) == 1 else f'all {len(found)} criteria are'} met",
        "failed": f"Failed: {_some(decisive, found)} {'is' if one else 'are'} broken",
        "invalid": f"Invalid: {_some(decisive, found)} could not be judged",
    }
    return what[status]


def _some(count: int, found: Sequence[str]) -> str:
    return "the criterion" if len(found) == 1 else f"{count} of {len(found)} criteria"


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


def describe_validity(data: ReportData) -> str:
    """How many checks speak for the run, against it, or say nothing, in one line."""
    counts = Counter(check.status for check in checks(data))
    words = {"invalid": "speak against it", "warning": "warn", "ok": "passed", "unjudged": "not judged"}
    told = [f"{counts[status]} {word}" for status, word in words.items() if counts[status]]
    title = _TITLES.get(str(data.validity["status"]), "unknown").lower()
    return f"{title} (checks: {', '.join(told)})" if told else title


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
