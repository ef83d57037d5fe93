"""The fields of LoadTest and KubernetesOptions as command line options, and objects of these kinds from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from loadlab.spec import (
    Field,
    KubernetesOptions,
    LoadTest,
    check_locustfile,
    format_duration,
    option_name,
    read_options,
)
from loadlab.spec.command_line import REPEATED
from loadlab.spec.specification import Specification

_METAVARS = {
    "text": "TEXT",
    "choice": "WORD",
    "path": "FILE",
    "integer": "N",
    "number": "X",
    "duration": "TIME",
    "list": "A,B,...",
    "mapping": "NAME=VALUE",
    "stages": "USERS/RATE/TIME",
}
_OWN_METAVARS = {
    "criteria": "CRITERION",
    "locust_options": "OPTIONS",
    "on_region_lost": "continue|stop",
    "set": "PATH=VALUE",
    "values": "FILE",
    "files": "PATTERN",
    "pip_packages": "PACKAGE",
}


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def loadtest_options(*, hidden: bool = False) -> Decorator:
    """Add an option for every field of LoadTest to a command; `read_test` takes their values."""
    return _options(LoadTest, "", hidden)


def kubernetes_options(*, hidden: bool = False) -> Decorator:
    """Add an option for every field of KubernetesOptions to a command; `read_kubernetes` takes their values."""
    return _options(KubernetesOptions, "Kubernetes: ", hidden)


def _options(kind: type[Specification], about: str, hidden: bool) -> Decorator:
    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for field in reversed(kind.fields()):
            command = _option(field, about, hidden)(command)
        return command

    return add


def read_kubernetes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of KubernetesOptions that were given."""
    return read_options(options, KubernetesOptions)


def read_test(file: Path | None, options: Mapping[str, Any]) -> LoadTest:
    """The LoadTest of a YAML file, if there is one, and of the options that were given, which win.

    Raises SpecError, also when its locustfile does not exist, and UsageError when neither names a test.
    """
    if file is not None and file.suffix == ".py":
        raise click.UsageError(f"{file} is a locustfile; give it as: --locustfile {file}")
    given = read_options(options)
    if file is None and "locustfile" not in given:
        raise click.UsageError("name a TEST.yaml or --locustfile FILE; see loadlab run --help")
    test = LoadTest.from_yaml(file, **given) if file else LoadTest(**given)
    check_locustfile(test)
    return test


def _option(field: Field, about: str, hidden: bool) -> Decorator:
    option = option_name(field)
    doc = about + field.doc
    text = f"{doc[0].upper()}{doc[1:]}.{_default(field)}"
    if field.type == "switch":
        return click.option(
            f"{option}/--no-{option.removeprefix('--')}", field.name, default=None, help=text, hidden=hidden
        )
    return click.option(
        option,
        field.name,
        metavar=_OWN_METAVARS.get(field.name, _METAVARS[field.type]),
        multiple=field.type in REPEATED,
        hidden=hidden,
        help=f"{text} May be repeated." if field.type in REPEATED else text,
    )


def _default(field: Field) -> str:
    if field.default in (None, "", (), {}):
        return ""
    if field.type == "switch":
        return f"  [default: {'yes' if field.default else 'no'}]"
    if field.type == "choice":
        return f"  [default: {field.default}]"
    value = format_duration(field.default) if field.type == "duration" else f"{field.default:g}"
    return f"  [default: {value}]"
