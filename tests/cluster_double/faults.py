"""What a test orders to go wrong: at the API, and with pods."""

from __future__ import annotations

import contextlib
import fnmatch
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster_double import errors
from cluster_double.errors import ApiError
from cluster_double.selecting import selector
from cluster_double.verbs import Target

NO_ROOM = (
    "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found."
)


@dataclass
class Fault:
    """Something that goes wrong until `end()`, or until `times` requests have met it."""

    method: str = ""
    path: str = ""
    status: int = 0
    times: float = 1
    delay: float = 0.0
    retry_after: int = 1
    message: str = ""
    met: int = 0

    def end(self) -> None:
        self.times = 0

    def error(self, target: Target | None, verb: str, user: str) -> ApiError:
        """The answer, worded for what was asked."""
        match self.status:
            case 403 if target is not None and not self.message:
                where = target.name if target.resource.name == "namespaces" else target.namespace
                return errors.denied(target.resource, verb, target.subresource, where, target.name, user)
            case 404 if target is not None and not self.message:
                return errors.not_found(target.resource, target.name)
            case 409 if target is not None and not self.message:
                return errors.conflict(target.resource, target.name)
            case 429:
                why = "the server has received too many requests and has asked us to try again later"
                details = {"retryAfterSeconds": self.retry_after}
                return ApiError(429, "TooManyRequests", self.message or why, details)
            case 500:
                why = "Internal error occurred: etcdserver: request timed out"
                return ApiError(500, "InternalError", self.message or why)
        return ApiError(self.status, "", self.message or f"the server answers {self.status}")


@dataclass
class Staged:
    """What happens to the pods that `labels` select, or whose image matches, until `end()`."""

    what: str
    labels: str = ""
    image: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    active: bool = True

    def end(self) -> None:
        self.active = False

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@dataclass
class Faults:
    """All that is ordered for one cluster."""

    requests: list[Fault] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)
    watch_generation: int = 0
    refuse_until: float = 0.0
    _forwards: set[tuple[socket.socket, socket.socket]] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.Lock)

    def next_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.requests:
                if fault.met < fault.times and re.fullmatch(fault.method, method) and re.search(fault.path, path):
                    fault.met += 1
                    return fault
        return None

    def for_pod(self, what: str, pod: dict[str, Any], image: str = "") -> Staged | None:
        for staged in self.staged:
            fits = not staged.image or fnmatch.fnmatch(image, staged.image)
            if fits and staged.active and staged.what == what and selector(staged.labels)(pod):
                return staged
        return None

    def refuses_port_forwards(self) -> bool:
        return time.monotonic() < self.refuse_until

    @contextlib.contextmanager
    def port_forward(self, client: socket.socket, backend: socket.socket) -> Iterator[None]:
        with self._lock:
            self._forwards.add((client, backend))
        try:
            yield
        finally:
            with self._lock:
                self._forwards.discard((client, backend))

    def drop_port_forwards(self, refuse_s: float) -> int:
        self.refuse_until = time.monotonic() + refuse_s
        with self._lock:
            dropped = list(self._forwards)
        for pair in dropped:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(dropped)
