"""Where a run's numbers come from: what was asked, with which versions, when, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loadlab.errors import SpecError
from loadlab.plot import format_count, format_ms, plain_text
from loadlab.plot.text import MISSING
from loadlab.report.data import ReportData
from loadlab.report.verdict import duration_s, format_duration
from loadlab.spec import LoadTest, Stage, hide_text, write_duration

_VALUE_LENGTH = 300


@dataclass(frozen=True)
class Facts:
    """A titled list of names and values."""

    title: str
    rows: tuple[tuple[str, str], ...]


def collect_facts(data: ReportData) -> tuple[Facts, ...]:
    """The provenance of a run in groups. Of the test's environment only the names are told: values may be secrets."""
    info = data.info
    groups = (
        Facts("Run", tuple(_describe_run(info))),
        Facts("Test", tuple(_describe_test(info.get("loadtest") or {}))),
        Facts("Requests accounted for", tuple(_describe_conservation(info.get("conservation") or {}))),
        Facts("Machine", tuple(_plain_rows(info.get("host") or {}))),
        Facts("Versions", tuple(_plain_rows(info.get("versions") or {}))),
    )
    return tuple(group for group in groups if group.rows)


def run_id(data: ReportData) -> str:
    """The run's id, made printable."""
    return plain_text(data.info["id"])


def command(data: ReportData) -> str:
    """The shell command that runs the test again, or "" when it is not known."""
    return plain_text(hide_text(str(data.info.get("command") or "")), 4000)


def _describe_run(info: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield "Id", plain_text(info["id"])
    yield "Status", plain_text(info["status"])
    yield "From", format_instant(info.get("started"))
    yield "To", format_instant(info.get("ended"))
    yield "Took", format_duration(duration_s(info))
    if info.get("end_reason"):
        yield "Ended by", plain_text(str(info["end_reason"]).replace("_", " "))
    yield "Launcher", plain_text(info.get("launcher") or MISSING)
    git = info.get("git")
    if isinstance(git, Mapping):
        state = ", with uncommitted changes" if git.get("dirty") else ""
        yield "Git revision", plain_text(f"{git.get('revision')} ({git.get('branch')}){state}", _VALUE_LENGTH)
    labels = info.get("labels")
    for name, value in sorted(labels.items()) if isinstance(labels, Mapping) else ():
        yield f"Label {plain_text(name, 40)}", plain_text(hide_text(str(value)), _VALUE_LENGTH)
    offsets = info.get("clock_offsets")
    for worker, clock in sorted(offsets.items()) if isinstance(offsets, Mapping) else ():
        yield f"Clock of {plain_text(worker, 40)}", _describe_clock(clock)


def _describe_clock(clock: Mapping[str, float | None]) -> str:
    offset, error = clock.get("offset_ms"), clock.get("error_ms")
    if offset is None:
        return "never measured"
    within = f" ± {format_ms(error)}" if error is not None else ""
    return f"{format_ms(abs(offset))}{within} {'ahead of' if offset < 0 else 'behind'} the master, corrected"


def _describe_test(loadtest: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    types = {field.name: field.type for field in LoadTest.fields()}
    for name, value in loadtest.items():
        if value in ("", [], {}) or name == "labels" or (value is None and types.get(name) != "duration"):
            continue
        if name == "environment" and isinstance(value, Mapping):
            yield name, f"{plain_text(', '.join(sorted(value)), _VALUE_LENGTH)} (values are not shown)"
        elif name == "stages" and isinstance(value, list):
            for number, stage in enumerate(value, start=1):
                yield f"stage {number}", plain_text(_describe_stage(stage), 120)
        elif name == "locust_options" and isinstance(value, list):
            yield name, plain_text(hide_text(shlex.join(map(str, value))), _VALUE_LENGTH)
        else:
            yield name, plain_text(hide_text(_write_value(value, types.get(name, ""))), _VALUE_LENGTH)


def _describe_stage(stage: Mapping[str, object]) -> str:
    try:
        return Stage.from_dict(stage).to_text()
    except SpecError:  # of another version, say
        return ", ".join(f"{key} {part}" for key, part in stage.items())


def _write_value(value: object, kind: str) -> str:
    """A value as it stands on the command line and in a YAML file."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int | float):
        return write_duration(value) if kind == "duration" else f"{value:.10g}"
    return str(value)


def _describe_conservation(conservation: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for key, label in (
        ("sent", "Sent"),
        ("ok", "Successful"),
        ("failed", "Failed"),
        ("in_flight", "In flight at the end"),
        ("unreported", "Not reported by the locustfile"),
        ("lost", "Lost"),
    ):
        if key in conservation:
            yield label, format_count(conservation[key])


def _plain_rows(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, int) and name.endswith("_bytes"):
            yield plain_text(name.removesuffix("_bytes")), f"{value / 2**30:.1f} GiB"
        elif value is not None:
            yield plain_text(name), plain_text(value, _VALUE_LENGTH)


def format_instant(text: object) -> str:
    """An ISO 8601 time of run.json for a person, to the second, with its zone."""
    return plain_text(str(text)[:19].replace("T", " "), 40) + " UTC" if text else MISSING
