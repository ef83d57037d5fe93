"""What every swarm does in the same way: it is driven through its master's web port."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from loadlab.errors import LaunchError
from loadlab.launch.base import Endpoint
from loadlab.spec import GuardRails, LoadTest

if TYPE_CHECKING:
    from loadlab.launch.master_api import MasterApi


class DrivenSwarm(ABC):
    """The part of `Swarm` that only needs the master's web port; a launcher adds where it is and how it ends."""

    def __init__(self, test: LoadTest, token: str) -> None:
        self.test = test
        self.token = token
        self.url = ""
        self.facts: dict[str, Any] = {}
        self.guard_rails: GuardRails | None = None
        """What the whole test has to keep to, of which this may be a region's part."""
        self._ends = 0.0
        self._api: MasterApi

    def connect(self) -> None:
        """Be ready to talk to the master at `url`; nothing is sent."""
        from loadlab.launch.master_api import MasterApi  # imports requests, while Locust starts

        self._api = MasterApi(self.url, self.token)

    @property
    def endpoints(self) -> list[Endpoint]:
        """See `Swarm.endpoints`."""
        return [Endpoint("", self.url, self.token)]

    def lose(self, region: str) -> bool:
        """See `Swarm.lose`: there are no others."""
        return False

    def ends_in(self, seconds: float) -> None:
        """Know how long the test has to go, which Locust forgets when the number of users changes."""
        self._ends = time.monotonic() + math.ceil(seconds)

    def start(self) -> None:
        """See `Swarm.start`."""
        self.ends_in(self.test.run_time)
        self._api.start(self.test)

    def set_users(self, users: int, spawn_rate: float) -> None:
        """See `Swarm.set_users`."""
        if self.guard_rails is not None:
            self.guard_rails.check_users(users)
        status = self._api.status()
        if status is None or status["ended"]:
            raise LaunchError("the number of users cannot be changed: the test is over")
        if self.test.stages:
            raise LaunchError("the number of users cannot be changed: the test's stages decide on it")
        if status["shape"]:
            raise LaunchError(f"the number of users cannot be changed: the load shape {status['shape']} decides on it")
        left = max(1, math.ceil(self._ends - time.monotonic()))  # Locust forgets its timer when users change
        self._api.swarm({"user_count": str(users), "spawn_rate": str(spawn_rate), "run_time": str(left)})

    def stop(self) -> None:
        """See `Swarm.stop`."""
        self._api.stop(self.test.stop_timeout)

    def note(self, text: str, kind: str = "note", about: str = "") -> None:
        """Write an event into the record stream."""
        self._api.note(kind, text, about)

    @abstractmethod
    def close(self) -> None:
        """See `Swarm.close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
