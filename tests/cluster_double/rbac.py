"""Who may do what: Role rules, and every call in their terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One call of the API, as RBAC sees it: apiGroup "" is the core's, name "" is a whole collection."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str


def allows(rules: Iterable[dict[str, Any]], call: Call) -> bool:
    """Whether one of the Role's `rules` allows the call."""
    full = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
    return any(
        _holds(rule.get("verbs"), call.verb)
        and _holds(rule.get("apiGroups"), call.group)
        and (_holds(rule.get("resources"), full) or f"*/{call.subresource}" in (rule.get("resources") or ()))
        and (not rule.get("resourceNames") or call.name in rule["resourceNames"])
        for rule in rules
    )


def _holds(listed: list[str] | None, value: str) -> bool:
    return "*" in (listed or ()) or value in (listed or ())
