"""Runs on their way to S3: where they are recorded, and until they are sent kept, on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from loadlab.errors import StoreError
from loadlab.store.folder import RunFolder
from loadlab.store.s3_path import S3Path


def spool_folder() -> Path:
    """Where such runs are recorded: $LOADLAB_SPOOL, or ``loadlab/spool`` in $XDG_STATE_HOME (~/.local/state)."""
    if chosen := os.environ.get("LOADLAB_SPOOL"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "loadlab" / "spool"


def find_spooled(target: S3Path) -> dict[str, Path]:
    """Runs on this machine that are to be sent to `target` and are not, or not known to be: id -> folder."""
    try:
        folders = sorted(path.parent for path in spool_folder().glob("*/publish.json"))
        return {path.name: path for path in folders if RunFolder(path).read_target() == target}
    except OSError as error:
        raise StoreError(f"{spool_folder()} cannot be read: {error.strerror}") from error
