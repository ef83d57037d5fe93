"""Names as CloudWatch takes them: printable ASCII, not blank, of limited length; and few enough of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

OTHER = "(other)"
"""What the rarest names and kinds are counted under when there are too many."""

EMPTY = "(empty)"
"""What an empty name is called."""

Dimensions = tuple[tuple[str, str], ...]
"""The dimensions of a metric: names with values."""

Names = tuple[str, ...]
"""A name of several parts, such as request type and name."""

Key = TypeVar("Key", bound=Hashable)


class Preferred(NamedTuple):
    """What was sent before and is therefore kept apart again: (request_type, name), (kind,), and own metrics' names."""

    names: frozenset[Names] = frozenset()
    kinds: frozenset[Names] = frozenset()
    metrics: frozenset[str] = frozenset()

    @classmethod
    def of(cls, metrics: Iterable[tuple[str, Dimensions]]) -> Preferred:
        """From the metrics that were sent: names with their dimensions."""
        names: set[Names] = set()
        kinds: set[Names] = set()
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


def keep_most_frequent(weights: Mapping[Key, float], limit: int, prefer: Collection[Key] = ()) -> set[Key]:
    """The keys that are kept apart: those in `prefer`, which were sent before, and the ones of the greatest weight.

    Of the others as many as `limit` leaves room for beside all of `prefer`, also those that `weights` lacks. Ties are
    broken by the key's text, so that the same run gives the same choice.
    """
    others = sorted((key for key in weights if key not in prefer), key=lambda key: (-weights[key], str(key)))
    return {key for key in weights if key in prefer} | set(others[: max(limit - len(prefer), 0)])
