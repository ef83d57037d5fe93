"""What answers at a master's address, and is not the master."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadlab.errors import LaunchError
from loadlab.launch.master_api import MasterApi, look_at


@pytest.fixture
def answer_with() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that answers everything with these bytes; its URL."""
    servers = []

    def start(body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("body", [b"[1]", b"[]", b"1", b"null", b'"ended"', b'{"ok": true}', b"<html>"])
def test_a_foreign_server_at_the_port_is_no_master(answer_with: Callable[[bytes], str], body: bytes) -> None:
    assert look_at(answer_with(body), "token") is None


@pytest.mark.parametrize("body", [b"[1]", b"<html>"])
def test_an_answer_that_is_no_status_is_told(answer_with: Callable[[bytes], str], body: bytes) -> None:
    with pytest.raises(LaunchError, match="is not loadlab's"):
        MasterApi(answer_with(body), "token").status()
