"""The storefront itself: requests, queue, faults, counts and the control plane, on one event loop."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
from collections.abc import Callable

from loadlab.demo.connection import Connection
from loadlab.demo.counts import Counts, RouteCounts
from loadlab.demo.faults import Faults
from loadlab.demo.pages import Response, answer, error_response
from loadlab.demo.routes import route_of
from loadlab.demo.settings import Settings
from loadlab.demo.station import Station
from loadlab.demo.wire import Head
from loadlab.errors import SpecError

CONTROL_PREFIX = "/_demo/"
FULL = error_response(503, "the queue is full")._replace(headers="Retry-After: 1\r\n")


class Exchange:
    """A request on its way to its answer, counted once as exactly one of answered, aborted, dropped."""

    __slots__ = ("_connection", "_counts", "_make_response", "_over")

    def __init__(
        self, connection: Connection, counts: RouteCounts, make_response: Callable[[], Response | None]
    ) -> None:
        self._connection = connection
        self._counts = counts
        self._make_response = make_response
        self._over = False
        connection.in_service = self

    def refuse(self, response: Response) -> None:
        """Change what will be answered."""
        self._make_response = lambda: response

    def finish(self) -> None:
        """Answer, or close the connection where that is the fault drawn (None instead of a response)."""
        if self._over:
            return
        self._over = True
        response = self._make_response()
        if response is None:
            self._counts.dropped += 1
            self._connection.drop()
            return
        answered = self._counts.answered
        answered[response.status] = answered.get(response.status, 0) + 1
        self._connection.respond(response)

    def abandon(self) -> None:
        """The client has closed first."""
        if not self._over:
            self._over = True
            self._counts.aborted += 1


class Server:
    """Counts, queues and answers the requests of all connections."""

    def __init__(self, settings: Settings, faults: Faults, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings
        self.faults = faults
        self.counts = Counts()
        self.connections: set[Connection] = set()
        self._station = Station(settings, loop)
        self._station.set_faults(faults)
        self._random = random.Random(None if settings.seed is None else settings.seed + 1)

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Take a request that has been read completely."""
        method, path = head.method, head.path
        if path.startswith(CONTROL_PREFIX):
            connection.respond(self._control(method, path[len(CONTROL_PREFIX) :], body))
            return
        route = route_of(path)
        counts = self.counts.of(method, route)
        counts.received += 1
        exchange = Exchange(connection, counts, self._response_maker(head, route, body))
        if not self._station.admit(exchange, self.settings.factor(method, route)):
            exchange.refuse(FULL)
            self._station.finish_now(exchange)

    def _response_maker(self, head: Head, route: str, body: bytes) -> Callable[[], Response | None]:
        faults = self.faults
        if faults.drops or faults.errors:
            endpoint = f"{'GET' if head.method == 'HEAD' else head.method} {route}"
            if self._random.random() < faults.drop_rate(endpoint):
                return lambda: None
            error = faults.error(endpoint)
            if error is not None and self._random.random() < error.rate:
                response = error_response(error.status, "an error as ordered")
                return lambda: response
        return lambda: answer(head.method, route, head.path, head.query, head.cookie, body)

    def _control(self, method: str, name: str, body: bytes) -> Response:
        if name == "counts" and method == "GET":
            return _json(self.counts.to_dict())
        if name == "config" and method == "GET":
            return _json(self.config())
        if name == "faults" and method == "POST":
            try:
                faults = Faults.from_dict(json.loads(body or b"{}"))
            except (SpecError, ValueError, RecursionError) as error:
                return error_response(400, str(error))
            self.faults = faults
            self._station.set_faults(faults)
            return _json(faults.to_dict())
        if name in ("counts", "config", "faults"):
            return error_response(405, f"{method} is not allowed here")
        return error_response(404, "the control plane has /_demo/counts, /_demo/config and /_demo/faults")

    def config(self) -> dict[str, object]:
        """Settings, faults in force, and the capacity they make; `capacity_rps` is None when it has no limit."""
        capacity = self.settings.capacity() if self.settings.service_time else None
        return {
            "pid": os.getpid(),
            "capacity_rps": capacity,
            "settings": self.settings.to_dict(),
            "faults": self.faults.to_dict(),
        }


def _json(value: object) -> Response:
    return Response(200, json.dumps(value).encode())


async def serve(
    settings: Settings,
    faults: Faults,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    exit_with_stdin: bool = False,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input ends if `exit_with_stdin`.

    `ready` is called once with the URL when connections are accepted. Raises OSError when the port cannot be had.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = Server(settings, faults, loop)
    listener = await loop.create_server(lambda: Connection(server), host, port, backlog=4096)
    if exit_with_stdin:
        threading.Thread(target=_wait_for_stdin, args=(loop, stopped), name="stdin", daemon=True).start()
    number = listener.sockets[0].getsockname()[1]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{number}")
    await stopped.wait()
    listener.close()
    for connection in list(server.connections):
        connection.close()


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(stopped.set)
