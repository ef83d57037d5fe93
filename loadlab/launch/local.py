"""The local launcher: one master and N workers as processes on this machine, on loopback."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from loadlab.errors import LaunchError, LaunchTimeout, SpecError
from loadlab.launch.agent_settings import agent_environment, locust_options
from loadlab.launch.base import COUNTERS, SPOOL, read_counters
from loadlab.launch.diagnosis import check_locustfile_fits, check_syntax, explain, port_is_taken
from loadlab.launch.driven import DrivenSwarm
from loadlab.launch.processes import LocustProcess, end_all, free_ports, hide_secrets
from loadlab.launch.target import check_target
from loadlab.redaction import secret_values
from loadlab.spec import LoadTest, hide_text, is_owned_variable

AGENT = Path(__file__).parents[1] / "agent" / "loadlab_agent.py"
LOOPBACK = "127.0.0.1"
PORT_TRIES = 3


class LocalLauncher:
    """Starts Locust from this Python, so what is installed here is what the locustfile can import."""

    name = "local"
    options = None

    def __init__(self, *, timeout_s: float = 60.0) -> None:
        self.timeout_s = timeout_s

    def describe(self, test: LoadTest) -> str:
        """See `Launcher.describe`."""
        parts = f"a master and {test.workers} worker{'s' * (test.workers != 1)}" if test.workers else "one process"
        return f"Locust runs on this machine: {parts}"

    def launch(
        self,
        test: LoadTest,
        *,
        run_id: str,
        folder: Path,
        meanwhile: Callable[[], object] | None = None,
        given_up: threading.Event | None = None,
    ) -> LocalSwarm:
        """See `Launcher.launch`."""
        if "," in str(test.locustfile.absolute()):
            raise SpecError(
                "locustfile", str(test.locustfile), "a path without commas: Locust takes them for the end of it"
            )
        check_syntax(test.locustfile)
        if test.check_host:
            check_target(test.host)
        for last in (False,) * (PORT_TRIES - 1) + (True,):
            swarm = LocalSwarm(test, run_id, folder)
            try:
                swarm.open()
                if meanwhile is not None:
                    meanwhile()
                swarm.wait_until_ready(self.timeout_s, given_up)
                return swarm
            except BaseException:
                swarm.close()
                if last or not swarm.processes or not port_is_taken(swarm.master.log_text()):
                    raise
        raise AssertionError("the last try returns or raises")


class LocalSwarm(DrivenSwarm):
    """Master and workers as local processes; see `Swarm`. `processes` holds them, the master first."""

    def __init__(self, test: LoadTest, run_id: str, folder: Path) -> None:
        super().__init__(test, secrets.token_urlsafe(24))
        self.folder = folder
        self._closed = False
        self._sent: dict[str, int] | None = None
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._counters = folder / COUNTERS
        self._counters.mkdir(exist_ok=True)
        web_port, self._master_port = free_ports(2)
        self.url = f"http://{LOOPBACK}:{web_port}"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not is_owned_variable(key)},
            **test.environment,
            **agent_environment(test, token=self.token, run_id=run_id),
            "LOADLAB_AGENT_COUNTERS": str(self._counters.absolute()),
            "LOADLAB_AGENT_SPOOL": str((folder / SPOOL).absolute()),
        }
        self._web_port = web_port
        self.processes: list[LocustProcess] = []

    @property
    def master(self) -> LocustProcess:
        """The master, or the only process of a test without workers."""
        return self.processes[0]

    def open(self) -> None:
        """Start all processes at once; workers wait for their master by themselves."""
        web = ["--web-host", LOOPBACK, "--web-port", str(self._web_port)]
        if self.test.workers:
            bind = ["--master-bind-host", LOOPBACK, "--master-bind-port", str(self._master_port)]
            expect = ["--expect-workers", str(self.test.workers), "--enable-rebalancing"]
            self.processes.append(self._spawn("master", "--master", *bind, *expect, *web))
        else:
            self.processes.append(self._spawn("master", *web))
        for _ in range(self.test.workers):
            self.add_worker()
        self.connect()

    def _spawn(self, name: str, *options: str, **extra: str) -> LocustProcess:
        test = self.test
        command = [
            sys.executable,
            "-m",
            "loadlab.agent.locust_main",
            *test.user_classes,
            "-f",
            f"{test.locustfile.absolute()},{AGENT}",
        ]
        command += options
        if test.host:
            command += ["--host", test.host]
        command += locust_options(test)
        return LocustProcess(name, command, {**self._environment, **extra}, self.folder / "logs" / f"{name}.log")

    def add_worker(self, **environment: str) -> LocustProcess:
        """Start one more worker; Locust gives it its share of the users when it has connected.

        `environment` are further variables for this worker alone.
        """
        name = f"worker-{len(self.processes)}"
        join = ("--worker", "--master-host", LOOPBACK, "--master-port", str(self._master_port))
        worker = self._spawn(name, *join, LOADLAB_AGENT_WORKER=name, **environment)
        self.processes.append(worker)
        return worker

    def wait_until_ready(self, timeout_s: float, given_up: threading.Event | None = None) -> None:
        """Return when the master answers and all workers are connected.

        Raises what `explain` finds, LaunchTimeout, and LaunchError when it is `given_up`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if given_up is not None and given_up.is_set():
                raise LaunchError("the test was given up while its swarm was starting")
            for process in self.processes:
                if process.exit_code is not None:
                    text = process.log_text()
                    raise explain(process.name, text, process.exit_code, self.test.locustfile)
            try:
                status = self._api.status()
            except LaunchError as error:
                # Whoever took the port between its choice and the master's start: the master ends when it finds out.
                missing = str(error)
            else:
                missing = f"the master did not answer at {self.url}"
                if status is not None:
                    if status["workers"] >= status["workers_expected"]:
                        check_locustfile_fits(self.test, status["locustfile"])
                        return
                    missing = f"{status['workers']} of {self.test.workers} workers connected"
            if time.monotonic() > deadline:
                lines = hide_text("\n".join(self.master.log_text().rstrip().splitlines()[-10:]))
                raise LaunchTimeout(f"{missing} within {timeout_s:g} s; the master's log:\n{lines}")
            time.sleep(0.05)

    def lost_parts(self) -> list[str]:
        """See `Swarm.lost_parts`."""
        return [] if self._closed else [process.name for process in self.processes if process.exit_code is not None]

    def sent_by_worker(self) -> dict[str, int] | None:
        """See `Swarm.sent_by_worker`. Final after `close`."""
        if self._closed:
            return self._sent
        return read_counters(self.folder)

    def close(self) -> None:
        """See `Swarm.close`."""
        if not self._closed:
            try:
                end_all(self.processes)
                self._sent = self.sent_by_worker()
                for process in self.processes:
                    hide_secrets(process.log, secret_values(self._environment))
            finally:
                self._closed = True
