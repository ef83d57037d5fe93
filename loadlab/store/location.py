"""The one place that knows where runs can be kept: in a folder, or in S3."""

from __future__ import annotations

import os
from pathlib import Path

from loadlab.errors import SpecError
from loadlab.spec import is_url
from loadlab.store.s3_path import S3Path

Location = Path | S3Path
"""A place in a file system or in S3, with the same methods for reading."""

_ALLOWED = "the path of a folder, or s3://bucket/prefix"


def parse_location(place: str | os.PathLike[str] | S3Path) -> Location:
    """The place that a person means: ``s3://bucket/prefix``, or a path, with ``~`` for the home folder.

    It need not exist. Raises SpecError for another URL, and for one that was taken for a path and joined to a folder.
    """
    if isinstance(place, S3Path):
        return place
    text = os.fspath(place)
    if text.lower().startswith("s3:/"):
        return S3Path.parse(text)
    if is_url(text) or "/s3:/" in text:
        raise SpecError("runs", text, _ALLOWED)
    return Path(text).expanduser()


def parse_root(root: str | os.PathLike[str]) -> Path:
    """The folder that a person means. Raises SpecError for a URL: a run that goes on needs a real file system."""
    place = parse_location(root)
    if isinstance(place, S3Path):
        raise SpecError("runs", str(root), "the path of a folder, while a run is recorded")
    return place
