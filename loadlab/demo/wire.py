"""HTTP/1.1 on the wire: reading a request's head, writing an answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from loadlab.demo.pages import Response

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Head(NamedTuple):
    """A request without its body. `raw` is the head in lower case, for the rarer headers."""

    method: str
    path: str
    query: str
    keep_alive: bool
    length: int
    raw: bytes
    cookie: str


class BadRequest(Exception):
    """A request that is refused before it is complete; its connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def parse_head(head: bytes) -> Head:
    """A request's head (without the empty line that ends it).

    Raises BadRequest: 400 malformed, 411 a chunked body, 413 a body above `MAX_BODY_BYTES`, 505 not HTTP/1.x.
    """
    line, _, _ = head.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]):
        raise BadRequest(400, "malformed request line")
    method, target, version = parts
    if not version.startswith(b"HTTP/1."):
        raise BadRequest(505, "this server speaks HTTP/1.1")
    if target.startswith(b"http://"):
        target = b"/" + target[7:].partition(b"/")[2]
    if not target.startswith(b"/"):
        raise BadRequest(400, "malformed request target")
    path, _, query = target.partition(b"#")[0].decode("latin-1").partition("?")
    raw = head.lower()
    if b"\r\ntransfer-encoding:" in raw:
        raise BadRequest(411, "chunked bodies are not accepted: send a Content-Length")
    connection = header(raw, b"connection")
    keep_alive = b"keep-alive" in connection if version == b"HTTP/1.0" else b"close" not in connection
    cookie = header(head, b"cookie", raw).decode("latin-1") if b"\r\ncookie:" in raw else ""
    return Head(method.decode(), path, query, keep_alive, _content_length(raw), raw, cookie)


def header(head: bytes, name: bytes, lowered: bytes | None = None) -> bytes:
    """The first value of the header `name` (in lower case), empty if absent. `lowered` is `head` in lower case."""
    lowered = head if lowered is None else lowered
    start = lowered.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


def _content_length(raw: bytes) -> int:
    count = raw.count(b"\r\ncontent-length:")
    if count == 0:
        return 0
    value = header(raw, b"content-length")
    if count > 1 or not value.isdigit():
        raise BadRequest(400, "malformed Content-Length")
    if len(value) > 15 or int(value) > MAX_BODY_BYTES:
        raise BadRequest(413, f"a body may have {MAX_BODY_BYTES} bytes")
    return int(value)


def render(response: Response, *, head_only: bool, keep_alive: bool) -> bytes:
    """`response` as bytes for the wire; `head_only` leaves the body out, as for HEAD."""
    head = (
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}\r\n"
        f"Server: loadlab-demo\r\nContent-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
        f"{response.headers}{'' if keep_alive else 'Connection: close'}"
    )
    end = b"\r\n" if keep_alive else b"\r\n\r\n"
    return head.encode("latin-1") + end + (b"" if head_only else response.body)
