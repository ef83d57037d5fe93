"""Counts each HTTP request when it leaves, and sends a trace id with it.

Locust's request event only fires when a request is over; what was in flight when its user was stopped would be
missing from every count. Both of Locust's HTTP clients pass every request through one method, which is wrapped here;
the count itself is taken between "connected" and "first byte written", because a user can be stopped while it waits
for its connection, and then the target never sees the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent import getcurrent
from geventhttpclient.client import HTTPClient
from geventhttpclient.connectionpool import ConnectionPool
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from urllib3.connection import HTTPConnection

from loadlab.agent.tally import Tally
from loadlab.agent.trace_headers import Ids, TraceHeaders


class Outgoing:
    """The request that a greenlet is about."""

    left = False
    ids: Ids = ("", "")
    lines: str | None = ""
    """Header lines to be written at the end of its head; None until they are made."""


class FastOutgoing(Outgoing):
    """One of FastHttpSession, whose trace headers are written as lines."""

    lines = None


def hook_http_clients(tally: Tally, trace_headers: bool) -> None:
    """Wrap HttpSession and FastHttpSession so that `tally` counts and, if asked, trace headers go out.

    One request of the locustfile counts as sent once. What the client sends by itself, because it follows a redirect
    or tries again after a broken connection, counts as repeated: the target sees the sum. A request that could not be
    sent (no connection) counts as sent too, because Locust reports it as failed.

    The headers are those of `loadlab.agent.trace_headers`. The trace id and the request id are kept on the response
    as `loadlab_ids` ("" where none was sent). FastHttpSession gets them as finished lines at the end of the request's
    head: as two more headers in its dicts, which are copied and checked several times, they would cost four times as
    much.
    """
    trace = TraceHeaders()
    outgoing: dict[Any, Outgoing] = {}  # by greenlet

    def leave(request: Outgoing) -> None:
        if request.left:
            tally.repeated += 1
        else:
            request.left = True
            tally.send()

    def wrap_request(send: Callable[..., Any], kind: type[Outgoing]) -> Callable[..., Any]:
        def counted(session: Any, method: Any, url: Any, **kwargs: Any) -> Any:
            greenlet = getcurrent()
            outer = outgoing.get(greenlet)  # an auth callable or a response hook may send a request of its own
            request = outgoing[greenlet] = kind()
            try:
                response = send(session, method, url, **kwargs)
                if not request.left:
                    leave(request)
            finally:
                if outer is None:
                    del outgoing[greenlet]
                else:
                    outgoing[greenlet] = outer
            tally.answered += 1
            response.loadlab_ids = request.ids
            return response

        return counted

    def wrap_get_socket(get_socket: Callable[..., Any]) -> Callable[..., Any]:
        def connected(pool: Any) -> Any:
            socket = get_socket(pool)
            request = outgoing.get(getcurrent())
            if request is not None:
                leave(request)
            return socket

        return connected

    def wrap_begin(begin: Callable[..., Any]) -> Callable[..., Any]:
        def begun(connection: Any, *args: Any, **kwargs: Any) -> Any:
            connection.loadlab_begins = True
            return begin(connection, *args, **kwargs)

        return begun

    def wrap_write(write: Callable[..., Any]) -> Callable[..., Any]:
        def connected(connection: Any, data: Any) -> Any:
            if connection.sock is None and connection.auto_open:
                connection.connect()
            if connection.__dict__.pop("loadlab_begins", False):  # a body may be written in many pieces
                request = outgoing.get(getcurrent())
                if request is not None:
                    leave(request)
            return write(connection, data)

        return connected

    def wrap_headers(send: Callable[..., Any]) -> Callable[..., Any]:
        def traced(session: Any, method: Any, url: Any, **kwargs: Any) -> Any:
            kwargs["headers"], ids = trace.add(kwargs.get("headers"), session.headers)
            response = send(session, method, url, **kwargs)
            response.loadlab_ids = ids
            return response

        return traced

    def wrap_build(build: Callable[..., str]) -> Callable[..., str]:
        def traced(client: Any, method: Any, request_uri: Any, *, headers: Any, **kwargs: Any) -> str:
            head = build(client, method, request_uri, headers=headers, **kwargs)
            request = outgoing.get(getcurrent())
            if request is None:
                return head
            if request.lines is None:
                request.lines, request.ids = trace.lines(headers or {}, client.default_headers)
            return f"{head[:-2]}{request.lines}\r\n"

        return traced

    send, send_fast = HttpSession._send_request_safe_mode, FastHttpSession._send_request_safe_mode
    HttpSession._send_request_safe_mode = wrap_request(send, Outgoing)  # type: ignore[method-assign]
    FastHttpSession._send_request_safe_mode = wrap_request(send_fast, FastOutgoing)  # type: ignore[method-assign]
    ConnectionPool.get_socket = wrap_get_socket(ConnectionPool.get_socket)  # type: ignore[method-assign]
    HTTPConnection.putrequest = wrap_begin(HTTPConnection.putrequest)  # type: ignore[method-assign]
    HTTPConnection.send = wrap_write(HTTPConnection.send)  # type: ignore[method-assign]
    if trace_headers:
        HttpSession._send_request_safe_mode = wrap_headers(HttpSession._send_request_safe_mode)  # type: ignore[method-assign]
        HTTPClient._build_request = wrap_build(HTTPClient._build_request)  # type: ignore[method-assign]
