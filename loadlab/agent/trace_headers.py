"""The headers by which a request is found again in the target's logs and traces: traceparent and X-Request-Id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from loadlab.agent.failures import cut_text, readable

MADE_AT_ONCE = 256
"""Ids are cut from one piece of randomness: making each alone would take longer than counting the request."""

TRACE_HEX = 32
ID_HEX = TRACE_HEX + 16
MAX_REQUEST_ID = 200
OWN_NAMES = frozenset(("traceparent", "x-request-id"))

Ids = tuple[str, str]
"""The trace id and the request id as they leave."""


class TraceHeaders:
    """Makes the trace headers of one request after the other.

    ``traceparent`` is W3C's (https://www.w3.org/TR/trace-context/) with the sampled flag, ``X-Request-Id`` holds the
    same trace id; a header that is there already stays as it is, and its id is the one returned. The ids come from the
    system's randomness, not from the `random` module, whose sequence belongs to the locustfile; a forked process makes
    new ones.
    """

    def __init__(self) -> None:
        self._made: list[tuple[str, str, Ids]] = []
        os.register_at_fork(after_in_child=self._made.clear)

    def lines(self, headers: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, Ids]:
        """The header lines, each with its line end, that a request with `headers` lacks, and the two ids.

        `defaults` are the headers that its client adds. Both must have lower-case keys, as geventhttpclient keeps them.
        """
        if not self._made:
            self._make()
        traceparent, lines, ids = self._made.pop()
        if not (OWN_NAMES.isdisjoint(headers) and OWN_NAMES.isdisjoint(defaults)):
            missing, ids = _complete(headers, defaults, traceparent, ids[0])
            lines = "".join(f"{name}: {value}\r\n" for name, value in missing.items())
        return lines, ids

    def add(self, headers: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> tuple[dict[str, Any], Ids]:
        """A copy of `headers` with the trace headers that neither they nor their session's `defaults` have; the ids."""
        if not self._made:
            self._make()
        traceparent, _, ids = self._made.pop()
        missing, ids = _complete(headers or {}, defaults, traceparent, ids[0])
        return {**(headers or {}), **missing}, ids

    def _make(self) -> None:
        digits = os.urandom(MADE_AT_ONCE * ID_HEX // 2).hex()
        for start in range(0, len(digits), ID_HEX):
            trace_id = digits[start : start + TRACE_HEX]
            traceparent = f"00-{trace_id}-{digits[start + TRACE_HEX : start + ID_HEX]}-01"
            lines = f"traceparent: {traceparent}\r\nX-Request-Id: {trace_id}\r\n"
            self._made.append((traceparent, lines, (trace_id, trace_id)))


def _complete(
    headers: Mapping[str, Any], defaults: Mapping[str, Any], traceparent: str, trace_id: str
) -> tuple[dict[str, str], Ids]:
    """The headers that are missing, and the trace id and the request id as they leave.

    `headers` go before `defaults`; one that is None keeps a default from being sent.
    """
    there = {
        str(name).lower(): "" if value is None else str(value)
        for given in (defaults, headers)
        for name, value in given.items()
    }
    missing = {}
    if "traceparent" not in there:
        missing["traceparent"] = traceparent
    if "x-request-id" not in there:
        missing["X-Request-Id"] = trace_id
    parts = there.get("traceparent", traceparent).split("-")
    return missing, (
        cut_text(parts[1] if len(parts) > 1 else "", TRACE_HEX),
        cut_text(readable(there.get("x-request-id", trace_id)), MAX_REQUEST_ID),
    )
