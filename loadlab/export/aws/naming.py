"""Names as CloudWatch takes them: printable ASCII, not blank, of limited length; and few enough of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

OTHER = "(other)"
"""What the rarest names and kinds are counted under when there are too many."""

EMPTY = "(empty)"
"""What an empty name is called."""

Key = TypeVar("Key", bound=Hashable)


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
    """At most `limit` keys: those in `prefer` first, which were sent before, then those of the greatest weight.

    Ties are broken by the key's text, so that the same run gives the same choice.
    """
    ordered = sorted(weights, key=lambda key: (key not in prefer, -weights[key], str(key)))
    return set(ordered[:limit])
