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
from geventhttpclient.connectionpool import ConnectionPool
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from urllib3.connection import HTTPConnection

from loadlab.agent.tally import Tally
from loadlab.agent.trace_headers import trace_header_maker


def hook_http_clients(tally: Tally, trace_headers: bool) -> None:
    """Wrap HttpSession and FastHttpSession so that `tally` counts and, if asked, trace headers go out.

    One request of the locustfile counts as sent once. What the client sends by itself, because it follows a redirect
    or tries again after a broken connection, counts as repeated: the target sees the sum. A request that could not be
    sent (no connection) counts as sent too, because Locust reports it as failed.

    The headers are those of `loadlab.agent.trace_headers`. The trace id and the request id are kept on the response
    as `loadlab_ids` ("" where none was sent).
    """
    add_trace_headers = trace_header_maker()
    has_left: dict[Any, bool] = {}  # by greenlet: whether the request it is about has left

    def leave() -> None:
        greenlet = getcurrent()
        left = has_left.get(greenlet)
        if left is False:
            has_left[greenlet] = True
            tally.send()
        elif left:
            tally.repeated += 1

    def wrap_request(send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(session: Any, method: Any, url: Any, **kwargs: Any) -> Any:
            ids = ("", "")
            if trace_headers:
                kwargs["headers"], ids = add_trace_headers(kwargs.get("headers"))
            greenlet = getcurrent()
            outer = has_left.get(greenlet)  # an auth callable or a response hook may send a request of its own
            has_left[greenlet] = False
            try:
                response = send(session, method, url, **kwargs)
                if not has_left[greenlet]:
                    leave()
            finally:
                if outer is None:
                    del has_left[greenlet]
                else:
                    has_left[greenlet] = outer
            tally.answered += 1
            response.loadlab_ids = ids
            return response

        return counted

    def wrap_get_socket(get_socket: Callable[..., Any]) -> Callable[..., Any]:
        def connected(pool: Any) -> Any:
            socket = get_socket(pool)
            leave()
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
                leave()
            return write(connection, data)

        return connected

    for client in (HttpSession, FastHttpSession):
        client._send_request_safe_mode = wrap_request(client._send_request_safe_mode)  # type: ignore[method-assign]
    ConnectionPool.get_socket = wrap_get_socket(ConnectionPool.get_socket)  # type: ignore[method-assign]
    HTTPConnection.putrequest = wrap_begin(HTTPConnection.putrequest)  # type: ignore[method-assign]
    HTTPConnection.send = wrap_write(HTTPConnection.send)  # type: ignore[method-assign]
