"""Names as CloudWatch takes them: printable ASCII, not blank, of limited length."""

from __future__ import annotations

import hashlib

EMPTY = "(empty)"
"""What an empty name is called."""


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
