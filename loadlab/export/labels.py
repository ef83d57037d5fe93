"""The labels of a test that say whose numbers they are."""

from __future__ import annotations

from collections.abc import Mapping

from loadlab.errors import SpecError


def read_labels(labels: Mapping[str, str], **given: str | None) -> tuple[str, ...]:
    """For each name of `given` its value, or the test's label of that name where it is None or empty.

    Raises SpecError; of all those that are missing one error tells.
    """
    found = {name: value or labels.get(name) for name, value in given.items()}
    if missing := [name for name, value in found.items() if not value]:
        raise SpecError.missing(" and ".join(missing), "; ".join(map(_allowed, missing)))
    for name, value in found.items():
        if not isinstance(value, str) or not value.strip():
            raise SpecError(name, value, _allowed(name))
    return tuple(map(str, found.values()))


def _allowed(name: str) -> str:
    return f"the label {name} of the test (--label {name}=NAME), or {name}=NAME here (--{name} NAME of loadlab export)"
