"""One client's connection: requests in, answers out, in their order."""

from __future__ import annotations

import asyncio
from typing import Protocol

from loadlab.demo.counts import Counts
from loadlab.demo.pages import Response, error_response
from loadlab.demo.wire import MAX_HEAD_BYTES, BadRequest, Head, header, parse_head, render

HIGH_WATER_BYTES = 256 * 1024


class Handler(Protocol):
    """What a connection hands its requests to."""

    counts: Counts
    connections: set[Connection]

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Answer by `connection.respond` or `connection.drop`, at once or later."""


class Abandonable(Protocol):
    """What is told when its client leaves."""

    def abandon(self) -> None:
        """The client has closed before the answer."""


class Connection(asyncio.Protocol):
    """Reads requests one after the other: a pipelined request is read when the one before it has been answered.

    A client that closes its side, even half of it, has gone; what is `in_service` is told.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._head: Head | None = None
        self._serving: Head | None = None
        self._reading = False
        self._paused = False
        self.gone = False
        self.in_service: Abandonable | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._handler.counts.connections += 1
        self._handler.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a request is in service."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._serving is None:
            self._read_requests()
        elif len(self._buffer) > HIGH_WATER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client has gone; the transport closes itself."""
        self._leave()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        self._handler.connections.discard(self)
        self._leave()
        self._transport = None

    def close(self) -> None:
        """Close at once, without what has not been sent yet."""
        if self._transport is not None:
            self._transport.abort()

    def respond(self, response: Response) -> None:
        """Answer the request in service and go on to the next one."""
        head, self._serving = self._serving, None
        assert head is not None
        self.in_service = None
        if self.gone or self._transport is None:
            return
        self._transport.write(render(response, head_only=head.method == "HEAD", keep_alive=head.keep_alive))
        if not head.keep_alive:
            self.gone = True
            self._transport.close()
        elif self._buffer:
            self._read_requests()
        if self._paused and len(self._buffer) <= HIGH_WATER_BYTES and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """Close the connection without an answer."""
        self._serving = None
        self.gone = True
        self.in_service = None
        self.close()

    def _leave(self) -> None:
        if not self.gone:
            self.gone = True
            if self.in_service is not None:
                self.in_service.abandon()
                self.in_service = None

    def _read_requests(self) -> None:
        if self._reading:  # an answer given at once: the loop below goes on to the next request
            return
        self._reading = True
        try:
            while self._buffer and self._serving is None and not self.gone and self._read_request():
                pass
        except BadRequest as refused:
            self._refuse(refused)
        finally:
            self._reading = False

    def _read_request(self) -> bool:
        """Take one whole request out of the buffer; False while it is incomplete."""
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES):
                raise BadRequest(431, f"the head of a request may have {MAX_HEAD_BYTES} bytes")
            if end < 0:
                return False
            head = parse_head(self._buffer[:end])
            self._buffer = self._buffer[end + 4 :]
            waits = head.length > len(self._buffer) and header(head.raw, b"expect") == b"100-continue"
            if waits and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            head = self._head
        if len(self._buffer) < head.length:
            self._head = head
            return False
        body, self._buffer = self._buffer[: head.length], self._buffer[head.length :]
        self._head, self._serving = None, head
        self._handler.handle(self, head, body)
        return True

    def _refuse(self, refused: BadRequest) -> None:
        rejected = self._handler.counts.rejected
        rejected[refused.status] = rejected.get(refused.status, 0) + 1
        self._buffer, self._head, self.gone = b"", None, True
        if self._transport is not None:
            self._transport.write(
                render(error_response(refused.status, str(refused)), head_only=False, keep_alive=False)
            )
            self._transport.close()
