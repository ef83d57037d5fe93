"""Runs the storefront as a process of its own."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

from loadlab.demo.faults import Faults
from loadlab.demo.settings import Settings, check_integer
from loadlab.errors import LaunchError, LaunchTimeout

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
CONTROL_TIMEOUT_S = 10.0


class Storefront:
    """The demo storefront as a subprocess in its own session, for the length of a ``with`` block.

    ::

        with Storefront(concurrency=4, service_time=0.01) as shop:
            ...                                         # load shop.url
            shop.counts()["total"]["received"]          # exact
            shop.capacity()                             # 400.0 requests a second

    The arguments are those of `Settings` (`service_time` in seconds), and `faults` from the start. It listens on
    127.0.0.1, on a free port unless one is given, and ends with the block; if this process is killed, the closing of
    its pipe ends it.

    Raises SpecError naming the wrong field at once; LaunchError on entering when it does not come up.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        concurrency: int = 8,
        service_time: float = 0.02,
        distribution: str = "constant",
        sigma: float = 0.5,
        factors: Mapping[str, float] | None = None,
        queue_limit: int | None = None,
        seed: int | None = None,
        faults: Mapping[str, object] | None = None,
    ) -> None:
        self.settings = Settings(concurrency, service_time, distribution, sigma, dict(factors or {}), queue_limit, seed)
        self._faults = Faults.from_dict(faults or {})
        check_integer("port", port, 0, 65535)
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        place = f"at {self._url}" if self._process is not None else "(not running)"
        return f"Demo shop {place}: at most {self.capacity():,.0f} requests a second"

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:43210``; no slash at the end."""
        self._require_process()
        return self._url

    @property
    def pid(self) -> int:
        """Its process."""
        return self._require_process().pid

    def start(self) -> None:
        """Start the process and wait until it accepts connections; LaunchError with its own words if it does not."""
        if self._process is not None:
            raise LaunchError("the demo storefront is running already")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
            )
            self._url = self._read_ready_line(self._process)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process; nothing happens if it has ended already."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def counts(self) -> dict[str, Any]:
        """What it has served since its start, exactly, as `Counts.to_dict` gives it.

        ``{"total": {"received", "answered": {"200": n}, "aborted", "dropped", "in_service"}, "routes": {"GET /cart":
        the same}, "rejected": {"411": n}, "connections": n}``. Raises LaunchError when it does not answer.
        """
        return self._control("GET", "counts")

    def config(self) -> dict[str, Any]:
        """Its `pid`, `capacity_rps`, `settings` and the `faults` in force."""
        return self._control("GET", "config")

    def set_faults(self, **faults: object) -> None:
        """Replace all faults by these fields of `Faults`; none switches everything off. Raises SpecError."""
        self._control("POST", "faults", Faults.from_dict(faults).to_dict())

    def capacity(self, mix: Mapping[str, float] | None = None) -> float:
        """Its maximum throughput in requests a second, concurrency / mean service time: `Settings.capacity`."""
        return self.settings.capacity(mix)

    def _require_process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LaunchError("the demo storefront is not running: use it in a with block")
        return self._process

    def _command(self) -> list[str]:
        settings = self.settings
        command = [sys.executable, "-m", "loadlab.demo", "--exit-with-stdin", f"--port={self._port}"]
        command += [f"--concurrency={settings.concurrency}", f"--service-time={settings.service_time!r}"]
        command += [f"--distribution={settings.distribution}", f"--sigma={settings.sigma!r}"]
        command += [f"--factor={name}={factor!r}" for name, factor in settings.factors.items()]
        if settings.queue_limit is not None:
            command.append(f"--queue-limit={settings.queue_limit}")
        if settings.seed is not None:
            command.append(f"--seed={settings.seed}")
        return [*command, f"--faults={json.dumps(self._faults.to_dict())}"]

    def _read_ready_line(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise LaunchTimeout(f"the demo storefront was not ready after {START_TIMEOUT_S:g} s{self._words()}")
        line = process.stdout.readline()
        if not line:
            raise LaunchError(f"the demo storefront ended with exit code {process.wait()}{self._words()}")
        return str(json.loads(line)["url"])

    def _words(self) -> str:
        assert self._stderr is not None
        self._stderr.seek(0)
        words = self._stderr.read().decode(errors="replace").strip()
        return f": {words[-2000:]}" if words else ""

    def _control(self, method: str, name: str, body: object = None) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=CONTROL_TIMEOUT_S)
        try:
            connection.request(method, f"/_demo/{name}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as error:
            raise LaunchError(f"the demo storefront does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise LaunchError(f"the demo storefront answered {response.status} to {method} /_demo/{name}: {text}")
        values: dict[str, Any] = json.loads(text)
        return values
