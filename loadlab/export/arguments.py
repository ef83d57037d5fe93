"""Arguments of the exporters that are checked before anything else: their names, and that a run is one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from loadlab.errors import SpecError


def check_names(given: Mapping[str, Any], *callables: Callable[..., Any]) -> None:
    """Raise SpecError, with the nearest name, for an argument that none of `callables` has."""
    known = {
        parameter.name
        for each in callables
        for parameter in inspect.signature(each).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    for name in given:
        if name not in known:
            raise SpecError.unknown("argument", name, known - {"run", "runs"})


def check_run(run: Any, field: str = "run") -> None:
    """Raise SpecError for what is no recorded run, such as the id of one."""
    if not (hasattr(run, "table") and hasattr(run, "info")):
        raise SpecError(field, run, "a run, such as that of loadlab.open_run('latest')")


def doubts(run: Any) -> tuple[str, ...]:
    """A sentence where the run's verdict is that it cannot be trusted; none for a run that has no verdict."""
    verdict = getattr(run, "verdict", None)
    if verdict is None or verdict.status != "invalid":
        return ()
    return (f"The verdict of this run is invalid: {'; '.join(verdict.reasons)}",)
