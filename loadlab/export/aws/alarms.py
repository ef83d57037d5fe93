"""Criteria as CloudWatch alarms: made where they are missing or differ, and told why where that is not possible."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loadlab.errors import ExportError, SpecError
from loadlab.export.aws.alarm_rules import express
from loadlab.export.aws.catalog import NotExpressible, read_catalog
from loadlab.export.aws.limits import ALARM_MONTH_USD, ALARM_PAUSE_S, FINE_ALARM_MONTH_USD, MAX_NAME_CHARS
from loadlab.export.aws.session import Access, call_patiently
from loadlab.export.aws.target import Target
from loadlab.export.plan import NotDelivered, write_bodies
from loadlab.spec import Criteria

if TYPE_CHECKING:
    from loadlab.export.source import Source

MAX_ACTIONS = 5
MAX_TAGS = 50
NAMES_A_CALL = 100
"""Alarms that DescribeAlarms tells of at a time."""

State = Literal["planned", "created", "changed", "unchanged"]


@dataclass(frozen=True)
class Alarm:
    """One alarm: the criterion it watches, its parameters as PutMetricAlarm takes them, and what became of it.

    `notes` say what it does otherwise than loadlab's own judgement.
    """

    criterion: str
    parameters: dict[str, Any]
    notes: tuple[str, ...]
    state: State = "planned"

    @property
    def name(self) -> str:
        """Its name in CloudWatch."""
        return str(self.parameters["AlarmName"])


@dataclass(frozen=True, repr=False)
class AlarmReport:
    """What became of criteria: the alarms, and of the others (criterion, reason). `file`: of a dry run."""

    alarms: tuple[Alarm, ...]
    refused: tuple[tuple[str, str], ...]
    file: Path | None = None

    @property
    def dollars_a_month(self) -> float:
        """What the alarms cost, by the list price of us-east-1."""
        return round(sum(map(_price, self.alarms)), 2)

    def describe(self) -> str:
        """A line for each criterion."""
        lines = [
            f"{alarm.state}: {alarm.name}" + (f"\n  - {'; '.join(alarm.notes)}" if alarm.notes else "")
            for alarm in self.alarms
        ]
        lines += [f"no alarm: {criterion}\n  - {reason}" for criterion, reason in self.refused]
        if self.file is not None:
            lines.append(f"A dry run, written to {self.file}. Nothing was sent.")
        return "\n".join([*lines, f"{len(self.alarms)} alarms, about ${self.dollars_a_month:.2f} a month."])

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        rows: list[tuple[str, str, str]] = [
            (alarm.state, alarm.criterion, "; ".join(alarm.notes)) for alarm in self.alarms
        ]
        rows += [("no alarm", criterion, reason) for criterion, reason in self.refused]
        cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr><th></th><th>criterion</th><th></th></tr>{cells}</table>"


def _price(alarm: Alarm) -> float:
    queries = [each for each in alarm.parameters.get("Metrics", []) if "MetricStat" in each]
    period_s = queries[0]["MetricStat"]["Period"] if queries else alarm.parameters["Period"]
    return max(len(queries), 1) * (FINE_ALARM_MONTH_USD if period_s < 60 else ALARM_MONTH_USD)


def plan_alarms(
    criteria: object,
    target: Target,
    run: Source | None = None,
    *,
    actions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> AlarmReport:
    """The alarms for `criteria`, and the reasons for those without. Nothing is sent. Raises SpecError."""
    check_actions(actions)
    check_tags(tags or {})
    catalog = read_catalog(run)
    alarms: dict[str, Alarm] = {}
    refused = []
    for criterion in Criteria.parse(criteria):
        text = str(replace(criterion, stop=False, stop_after_s=None))
        try:
            parameters, notes = express(criterion, target, catalog)
        except NotExpressible as reason:
            refused.append((text, str(reason)))
            continue
        whole = {
            "AlarmName": _name(f"LoadLab {target.service} {target.environment}: {text}"),
            "AlarmDescription": "; ".join([f"loadlab: {text}", *notes])[:1024],
            "ActionsEnabled": True,
            **({"AlarmActions": list(actions)} if actions else {}),
            **parameters,
            **({"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]} if tags else {}),
        }
        alarms.setdefault(whole["AlarmName"], Alarm(text, whole, tuple(notes)))
    return AlarmReport(tuple(alarms.values()), tuple(refused))


def put_alarms(report: AlarmReport, access: Access, *, timeout_s: float) -> AlarmReport:
    """Make the alarms that are missing or differ, three a second at most.

    Raises ExportError with which were made and which not; the same call again makes the rest.
    """
    if not report.alarms:
        return report
    client = access.client()
    end = time.monotonic() + timeout_s
    done: list[Alarm] = []
    try:
        there = _existing(client, [alarm.name for alarm in report.alarms], end)
        puts = 0
        for alarm in report.alarms:
            found = there.get(alarm.name)
            state: State = "created" if found is None else "unchanged" if _is_same(alarm, found) else "changed"
            if state != "unchanged":
                if puts:
                    time.sleep(ALARM_PAUSE_S)
                call_patiently(client, "put_metric_alarm", end, **alarm.parameters)
                puts += 1
            done.append(replace(alarm, state=state))
    except NotDelivered as reason:
        left = report.alarms[len(done) :]
        raise ExportError(
            f"{len(done)} of {len(report.alarms)} alarms are in place. It stopped because of this: {reason}. Not made: "
            f"{'; '.join(alarm.name for alarm in left)}. The same call again makes the rest.",
            receipt=replace(report, alarms=tuple(done)),
        ) from reason
    return replace(report, alarms=tuple(done))


def write_alarms(report: AlarmReport, path: Path) -> AlarmReport:
    """Write the parameters of each alarm as a line of JSON."""
    lines = [json.dumps(alarm.parameters).encode("ascii") + b"\n" for alarm in report.alarms]
    return replace(report, file=write_bodies(path, lines))


def _existing(client: Any, names: Sequence[str], end: float) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(names), NAMES_A_CALL):
        some = list(names[start : start + NAMES_A_CALL])
        answer = call_patiently(client, "describe_alarms", end, AlarmNames=some, MaxRecords=NAMES_A_CALL)
        found |= {alarm["AlarmName"]: alarm for alarm in answer.get("MetricAlarms", [])}
    return found


def _is_same(alarm: Alarm, there: Mapping[str, Any]) -> bool:
    """Whether every parameter is as it should be. Tags are set when an alarm is made, and then left alone."""
    return all(
        _plain(there.get(key)) == _plain(value) for key, value in alarm.parameters.items() if key != "Tags"
    ) and ("AlarmActions" in alarm.parameters or not there.get("AlarmActions"))


def _plain(value: Any) -> Any:
    """What two spellings of the same have in common: the order of dimensions and keys, empty lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item not in (None, [], "")}
    if isinstance(value, list):
        plain = [_plain(item) for item in value]
        return sorted(plain, key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _name(text: str) -> str:
    """`text` as an alarm may be called: no control characters, 255 characters."""
    kept = "".join(char if char.isprintable() else "?" for char in text)
    if kept == text and len(text) <= MAX_NAME_CHARS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept[: MAX_NAME_CHARS - 9]}~{digest}"


def check_actions(actions: Sequence[str], field: str = "actions") -> None:
    """Raise SpecError, naming `field`, for what is no list of ARNs, or too long."""
    if (
        isinstance(actions, str)
        or len(actions) > MAX_ACTIONS
        or not all(str(each).startswith("arn:") for each in actions)
    ):
        raise SpecError(
            field,
            actions if isinstance(actions, str) else list(actions),
            f"a list of up to {MAX_ACTIONS} ARNs, such as that of an SNS topic",
        )


def check_tags(tags: Mapping[str, str], field: str = "tags") -> None:
    """Raise SpecError, naming `field`, for tags that AWS does not take."""
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.startswith("aws:"):
            raise SpecError(field, {key: value}, "names of 1 to 128 characters, values of up to 256")
    if len(tags) > MAX_TAGS:
        raise SpecError(field, len(tags), f"up to {MAX_TAGS}")
