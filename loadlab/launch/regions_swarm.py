"""A swarm in each of several regions, driven as one."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

from loadlab.errors import LaunchError
from loadlab.launch.base import Endpoint
from loadlab.launch.kubernetes_swarm import KubernetesSwarm
from loadlab.launch.together import do_together
from loadlab.spec import KubernetesOptions, LoadTest, divide_number

LOST_AFTER_S = 15.0
"""A region of which nothing comes is known to be lost after this time at the latest."""


class RegionsSwarm:
    """The swarms of several regions; see `Swarm`. What is asked of it is asked of all that are not lost, at once."""

    def __init__(self, test: LoadTest, swarms: dict[str, KubernetesSwarm], options: KubernetesOptions) -> None:
        self.test = test
        self.swarms = swarms
        self.lost: set[str] = set()
        """The regions that nothing comes from any more."""
        first = next(iter(swarms.values()))
        self.url, self.token = first.url, first.token
        self._options = options
        self._closed = False
        self._guard_rails = first.guard_rails
        parts = {
            region: {
                **swarm.facts,
                "users": swarm.test.users,
                "workers": swarm.test.workers,
                "spawn_rate": swarm.test.spawn_rate,
            }
            for region, swarm in swarms.items()
        }
        self.facts: dict[str, Any] = {"kubernetes": {**options.without_secrets().to_dict(), "regions": parts}}

    @property
    def endpoints(self) -> list[Endpoint]:
        """See `Swarm.endpoints`."""
        return [Endpoint(region, swarm.url, swarm.token) for region, swarm in self.swarms.items()]

    def lose(self, region: str) -> bool:
        """See `Swarm.lose`; what the others do then is the option `on_region_lost`."""
        self.lost.add(region)
        if self._options.on_region_lost == "continue" or not self._living():
            return False
        threading.Thread(target=self._stop_for, args=(region,), name="loadlab-region-lost", daemon=True).start()
        return True

    def _stop_for(self, region: str) -> None:
        try:
            self.stop()
        except LaunchError as error:
            text = f"{region} is lost, and the others could not be stopped: {error}"
            print(text, file=sys.stderr)  # noqa: T201 - whoever started the load has to know

    def _living(self) -> dict[str, KubernetesSwarm]:
        return {region: swarm for region, swarm in self.swarms.items() if region not in self.lost}

    def _ask(self, work: Callable[[str, KubernetesSwarm], object], *, patience_s: float = 0.0) -> None:
        """Do `work` with every region that is not lost; raises the first LaunchError of one that is not lost
        `patience_s` later either."""
        failures: dict[str, LaunchError] = {}

        def do(region: str, swarm: KubernetesSwarm) -> None:
            try:
                work(region, swarm)
            except LaunchError as error:
                failures[region] = error

        do_together({region: partial(do, region, swarm) for region, swarm in self._living().items()})
        deadline = time.monotonic() + patience_s
        while failures.keys() - self.lost and time.monotonic() < deadline:
            time.sleep(0.1)
        for region, error in failures.items():
            if region not in self.lost:
                raise LaunchError(f"{region}: {error}") from error

    def start(self) -> None:
        """See `Swarm.start`; all regions are told at the same moment."""
        self._ask(lambda _, swarm: swarm.start())

    def set_users(self, users: int, spawn_rate: float) -> None:
        """See `Swarm.set_users`: both are divided over the regions that are not lost."""
        if self._guard_rails is not None:
            self._guard_rails.check_users(users)
        living = list(self._living())
        if users < len(living):
            raise LaunchError(f"{users} users are too few for the {len(living)} regions {', '.join(living)}")
        own = dict(zip(living, divide_number(users, len(living)), strict=True))
        self._ask(lambda region, swarm: swarm.set_users(own[region], spawn_rate * own[region] / users))

    def stop(self) -> None:
        """See `Swarm.stop`. A region that does not answer may be lost without anybody knowing it yet."""
        self._ask(lambda _, swarm: swarm.stop(), patience_s=LOST_AFTER_S)

    def note(self, text: str, kind: str = "note", about: str = "") -> None:
        """Write an event into the record stream of every region."""
        self._ask(lambda _, swarm: swarm.note(text, kind, about))

    def lost_parts(self) -> list[str]:
        """See `Swarm.lost_parts`; each with its region before it, as in ``eu/worker-0-x7k2p``."""
        return [f"{region}/{part}" for region, swarm in self.swarms.items() for part in swarm.lost_parts()]

    def sent_by_worker(self) -> dict[str, int] | None:
        """None: a pod's own count does not outlive it."""
        return None

    def close(self) -> None:
        """See `Swarm.close`."""
        if not self._closed:
            do_together({region: swarm.close for region, swarm in self.swarms.items()})
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
