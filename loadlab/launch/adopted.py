"""A swarm that another process has launched, driven through its master's web port."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from loadlab.errors import LaunchError
from loadlab.launch.base import COUNTERS, living_parts, read_counters
from loadlab.launch.driven import DrivenSwarm
from loadlab.launch.master_api import look_at
from loadlab.spec import LoadTest

LEAVE_S = 30.0
"""A swarm that was told to end gets this long."""


class AdoptedSwarm(DrivenSwarm):
    """The swarm at `url` of the run in `folder`; see `Swarm`.

    A guest watches and steers it, and leaves it alone when it closes: whoever launched it ends it. An `owned` one
    has lost whoever that was, and is ended by closing it. `remaining_s` tells how long the test has to go, which
    Locust forgets when the number of users changes.
    """

    def __init__(
        self, test: LoadTest, folder: Path, url: str, token: str, *, owned: bool, remaining_s: Callable[[], float]
    ) -> None:
        super().__init__(test, token)
        self.url = url
        self.owned = owned
        self._folder = folder
        self._remaining_s = remaining_s
        self._closed = False
        self.connect()

    def start(self) -> None:
        """See `Swarm.start`; it was started long ago."""

    def set_users(self, users: int, spawn_rate: float) -> None:
        """See `Swarm.set_users`."""
        self.ends_in(self._remaining_s())
        super().set_users(users, spawn_rate)

    def lost_parts(self) -> list[str]:
        """See `Swarm.lost_parts`; known by their locks, so only of a swarm on this machine."""
        if self._closed:
            return []
        return sorted({file.name for file in (self._folder / COUNTERS).glob("*")} - set(living_parts(self._folder)))

    def sent_by_worker(self) -> dict[str, int] | None:
        """See `Swarm.sent_by_worker`."""
        return read_counters(self._folder)

    def close(self) -> None:
        """See `Swarm.close`."""
        if self.owned and not self._closed:
            self.end()
        self._closed = True

    def end(self) -> None:
        """Tell the whole swarm to end, and wait until it has. Raises LaunchError when something of it is still there.

        A master that does not answer any more has either ended or cannot be told; its workers then end by themselves.
        """
        if look_at(self.url, self.token) is not None:
            self._api.quit()
        deadline = time.monotonic() + LEAVE_S
        while (parts := living_parts(self._folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if parts:
            raise LaunchError(f"told to end {LEAVE_S:g} s ago, but still there: {', '.join(parts)}")
