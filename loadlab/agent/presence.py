"""Files in the run's folder that tell which processes of the swarm are still there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

_held: list[BinaryIO] = []


def hold(name: str, size: int = 0) -> BinaryIO | None:
    """Make ``LOADLAB_AGENT_COUNTERS/<name>`` of `size` zero bytes, and lock it (flock) as long as this process lives.

    The lock goes with the process, however it ends. None where no folder is named.
    """
    folder = os.environ.get("LOADLAB_AGENT_COUNTERS")
    if not folder:
        return None
    path = Path(folder, name)
    path.write_bytes(bytes(size))
    file = path.open("r+b")
    with contextlib.suppress(OSError):  # a file system without locks: the run goes on without this one
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held.append(file)
    return file
