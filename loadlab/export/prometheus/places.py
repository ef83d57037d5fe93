"""Where a text can go besides a Pushgateway: a file, written at once or not at all, or standard output."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadlab.errors import ExportError, SpecError
from loadlab.export.plan import NotDelivered, Parcel

TEXTFILE_SUFFIX = ".prom"
"""Of the files that a textfile collector reads."""


@dataclass(frozen=True)
class TextFile:
    """A file. It is replaced at once, so that a collector never reads half of it, and everybody may read it."""

    path: Path
    name: str = "openmetrics"
    unit: str = "samples"

    @property
    def identity(self) -> str:
        """The path."""
        return str(self.path)

    def connect(self) -> TextFile:
        """Raises ExportError when there is no such folder."""
        if not self.path.parent.is_dir():
            raise ExportError(
                f"{self.path} cannot be written: there is no folder {self.path.parent}. Nothing was sent."
            )
        return self

    def remaining(self, parcels: Sequence[Parcel], accepted: Sequence[bytes]) -> Sequence[Parcel]:
        """All: what is there is replaced."""
        return parcels

    def deliver(self, parcel: Parcel) -> None:
        """Write next to the file, sync, and rename. Raises NotDelivered."""
        try:
            _replace(self.path, parcel.body)
        except OSError as error:
            raise NotDelivered(f"{self.path} cannot be written: {error.strerror or error}") from error


def _replace(path: Path, body: bytes) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_path(given: str | Path) -> Path:
    """The file to write, a link followed. Raises SpecError when there is something else."""
    path = Path(given).expanduser().absolute()
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        raise SpecError("to", str(given), "a file, a Pushgateway's URL, or - for standard output; this is no file")
    return path


@dataclass(frozen=True)
class StandardOutput:
    """Standard output. When nobody reads it any more, as after ``head``, the rest is dropped."""

    name: str = "openmetrics"
    unit: str = "samples"
    identity: str = "-"

    def connect(self) -> StandardOutput:
        """Nothing to look for."""
        return self

    def remaining(self, parcels: Sequence[Parcel], accepted: Sequence[bytes]) -> Sequence[Parcel]:
        """All."""
        return parcels

    def deliver(self, parcel: Parcel) -> None:
        """Write the text. Raises NotDelivered."""
        try:
            sys.stdout.write(parcel.body.decode("utf-8"))
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            raise NotDelivered(f"standard output cannot be written: {error.strerror or error}") from error
