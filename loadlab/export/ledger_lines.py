"""Where the lines of a ledger are kept: in a file beside the run, or as objects beside a run in S3."""

from __future__ import annotations

import fcntl
import os
from io import FileIO
from pathlib import Path
from typing import Protocol, Self

from loadlab.errors import ExportError, StoreError


class ObjectFolder(Protocol):
    """A place whose objects are replaced as a whole, such as `loadlab.store.S3Path`."""

    def __truediv__(self, name: str) -> Self: ...

    def files(self) -> dict[str, int]:
        """Every object below: the rest of its key -> its size."""

    def read_bytes(self) -> bytes:
        """The object."""

    def write_bytes(self, data: bytes) -> None:
        """Make or replace the object."""


class Lines(Protocol):
    """Lines that are on the disk, or in S3, when `append` returns. `where` is told to people."""

    @property
    def where(self) -> Path | str:
        """Where they are."""

    def open(self) -> bytes:
        """All lines so far, without one that a crash has torn. Raises ExportError."""

    def append(self, line: bytes) -> None:
        """Add a line, which ends with a newline. Raises ExportError."""

    def close(self) -> None:
        """Let others open it."""


class FileLines:
    """A file, locked for one process at a time, and without a buffer: nothing is left to be written by `close`."""

    def __init__(self, path: Path) -> None:
        self.where = path
        self._file: FileIO | None = None

    def open(self) -> bytes:
        """See Lines."""
        try:
            self.where.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.where.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.seek(0)
            data = self._file.read()
            whole = data[: data.rfind(b"\n") + 1]
            if len(whole) != len(data):
                self._file.truncate(len(whole))
        except BlockingIOError:
            self.close()
            raise ExportError(
                f"Another process is sending this run to the same place; nothing was sent. Its ledger is {self.where}."
            ) from None
        except OSError as error:
            self.close()
            raise ExportError(
                f"The ledger {self.where} cannot be written: {error.strerror}. Nothing was sent, because nobody could "
                "tell later what was. Give another file as ledger."
            ) from error
        return whole

    def append(self, line: bytes) -> None:
        """See Lines."""
        assert self._file is not None
        end = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(end)  # half a line would spoil those after it
            raise ExportError(f"The ledger {self.where} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """See Lines."""
        if self._file is not None:
            self._file.close()
            self._file = None


class ObjectLines:
    """An object a line, behind the file that the run brought along from where it was recorded.

    Nothing keeps two processes from sending the same run from there at a time.
    """

    def __init__(self, folder: ObjectFolder, name: str) -> None:
        self.where = f"{folder}/{name}"
        self._folder = folder
        self._name = name
        self._last = 0

    def open(self) -> bytes:
        """See Lines."""
        try:
            return self._read()
        except StoreError as error:
            raise ExportError(f"The ledger {self.where} cannot be read: {error} Nothing was sent.") from error

    def _read(self) -> bytes:
        there = self._folder.files()
        brought = (self._folder / f"{self._name}.jsonl").read_bytes() if f"{self._name}.jsonl" in there else b""
        own = sorted(name for name in there if name.startswith(f"{self._name}/"))
        self._last = max((int(name.rpartition("/")[2].partition(".")[0]) for name in own), default=0)
        return brought[: brought.rfind(b"\n") + 1] + b"".join((self._folder / name).read_bytes() for name in own)

    def append(self, line: bytes) -> None:
        """See Lines."""
        self._last += 1
        try:
            (self._folder / f"{self._name}/{self._last:08}.json").write_bytes(line)
        except StoreError as error:
            raise ExportError(f"The ledger {self.where} cannot be written: {error}") from error

    def close(self) -> None:
        """See Lines."""
