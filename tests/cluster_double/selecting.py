"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def selector(labels: str = "", fields: str = "") -> Callable[[Object], bool]:
    """A test of objects, from the two parameters of a request."""
    of_labels = [_label_requirement(part) for part in _split(labels)]
    of_fields = [_field_requirement(part) for part in fields.split(",") if part]

    def matches(obj: Object) -> bool:
        own = obj["metadata"].get("labels") or {}
        return all(holds(own) for holds in of_labels) and all(holds(obj) for holds in of_fields)

    return matches


def _split(labels: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", labels) if part.strip()]


def _label_requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)", text):
        key, operator, values = found.groups()
        allowed = {value.strip() for value in values.split(",")}
        if operator == "in":
            return lambda own: key in own and own[key] in allowed
        return lambda own: own.get(key) not in allowed
    if "!=" in text:
        key, value = text.split("!=", 1)
        return lambda own: own.get(key.strip()) != value.strip()
    if "=" in text:
        key, value = re.split(r"==?", text, maxsplit=1)
        return lambda own: own.get(key.strip()) == value.strip()
    if text.startswith("!"):
        return lambda own: text[1:].strip() not in own
    return lambda own: text in own


def _field_requirement(text: str) -> Callable[[Object], bool]:
    negated = "!=" in text
    path, value = re.split(r"!=|==?", text, maxsplit=1)

    def holds(obj: Object) -> bool:
        found: Any = obj
        for step in path.strip().split("."):
            found = found.get(step, "") if isinstance(found, dict) else ""
        return (str(found) == value.strip()) != negated

    return holds


def matches_labels(wanted: dict[str, str], obj: Object) -> bool:
    own = obj["metadata"].get("labels") or {}
    return all(own.get(key) == value for key, value in wanted.items())
