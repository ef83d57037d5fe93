"""The headers by which a request is found again in the target's logs and traces: traceparent and X-Request-Id."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from loadlab.agent.failures import clean_text

MADE_AT_ONCE = 512
"""Ids are cut from one piece of randomness: making each alone would take longer than counting the request."""

TRACE_HEX = 32
ID_HEX = TRACE_HEX + 16
MAX_REQUEST_ID = 200
OWN_NAMES = frozenset(("traceparent", "x-request-id"))


def trace_header_maker() -> Callable[[Any], tuple[dict[str, Any], tuple[str, str]]]:
    """A function that takes a request's headers (or None) and returns a copy with trace headers, and the two ids.

    ``traceparent`` is W3C's (https://www.w3.org/TR/trace-context/) with the sampled flag, ``X-Request-Id`` holds the
    same trace id; a header that is there already stays as it is, and its id is the one returned. The ids come from the
    system's randomness, not from the `random` module, whose sequence belongs to the locustfile; a forked process makes
    new ones.
    """
    made: list[str] = []
    os.register_at_fork(after_in_child=made.clear)

    def add(headers: Any) -> tuple[dict[str, Any], tuple[str, str]]:
        if not made:
            digits = os.urandom(MADE_AT_ONCE * ID_HEX // 2).hex()
            made.extend(digits[start : start + ID_HEX] for start in range(0, len(digits), ID_HEX))
        identity = made.pop()
        trace_id = identity[:TRACE_HEX]
        traceparent = f"00-{trace_id}-{identity[TRACE_HEX:]}-01"
        own = dict(headers) if headers else {}
        for name in own:
            if str(name).lower() in OWN_NAMES:
                return own, _fill_in(own, traceparent, trace_id)
        own["traceparent"] = traceparent
        own["X-Request-Id"] = trace_id
        return own, (trace_id, trace_id)

    return add


def _fill_in(own: dict[str, Any], traceparent: str, trace_id: str) -> tuple[str, str]:
    """Add the header that is missing; the trace id and the request id as they leave."""
    there = {str(name).lower(): str(value) for name, value in own.items()}
    if "traceparent" not in there:
        own["traceparent"] = traceparent
    if "x-request-id" not in there:
        own["X-Request-Id"] = trace_id
    parts = there.get("traceparent", traceparent).split("-")
    return clean_text(parts[1] if len(parts) > 1 else "", TRACE_HEX), clean_text(
        there.get("x-request-id", trace_id), MAX_REQUEST_ID
    )
