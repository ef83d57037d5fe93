"""The fields of a specification as options of a command line: ``run_time`` is ``--run-time 90s``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from loadlab.errors import SpecError
from loadlab.spec.criteria import Criteria
from loadlab.spec.criterion import Criterion
from loadlab.spec.durations import write_duration
from loadlab.spec.kinds import duration, optional
from loadlab.spec.loadtest import LoadTest
from loadlab.spec.specification import Field, Specification

REPEATED = ("list", "mapping", "stages")
"""The types whose option may be given several times."""

IN_WORDS = ("locust_options", "set", "pip_packages")
"""The lists that are written as the words of a command line, because their entries may hold commas."""


def option_name(field: Field) -> str:
    """The option of `field`, with its dashes."""
    return f"--{field.singular.replace('_', '-')}"


def write_options(test: Specification) -> list[str]:
    """The words that give `test` again through `read_options`; what has its default is left out."""
    words: list[str] = []
    derived = LoadTest.FROM_STAGES if isinstance(test, LoadTest) and test.stages else ()
    for field in test.fields():
        value = getattr(test, field.name)
        if (value == field.default and not field.required) or field.name in derived:
            continue
        option = option_name(field)
        if field.type == "switch":
            words.append(option if value else option.replace("--", "--no-", 1))
            continue
        for text in _texts(field, value):
            words += [option, text]
    return words


def read_options(given: Mapping[str, Any], kind: type[Specification] = LoadTest) -> dict[str, Any]:
    """Field names with the texts of their options (a list of texts for REPEATED types) as values for a `kind`.

    Options that are None or empty lists were not given and are left out. A text that is not well-formed stays as it is,
    and the specification refuses it. Raises SpecError for a NAME=VALUE without ``=``.
    """
    return {
        field.name: _read(field, given[field.name])
        for field in kind.fields()
        if given.get(field.name) not in (None, (), [])
    }


def read_pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """``("a=1", "b=2")`` as a dict. Raises SpecError naming `option`."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name):
            raise SpecError(option, text, "NAME=VALUE")
        pairs[name] = value
    return pairs


def read_duration(option: str, text: str | None) -> float | None:
    """The seconds that `text` means; None for None. Raises SpecError naming `option`."""
    seconds: float | None = optional(duration()).convert(option, text)
    return seconds


def read_criteria(option: str, texts: Sequence[str]) -> Criteria:
    """The criteria in `texts`.

    Raises one SpecError naming `option` for all that are wrong, also for a text that holds none: a variable that is not
    set must not open a gate.
    """
    found: list[Criterion] = []
    errors: list[SpecError] = []
    for text in texts:
        try:
            criteria = Criteria.parse(text, option)
            if not criteria:
                raise SpecError(option, text, "a criterion such as 'p99 < 300ms'; leave it out to ask for none")
            found += criteria
        except SpecError as error:
            errors.append(error)
    if errors:
        raise SpecError.several(errors)
    return Criteria(found)


def _read(field: Field, given: Any) -> Any:
    if field.name == "criteria":
        return read_criteria(option_name(field), given)
    if field.type == "mapping":
        return read_pairs(option_name(field), given)
    if field.type == "list":
        return tuple(chain.from_iterable(field.convert(field.name, text) for text in given))
    if field.type in ("integer", "number", "duration"):
        if field.nullable and given.lower() == "none":
            return None
        for read in (int, float) if field.type != "integer" else (int,):
            try:
                return read(given)
            except ValueError:
                continue
    return given


def _texts(field: Field, value: Any) -> list[str]:
    if field.type == "mapping":
        return [f"{name}={text}" for name, text in value.items()]
    if field.type == "stages":
        return [stage.to_text() for stage in value]
    if field.name == "criteria":
        return [str(criterion) for criterion in value]
    if field.type == "list":
        return [shlex.join(value) if field.name in IN_WORDS else ",".join(value)]
    if field.type == "duration" and value is not None:
        return [write_duration(value)]
    return ["none" if value is None else value if isinstance(value, str) else str(value)]
