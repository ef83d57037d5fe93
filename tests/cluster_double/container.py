"""One run of one container: a sandboxed process, its log, and how it ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cluster_double.store import now

Object = dict[str, Any]
SANDBOX = Path(__file__).with_name("sandbox.py")


class Run:
    """A started process. `signal()` reaches the container's own process, `kill()` everything in it."""

    def __init__(self, container: Object, attempt: int, spec: Object, folder: Path) -> None:
        self.container = container
        self.attempt = attempt
        self.started = time.monotonic()
        self.started_at = now()
        self.finished_at = ""
        self.reason = ""
        self.ready = False
        self.log = folder / f"{container['name']}-{attempt}.log"
        self._root = folder / f"root-{container['name']}-{attempt}"
        self._root.mkdir()
        path = folder / f"{container['name']}-{attempt}.json"
        path.write_text(json.dumps(spec | {"root": str(self._root)}))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SANDBOX), str(path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._probed = 0.0

    @property
    def exit_code(self) -> int | None:
        code = self._process.poll()
        if code is not None and not self.finished_at:
            self.finished_at = now()
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # type: ignore[union-attr]
            shutil.rmtree(self._root, ignore_errors=True)
        return code

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def signal(self, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(bytes([number]))  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]

    def kill(self, reason: str = "") -> None:
        """SIGKILL; `reason` is what the status will say, such as OOMKilled."""
        self.reason = reason
        self.signal(signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running

    def state(self) -> Object:
        """As containerStatuses[].state says it."""
        code = self.exit_code
        if code is None:
            return {"running": {"startedAt": self.started_at}}
        reason = self.reason or ("Completed" if code == 0 else "Error")
        times = {"startedAt": self.started_at, "finishedAt": self.finished_at}
        return {"terminated": {"exitCode": code, "reason": reason, **times}}

    def probe(self) -> None:
        """Ask the readiness probe when it is due. Only TCP and HTTP probes are asked; others count as passed."""
        probe = self.container.get("readinessProbe")
        if not probe:
            self.ready = True
            return
        due = self._probed + probe.get("periodSeconds", 10) if self._probed else self.started
        if time.monotonic() < max(due, self.started + probe.get("initialDelaySeconds", 0)):
            return
        self._probed = time.monotonic()
        timeout = probe.get("timeoutSeconds", 1)
        try:
            if "tcpSocket" in probe:
                socket.create_connection(("127.0.0.1", self._port(probe["tcpSocket"]["port"])), timeout).close()
            elif "httpGet" in probe:
                wanted = probe["httpGet"]
                connection = http.client.HTTPConnection("127.0.0.1", self._port(wanted["port"]), timeout=timeout)
                headers = {item["name"]: item["value"] for item in wanted.get("httpHeaders") or ()}
                connection.request("GET", wanted.get("path", "/"), headers=headers)
                self.ready = 200 <= connection.getresponse().status < 400
                connection.close()
                return
            self.ready = True
        except (OSError, http.client.HTTPException):
            self.ready = False

    def _port(self, port: int | str) -> int:
        if isinstance(port, int) or port.isdigit():
            return int(port)
        return next(it["containerPort"] for it in self.container.get("ports", ()) if it.get("name") == port)
