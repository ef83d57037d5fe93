"""Targets to load in a test, each with an exact count of its own: context managers, without pytest.

``with nginx(tmp_path / "nginx") as target:`` is Debian's nginx, whose access log is the count; ``with storefront()
as target:`` is the demo storefront. Both have `url` and `count()`, listen on 127.0.0.1 only, and end with the block;
if the process that started them is killed, they end too.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ports import reserve_ports

from loadlab.demo import Storefront

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0

# The shell holds nginx as its child and ends it when standard input closes: also when the test process is killed.
_GUARD = """
"$@" & child=$!
cat >/dev/null
kill "$child" 2>/dev/null
wait "$child"
"""

_CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 8192;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  log_format line escape=json '{{"time":$msec,"method":"$request_method","uri":"$request_uri","status":$status,'
    '"request_id":"$http_x_request_id","traceparent":"$http_traceparent","host":"$http_host"}}';
  access_log {prefix}/access.log line;
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 "a page\n"; }}
    location = /missing {{ return 404 "no such page\n"; }}
    location = /_barrier {{ access_log off; return 204; }}
  }}
}}
"""


class Nginx:
    """A running nginx. Every path answers 200, except /missing (404)."""

    def __init__(self, process: subprocess.Popen[bytes], prefix: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.access_log = prefix / "access.log"
        self._process = process
        self._port = port

    def count(self) -> int:
        """Requests logged so far: exactly those that were answered, or given up by their client, before this call."""
        return len(self.requests())

    def requests(self) -> list[dict[str, Any]]:
        """The logged requests: time (epoch s of the answer), method, uri, status, request_id, traceparent, host.

        nginx writes its log unbuffered, in the same turn of its one worker's event loop as the answer. So after it has
        answered one more request (which it does not log), everything before is in the file.
        """
        if self._process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request("GET", "/_barrier")
                assert connection.getresponse().status == 204
            finally:
                connection.close()
        return [json.loads(line.decode(errors="replace")) for line in self.access_log.read_bytes().splitlines()]

    def stop(self) -> None:
        """End nginx; its log stays readable."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()


@contextlib.contextmanager
def nginx(directory: Path) -> Iterator[Nginx]:
    """nginx on a free port of 127.0.0.1, as whichever user runs the test, with all its files under `directory`."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise FileNotFoundError("nginx is not installed: apt-get install nginx-light")
    directory.mkdir(parents=True, exist_ok=True)
    target = _start(binary, directory.resolve())
    try:
        yield target
    finally:
        target.stop()


def _start(binary: str, prefix: Path) -> Nginx:
    for attempt in range(5):  # between choosing a port and listening on it somebody else may take it
        (port,) = reserve_ports(1)
        for old in ("error.log", "nginx.pid"):
            (prefix / old).unlink(missing_ok=True)
        user = "user root root;" if os.geteuid() == 0 else ""
        (prefix / "nginx.conf").write_text(_CONFIGURATION.format(prefix=prefix, port=port, user=user))
        command = [binary, "-p", str(prefix), "-c", str(prefix / "nginx.conf"), "-e", str(prefix / "error.log")]
        with (prefix / "output.log").open("wb") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        target = Nginx(process, prefix, port)
        if _is_ready(prefix, port):
            return target
        target.stop()
        if "Address already in use" not in (prefix / "error.log").read_text() or attempt == 4:
            break
    raise RuntimeError(f"nginx did not start: {(prefix / 'error.log').read_text()[-2000:]}")


def _is_ready(prefix: Path, port: int) -> bool:
    """True when the nginx of `prefix` listens on `port`; False when it has ended."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        errors = prefix / "error.log"
        if errors.exists() and "[emerg]" in errors.read_text():
            return False
        if (prefix / "nginx.pid").exists():
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
                return True
        time.sleep(0.02)
    return False


class CountingStorefront(Storefront):
    """The demo storefront with the same `count()` as the other targets."""

    def count(self) -> int:
        """Requests received so far, those of its control plane left out."""
        return int(self.counts()["total"]["received"])


@contextlib.contextmanager
def storefront(**settings: Any) -> Iterator[CountingStorefront]:
    """The demo storefront on a free port of 127.0.0.1; `settings` are those of `loadlab.demo.Storefront`."""
    with CountingStorefront(**settings) as target:
        yield target
