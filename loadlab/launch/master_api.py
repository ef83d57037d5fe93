"""Locust's web port as the launchers use it: start, stop, state."""

from __future__ import annotations

import math
from typing import Any

import requests

from loadlab.errors import LaunchError
from loadlab.spec import LoadTest, hide_text

TIMEOUT_S = 10.0
STOP_EXTRA_S = 65.0
"""Locust's own wait for its workers when it stops, beyond the stop_timeout."""


def look_at(url: str, token: str) -> dict[str, Any] | None:
    """The status of the master that `token` belongs to, or None when it is not at `url` any more.

    Another program at its port is not it. Being looked at does not keep a swarm alive that nobody reads.
    """
    try:
        return MasterApi(url, token).status(glance=True)
    except LaunchError:
        return None


class MasterApi:
    """Requests to the master at `url` with the run's token. Every failure is a LaunchError."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment has no business on this connection
        self._session.headers["Authorization"] = f"Bearer {token}"

    def status(self, *, glance: bool = False) -> dict[str, Any] | None:
        """The agent's status, or None while the port does not answer yet. A `glance` does not renew the lease."""
        asked = "?glance=1" if glance else ""
        try:
            response = self._session.get(f"{self.url}/loadlab/status{asked}", timeout=TIMEOUT_S)
        except requests.RequestException:
            return None
        if response.status_code != 200:
            raise LaunchError(
                f"the master at {self.url} answered {response.status_code}: {response.text[:200].strip()}"
            )
        try:
            status = response.json()
        except ValueError as error:
            raise LaunchError(f"what answers at {self.url} is not loadlab's: {error}") from error
        if not isinstance(status, dict) or "ended" not in status:
            raise LaunchError(f"what answers at {self.url} is not loadlab's: {response.text[:200].strip()}")
        return status

    def start(self, test: LoadTest) -> None:
        """Locust's POST /swarm with the test's users, rate, host and run time (whole seconds, as Locust counts)."""
        form: dict[str, str] = {"user_count": str(test.users), "spawn_rate": str(test.spawn_rate)}
        if test.host:
            form["host"] = test.host
        if not test.stages:
            form["run_time"] = str(math.ceil(test.run_time))
        self.swarm(form)

    def swarm(self, form: dict[str, str]) -> None:
        """Locust's POST /swarm; its answer is checked, because it says 200 to a refusal too."""
        answer = self._post("/swarm", data=form).json()
        if not answer.get("success"):
            raise LaunchError(f"Locust refused to start the test: {hide_text(str(answer.get('message', answer)))}")

    def stop(self, stop_timeout: float) -> None:
        """Locust's POST /stop; returns when all users have stopped."""
        self._post("/stop", timeout=stop_timeout + STOP_EXTRA_S)

    def note(self, kind: str, text: str, about: str = "") -> None:
        """Write an event into the record stream."""
        self._post("/loadlab/note", json={"kind": kind, "text": text, "object": about})

    def quit(self, after: int | None = None) -> None:
        """End the swarm; the master leaves its records beyond number `after` in the spool, where it has one.

        Without a number those that no reader has confirmed.
        """
        self._post("/loadlab/quit", json={"after": after})

    def _post(self, path: str, *, timeout: float = TIMEOUT_S, **body: Any) -> requests.Response:
        try:
            response = self._session.post(self.url + path, timeout=timeout, **body)
            response.raise_for_status()
        except requests.RequestException as error:
            raise LaunchError(f"the master at {self.url} did not take {path}: {error}") from error
        return response
