"""Key as CloudWatch takes them: printable ASCII, not blank, of limited length; and few enough of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from loadlab.export.keys import OTHER, Key

EMPTY = "(empty)"
"""What an empty name is called."""

Dimensions = tuple[tuple[str, str], ...]
"""The dimensions of a metric: names with values."""


class Preferred(NamedTuple):
    """What was sent before and is therefore kept apart again: (request_type, name), (kind,), and own metrics' names."""

    names: frozenset[Key] = frozenset()
    kinds: frozenset[Key] = frozenset()
    metrics: frozenset[str] = frozenset()

    @classmethod
    def of(cls, metrics: Iterable[tuple[str, Dimensions]]) -> Preferred:
        """From the metrics that were sent: names with their dimensions."""
        names: set[Key] = set()
        kinds: set[Key] = set()
        own: set[str] = set()
        for metric, dimensions in metrics:
            values = dict(dimensions)
            if "name" in values:
                names.add((values["request_type"], values["name"]))
            if "kind" in values:
                kinds.add((values["kind"],))
            own.add(metric)
        return cls(frozenset(names - {(OTHER, OTHER)}), frozenset(kinds - {(OTHER,)}), frozenset(own))

    def join(self, other: Preferred) -> Preferred:
        """Both together."""
        return Preferred(self.names | other.names, self.kinds | other.kinds, self.metrics | other.metrics)


def clean_name(text: str, limit: int) -> str:
    """`text` in printable ASCII, without blanks at its ends, of at most `limit` characters.

    What changes it, but for an empty one, is told by ``~`` and eight hex digits of its SHA-256, so that two different
    texts stay two, and the same text gives the same name in every run.
    """
    if not text:
        return EMPTY
    kept = "".join(char if " " <= char <= "~" else "?" for char in text).strip()
    if kept == text and len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept[: limit - 9]}~{digest}"
