"""Files in the run's folder that tell which processes of the swarm are still there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

_held: list[BinaryIO] = []


def hold(name: str, size: int = 0) -> Path | None:
    """Make ``LOADLAB_AGENT_COUNTERS/<name>`` of `size` zero bytes, and lock it (flock) as long as this process lives.

    The lock goes with the process, however it ends, and whatever it has forked. Returns the file, which whoever uses
    it has to open again: a lock stays as long as the open file that holds it, and a mapping keeps that open in every
    fork. None where no folder is named.
    """
    folder = os.environ.get("LOADLAB_AGENT_COUNTERS")
    if not folder:
        return None
    path = Path(folder, name)
    path.write_bytes(bytes(size))
    lock = path.open("r+b")
    with contextlib.suppress(OSError):  # a file system without locks: the run goes on without this one
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held.append(lock)
    os.register_at_fork(after_in_child=lock.close)
    return path
