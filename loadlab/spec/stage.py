"""Load stages: the steps of a test whose number of users changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loadlab.errors import SpecError
from loadlab.spec import kinds
from loadlab.spec.durations import write_duration
from loadlab.spec.kinds import Kind
from loadlab.spec.specification import Specification, entry, nest, specification

_SHAPE = "users/spawn_rate/duration, optionally /name, such as 50/10/30s"


@specification
class Stage(Specification):
    """One stage of a staged test: go to `users` at `spawn_rate`, and stay until `duration` seconds have passed."""

    users: int = entry(kinds.integer(1), "users at the end of the ramp")
    spawn_rate: float = entry(kinds.number(), "users started, or stopped, per second while ramping")
    duration: float = entry(kinds.duration(), "seconds of the stage from its beginning, ramp included")
    name: str = entry(
        kinds.text(
            "text on one line, without blanks around it", r"|[^\s\x00-\x1f](?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S)?"
        ),
        "a name for plots and tables",
        default="",
    )

    def to_text(self) -> str:
        """The stage as `read_stage` reads it: ``50/10/30s``."""
        rate = f"{self.spawn_rate:g}"
        parts = [
            str(self.users),
            rate if float(rate) == self.spawn_rate else repr(self.spawn_rate),
            write_duration(self.duration),
        ]
        return "/".join([*parts, self.name] if self.name else parts)


def read_stage(given: str) -> dict[str, Any]:
    """``50/10/30s`` or ``50/10/30s/name`` as the fields of a Stage, unchecked. Raises ValueError for another shape."""
    parts = [part.strip() for part in given.split("/", 3)]
    if len(parts) < 3:
        raise ValueError(f"expected {_SHAPE}")
    fields: dict[str, Any] = dict(zip(("users", "spawn_rate", "duration", "name"), parts, strict=False))
    for name, convert in (("users", int), ("spawn_rate", float)):
        try:
            fields[name] = convert(fields[name])
        except ValueError:
            continue  # stays text, which the field refuses by its name
    return fields


def _convert_stages(field: str, value: object) -> tuple[Stage, ...]:
    allowed = f"a list of stages, each with users, spawn_rate, duration and perhaps name, or {_SHAPE}"
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise SpecError(field, value, allowed)
    entries: list[object] = []
    for index, given in enumerate(value):
        try:
            entries.append(read_stage(given) if isinstance(given, str) else given)
        except ValueError as error:
            raise SpecError(f"{field}[{index}]", given, _SHAPE) from error
    stages = nest(Stage, field, entries)
    before = 0
    for index, stage in enumerate(stages):
        ramp = abs(stage.users - before) / stage.spawn_rate
        if ramp > stage.duration:
            given = f"{before} to {stage.users} users at {stage.spawn_rate:g}/s within {write_duration(stage.duration)}"
            raise SpecError(f"{field}[{index}]", given, f"a duration of at least its ramp, here {ramp:g} s")
        before = stage.users
    return stages


stages = Kind("stages", f"a list of stages, each {_SHAPE}", _convert_stages)
