"""HTTP clients that are nothing but sockets, and count for themselves."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 90.0


class Answer(NamedTuple):
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def request_bytes(path: str, method: str = "GET", body: bytes = b"", headers: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{length}{headers}\r\n".encode() + body


class RawClient:
    """One connection, used as a context manager."""

    def __init__(self, url: str) -> None:
        self.socket = socket.create_connection(address(url), timeout=TIMEOUT_S)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, method: str = "GET") -> Answer | None:
        """The next answer; None when the server has closed the connection instead."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        headers = {}
        while (header := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        return Answer(int(line.split()[1]), headers, self._file.read(length))

    def ask(self, path: str, method: str = "GET", body: bytes = b"", headers: str = "") -> Answer:
        self.send(request_bytes(path, method, body, headers))
        answer = self.read(method)
        assert answer is not None, "the server has closed the connection"
        return answer


def ask(url: str, path: str, method: str = "GET", body: bytes = b"", headers: str = "") -> Answer:
    with RawClient(url) as client:
        return client.ask(path, method, body, headers)


def measure_throughput(url: str, path: str, *, clients: int, requests: int) -> float:
    """Requests a second of a closed loop of `clients` that are answered `requests` times in all."""

    async def run() -> float:
        left = requests
        data = request_bytes(path)

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal left
            while left > 0:
                left -= 1
                writer.write(data)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
                await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
            writer.close()

        connections = [await asyncio.open_connection(*address(url)) for _ in range(clients)]
        started = time.perf_counter()
        await asyncio.wait_for(asyncio.gather(*(client(*connection) for connection in connections)), 60)
        return requests / (time.perf_counter() - started)

    return asyncio.run(run())


def wait_for(condition: object, what: str) -> None:
    """Wait until the callable `condition` holds; the time limit only guards against hanging."""
    assert callable(condition)
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.01)
