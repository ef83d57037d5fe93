"""A master that speaks the record protocol over real HTTP and breaks where a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ports import reserve_ports

TOKEN = "right-token"
T0 = 1763932000


def hello(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "hello",
        "schema": 2,
        "relative_error": 0.01,
        "run_id": "r20251123-210640-abcd",
        "time": T0,
    } | changes


def second(t: int, **changes: Any) -> dict[str, Any]:
    requests = [["GET", "/cart", 3, 1, 300, 30.5, 5.5, 15.0, [86, 136], [1, 2], None, None]]
    return {"kind": "second", "t": T0 + t, "requests": requests, "users": {"ShopUser": 2}, "missing": []} | changes


def end(**changes: Any) -> dict[str, Any]:
    return {"kind": "end", "time": T0 + 99, "reason": "stopped", "workers": {}} | changes


class FakeMaster:
    """Serves `lines` at `url`. `faults` holds what goes wrong with the next requests, in order; "" is a good answer."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.faults: deque[str] = deque()
        self.asked: list[tuple[int, float]] = []
        self.grown = threading.Condition()
        self.release = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        (self.port,) = reserve_ports(1)  # it may come back there
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, *records: dict[str, Any]) -> None:
        with self.grown:
            for record in records:
                self.lines.append(json.dumps({"seq": len(self.lines) + 1} | record).encode())
            self.grown.notify_all()

    def start(self) -> None:
        class Handler(_Handler):
            master = self

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        self.release.set()
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    master: FakeMaster

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        after, wait, limit = int(query["after"]), float(query["wait"]), int(query["limit"])
        self.master.asked.append((after, wait))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._answer(401, b"")
        if self.master._server is None:
            self.close_connection = True
            return None
        fault = self.master.faults.popleft() if self.master.faults else ""
        if fault.isdigit():
            return self._answer(int(fault), b"<h1>no</h1>")
        if fault.startswith("redirect "):
            return self._answer(302, b"", location=fault.split()[1])
        if fault == "again":
            after = max(after - 2, 0)
        if fault == "hang":
            self.master.release.wait(30)
        if fault == "drop":
            self.close_connection = True
            return None
        if fault == "html":
            return self._answer(200, b"<html>Please log in</html>\n")
        with self.master.grown:
            self.master.grown.wait_for(lambda: len(self.master.lines) > after, wait)
            lines = self.master.lines[after : after + limit]
        body = b"".join(line + b"\n" for line in lines)
        if fault.startswith("cut"):
            return self._cut(body, fault)
        if fault == "slow":
            return self._drip(body)
        return self._answer(200, body)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self, body: bytes, fault: str) -> None:
        """Send all but the last 10 bytes, and close: with a length, in chunks, or with neither."""
        self.send_response(200)
        torn = body[:-10]
        if fault == "cut length":
            self.send_header("Content-Length", str(len(body)))
        elif fault == "cut chunks":
            self.send_header("Transfer-Encoding", "chunked")
            torn = f"{len(torn):x}\r\n".encode() + torn + b"\r\n"
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(torn)
        self.close_connection = True

    def _drip(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 40):
            self.wfile.write(body[start : start + 40])
            self.wfile.flush()
            time.sleep(0.005)
