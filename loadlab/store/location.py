"""The one place that knows where runs can be kept."""

from __future__ import annotations

import os
from pathlib import Path

from loadlab.errors import StoreError


def parse_root(root: str | os.PathLike[str]) -> Path:
    """The folder that holds the runs, from what a person gives: a path, with ``~`` for the home folder.

    It need not exist. Raises StoreError for a URL such as ``s3://bucket/runs``.
    """
    text = os.fspath(root)
    if "://" in text:
        raise StoreError(f"Runs can be kept in folders only, not at {text}. Give the path of a folder.")
    return Path(text).expanduser()
