"""One record of a swarm's stream: a line of JSON with `seq` and `kind`."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from loadlab.errors import StreamError

EXCERPT_CHARS = 200
"""How much of a line that is not a record an error message quotes."""


class Record(NamedTuple):
    """A record as it was read. `line` holds the bytes as they came, without the line feed."""

    seq: int
    kind: str
    payload: dict[str, Any]
    line: bytes


def parse_record(line: bytes) -> Record:
    """`line` (one line without its line feed) as a Record.

    The format is RFC 8259 JSON; Python's NaN and Infinity are accepted too. Raises StreamError when it is not a
    JSON object with an integer `seq` and a text `kind`.
    """
    try:
        payload = json.loads(line)
    except ValueError as error:
        raise StreamError(f"not a record, but {_excerpt(line)}: {error}") from error
    if not isinstance(payload, dict):
        raise StreamError(f"not a record, but {_excerpt(line)}")
    seq, kind = payload.get("seq"), payload.get("kind")
    if type(seq) is not int or not isinstance(kind, str):
        raise StreamError(f"a record without a number (seq) and a kind: {_excerpt(line)}")
    return Record(seq, kind, payload, line)


def _excerpt(line: bytes) -> str:
    text = line[:EXCERPT_CHARS].decode("utf-8", "replace")
    return repr(text + "…" if len(line) > EXCERPT_CHARS else text)
