"""An HTTP session whose blocking read another thread can end."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class InterruptibleAdapter(HTTPAdapter):
    """Transport of a `requests.Session` that is used by one thread and may be ended by another one.

    requests has no way to end a read that waits for its answer: `Session.close` leaves a connection in use alone.
    This adapter remembers the socket that was connected last, so that `interrupt` can shut it down; the read then
    fails at once with requests.ConnectionError.
    """

    def __init__(self) -> None:
        self._interrupted = threading.Event()
        self._socket: socket.socket | None = None
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Build the pools of connections; called by HTTPAdapter."""
        super().init_poolmanager(*args, **kwargs)
        adapter = self

        class Connection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                adapter._connected(self.sock)

        class SecureConnection(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                adapter._connected(self.sock)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = SecureConnection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}

    def interrupt(self) -> None:
        """End the request in progress and refuse new connections. May be called from any thread, more than once."""
        self._interrupted.set()
        _shut_down(self._socket)

    def _connected(self, connected: socket.socket | None) -> None:
        self._socket = connected
        if self._interrupted.is_set():
            _shut_down(connected)


def interruptible_session(token: str) -> tuple[requests.Session, InterruptibleAdapter]:
    """A session that sends `token` with every request, and the adapter that can end its reads.

    Proxies and .netrc of the environment are ignored: a swarm listens on loopback or behind a port-forward. Bodies
    are asked for as they are, since a compressed one that breaks off loses the whole lines in it.
    """
    adapter = InterruptibleAdapter()
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session, adapter


def _shut_down(connected: socket.socket | None) -> None:
    if connected is not None:
        with contextlib.suppress(OSError):  # the other side was faster: the socket is closed already
            connected.shutdown(socket.SHUT_RDWR)
