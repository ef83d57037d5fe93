"""What kind of failure an exception is, and its message with everything that varies folded away."""

from __future__ import annotations

import errno
import re
import socket

from loadlab.redaction import Redactor

MAX_MESSAGE = 300
MAX_SAMPLE = 1000

_FOLDS = (
    (re.compile(r"\bhttps?://[^\s/?#'\"]+"), "<host>"),
    (re.compile(r"\?[^\s?=&'\"]+=[^\s'\":]*"), "?<query>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
)
_NUMBERS = re.compile(r"(\b(?:code|status)\s?[=:]?\s?\d{3}\b)|(?<![A-Za-z])\d+(?:[.,]\d+)*", re.I)
"""A status code is kept: it tells failures apart, and does not vary within one."""
_ERRNO_KINDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "host unreachable",
    errno.EMFILE: "too many open files",
    errno.EADDRNOTAVAIL: "no free local port",
}
_WORDS = (
    ("timeout", "timeout"),
    ("timed out", "timeout"),
    ("connection refused", "connection refused"),
    ("connection reset", "connection reset"),
    ("connection aborted", "connection reset"),
    ("remote end closed", "connection closed"),
    ("connectionclosed", "connection closed"),
    ("name or service not known", "name resolution"),
    ("nameresolution", "name resolution"),
    ("ssl", "TLS"),
    ("certificate", "TLS"),
)


REDACTOR = Redactor()
"""Hides what looks like a secret in all that this process measures and logs; `install` tells it the secrets it knows.
"""

_MARGIN = 4096
"""So much more than its limit is looked at of a text, so that no secret is cut in two before it is seen."""


def readable(value: object) -> str:
    """`value` as text, whatever its class says about that."""
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever a class of the locustfile raises: its request counts all the same
        return f"({type(value).__name__} without a text)"


def clean_text(text: object, limit: int) -> str:
    """`text` as valid Unicode of at most `limit` characters, without what looks like a secret in it.

    What is cut off is marked by an ellipsis.
    """
    raw = readable(text)
    return cut_text(REDACTOR(raw[: limit + _MARGIN]), limit)


def cut_text(raw: str, limit: int) -> str:
    """`raw` as valid Unicode of at most `limit` characters; what is cut off is marked by an ellipsis."""
    if len(raw) > limit:
        raw = raw[: limit - 1] + "…"
    return raw if raw.isascii() else raw.encode("utf-8", "replace").decode("utf-8")


def fold_message(text: str) -> str:
    """A cleaned text with what varies folded to <host>, <query>, <uuid>, <hex>, <n>: like failures count together."""
    folded = cut_text(text, MAX_MESSAGE)
    for pattern, placeholder in _FOLDS:
        folded = pattern.sub(placeholder, folded)
    return _NUMBERS.sub(lambda match: match[1] or "<n>", folded)


def failure_kind(exception: object, status: int) -> str:
    """A short class of failure: 'HTTP 503', 'timeout', 'connection refused', 'check failed' or the exception's name."""
    if not isinstance(exception, BaseException):
        return "check failed"
    name = type(exception).__name__
    if name in ("CatchResponseError", "ResponseError", "AssertionError"):
        return "check failed"
    cause: BaseException | None = exception
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, TimeoutError):
            return "timeout"
        if isinstance(cause, socket.gaierror):
            return "name resolution"
        if isinstance(cause, OSError) and cause.errno in _ERRNO_KINDS:
            return _ERRNO_KINDS[cause.errno]
        cause = cause.__cause__ or cause.__context__
    if status >= 400:
        return f"HTTP {status}"
    text = f"{name} {readable(exception)[:MAX_MESSAGE]}".lower()
    for word, kind in _WORDS:
        if word in text:
            return kind
    return name
