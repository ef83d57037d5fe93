"""The targets of the tests count exactly, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from targets import nginx, storefront


def fetch(url: str, path: str, count: int = 1, **headers: str) -> list[int]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    statuses = []
    for _ in range(count):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    return statuses


def ended(pid: int) -> bool:
    """True when the process is gone, within the time limit."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_nginx_logs_each_request(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx") as target:
        assert target.count() == 0
        assert set(fetch(target.url, "/any", 500)) == {200}
        assert target.count() == 500
        assert fetch(target.url, "/missing?q=%22<>", 1, **{"X-Request-Id": 'a"b'}) == [404]
        last = target.requests()[-1]
        assert (last["method"], last["status"], last["request_id"]) == ("GET", 404, 'a"b')
        assert last["uri"].startswith("/missing?q=%22<")
        pid = int((tmp_path / "nginx" / "nginx.pid").read_text())
    assert ended(pid)
    assert target.count() == 501


def test_nginx_counts_a_client_that_leaves(tmp_path: Path) -> None:
    with nginx(tmp_path) as target:
        with socket.create_connection(("127.0.0.1", urlsplit(target.url).port or 0)) as client:
            client.sendall(b"GET /left HTTP/1.1\r\nHost: shop\r\n\r\n")
        deadline = time.monotonic() + 60
        while target.count() == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [request["uri"] for request in target.requests()] == ["/left"]


def test_two_nginx_side_by_side(tmp_path: Path) -> None:
    with nginx(tmp_path / "one") as one, nginx(tmp_path / "two") as two:
        fetch(one.url, "/", 3)
        fetch(two.url, "/", 5)
        assert (one.count(), two.count()) == (3, 5)


def test_storefront_counts_as_nginx_does() -> None:
    with storefront(service_time=0.0) as target:
        fetch(target.url, "/products/7", 40)
        assert target.count() == 40


@pytest.mark.parametrize("target", ["nginx(pathlib.Path(sys.argv[1]))", "storefront()"])
def test_a_killed_parent_leaves_no_target(target: str, tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\nfrom targets import nginx, storefront\n"
        f"with {target} as target:\n    print(target.url, flush=True)\n    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    try:
        url = parent.stdout.readline().strip()
        assert fetch(url, "/") == [200]
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), 1).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the target still listens")
