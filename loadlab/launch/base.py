"""What every launcher promises."""

from __future__ import annotations

import fcntl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from loadlab.spec import KubernetesOptions, LoadTest

SPOOL = "spool.ndjson"
"""File in the run's folder where the master leaves the records that nobody has read when it ends by itself."""


COUNTERS = "counters"
"""Folder in the run's folder with a file a worker: what it has sent, also when it was killed. Each process of the
swarm holds a lock on its file there; the master's is empty."""


def read_counters(folder: Path) -> dict[str, int] | None:
    """Requests that each worker of the run in `folder` has sent, by its counter file; None where there are none."""
    files = list((folder / COUNTERS).glob("*"))
    counts = {file.name: file.read_bytes() for file in files}
    return {name: struct.unpack("=Q", count)[0] for name, count in counts.items() if len(count) == 8} or None


class Endpoint(NamedTuple):
    """Where a master's records are read, and with which token. `region` is empty where there is only one."""

    region: str
    url: str
    token: str


def living_parts(folder: Path) -> list[str]:
    """The processes of the run in `folder` that still live ("master", "worker-1", ...), by the locks that they hold."""
    return sorted(file.name for file in (folder / COUNTERS).glob("*") if _is_locked(file))


def _is_locked(file: Path) -> bool:
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks: nothing is known
            return False
    return False


class Swarm(Protocol):
    """A master and its workers, connected and idle until `start`; of several regions a master each.

    Leaving the ``with`` block closes it. Closing leaves nothing behind, also after an exception or an interrupt.
    """

    url: str
    """Where the master's web port is reached, without a trailing slash; of several regions the first one's."""
    token: str
    """What every request to it must carry as a bearer token."""
    facts: dict[str, Any]
    """What run.json keeps of how it was launched, beside the test; no secrets."""

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where the records of the run come from: one master, or that of each region."""

    def lose(self, region: str) -> bool:
        """Be told that nothing comes from `region` any more. True when the others are stopped for it."""

    def start(self) -> None:
        """Begin the load. Raises LaunchError when Locust refuses."""

    def set_users(self, users: int, spawn_rate: float) -> None:
        """Go to another number of users while the test runs. Raises SpecError for more than the guard rails allow."""

    def note(self, text: str, kind: str = "note", about: str = "") -> None:
        """Write an event into the record stream, at the master's time. Raises LaunchError."""

    def stop(self) -> None:
        """End the load in good order: users finish their task within the test's stop_timeout."""

    def close(self) -> None:
        """End every part of the swarm, whatever state it is in. Calling it again does nothing."""

    def lost_parts(self) -> list[str]:
        """The parts ("master", "worker-1", ...) that have ended although nobody asked them to."""

    def sent_by_worker(self) -> dict[str, int] | None:
        """Requests that each worker has sent, counted outside the worker, so that it survives its death; None if this
        launcher has no such count."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Launcher(Protocol):
    """Brings up the swarm for a LoadTest."""

    name: str

    @property
    def options(self) -> KubernetesOptions | None:
        """What was said of the place where it launches; None where there is nothing to say."""

    def describe(self, test: LoadTest) -> str:
        """Where and how the parts of `test` would run, for a person. Raises what `launch` would refuse by then."""

    def launch(
        self,
        test: LoadTest,
        *,
        run_id: str,
        folder: Path,
        meanwhile: Callable[[], object] | None = None,
        given_up: threading.Event | None = None,
    ) -> Swarm:
        """Start master and workers and wait until all are connected; no load yet.

        `folder` is the run's folder: logs go to ``logs/``, and the records that nobody has read when the swarm ends by
        itself to SPOOL. `meanwhile` is called while the parts are starting, for work that needs no swarm; again when
        they have to be started anew. Setting `given_up` makes the wait for them end soon, in a LaunchError. Raises
        LocustfileError, TargetUnreachable, SpecError, LaunchTimeout, LaunchError; nothing is left running then.
        """
