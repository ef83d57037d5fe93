"""The JUnit file of a command: there when the command has ended, however that was, and never one of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from loadlab.errors import LoadlabError
from loadlab.spec import split_pairs, writable_file

if TYPE_CHECKING:
    from loadlab.report import Parameter

junit_option = click.option(
    "--junit", "junit_file", metavar="FILE", help="Write a JUnit file, a test case for each criterion."
)


def make_place_for_junit(path: str | None) -> None:
    """Remove what an earlier run has left at `path`. Raises SpecError when no file can be written there."""
    if path is not None:
        writable_file(path, "--junit").unlink(missing_ok=True)


@contextmanager
def kept_junit(path: str | None, loadtest: Mapping[str, Any]) -> Iterator[None]:
    """When the block raises, write a JUnit file whose error says why, for `loadtest` as `LoadTest.to_dict` tells it.

    Without a path nothing is done.
    """
    try:
        yield
    except (LoadlabError, KeyboardInterrupt) as error:
        _write(path, loadtest, str(error) or "interrupted")
        raise
    except Exception as error:
        _write(path, loadtest, f"{type(error).__name__}: {error}")
        raise


def facts_of_notebook(declared: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """What the parameters of a notebook tell of its test: labels and locustfile, as far as they have these names."""
    known = {name: given.get(name, declared[name].default_value) for name in declared}
    try:
        labels = split_pairs(str(known.get("labels") or ""))
    except ValueError:  # the notebook refuses them, which is what the JUnit file is going to tell
        labels = {}
    return {"locustfile": known.get("locustfile"), "labels": labels}


def _write(path: str | None, loadtest: Mapping[str, Any], message: str) -> None:
    from loadlab.report import write_junit_failure

    if path is not None:
        write_junit_failure(loadtest, message, path)
