"""The labels of a test that say whose numbers they are."""

from __future__ import annotations

from collections.abc import Mapping

from loadlab.errors import SpecError


def read_label(field: str, value: str | None, labels: Mapping[str, str]) -> str:
    """`value`, or the test's label `field` where it was not given. Raises SpecError when there is neither."""
    value = value or labels.get(field)
    if not value or not isinstance(value, str) or not value.strip():
        allowed = f"the label {field} of the test (--label {field}=NAME), or {field}=NAME here"
        raise SpecError.missing(field, allowed) if not value else SpecError(field, value, allowed)
    return value
