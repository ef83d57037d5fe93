"""A place in S3, read and written like a path; the one module that talks to S3, through pyarrow's own file system.

An object is replaced as a whole and appears when all of it has arrived: whoever reads meanwhile gets the old one or
the new one. There are no folders; what ends with a slash here is what several keys have in common.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadlab.errors import SpecError, StoreError
from loadlab.store.s3_connection import connect, translate

if TYPE_CHECKING:
    import pyarrow.fs

_URL = re.compile(r"s3:/{1,2}(?P<bucket>[^/]*)/*(?P<key>.*)", re.IGNORECASE | re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "ipynb": "application/x-ipynb+json",
    "log": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xml": "application/xml",
}
"""End of a key -> the Content-Type that browsers are told."""


@dataclass(frozen=True, order=True)
class S3Path:
    """The object ``s3://bucket/key``, or what lies below it. Methods are named after those of pathlib.Path.

    They raise StoreError when S3 refuses or does not answer, StoreUnavailable where trying again may help.
    """

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, url: str) -> S3Path:
        """From ``s3://bucket/prefix``; blanks and other characters stand for themselves. Raises SpecError."""
        found = _URL.fullmatch(url.strip())
        if found is None or not _BUCKET.fullmatch(found["bucket"]):
            raise SpecError("runs", url, "s3://bucket or s3://bucket/prefix")
        return cls(found["bucket"], _clean(found["key"]))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> S3Path:
        return S3Path(self.bucket, _clean(f"{self.key}/{name}"))

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> S3Path:
        """What precedes the last slash; that of a bucket is itself."""
        return S3Path(self.bucket, self.key.rpartition("/")[0])

    @property
    def parents(self) -> list[S3Path]:
        """The parent, its parent, ..., the bucket."""
        return [self.parent, *self.parent.parents] if self.key else []

    def is_file(self) -> bool:
        """Whether there is an object of this key."""
        from pyarrow.fs import FileType

        with _requests(self):
            return bool(self.key) and self._system().get_file_info(self._text).type == FileType.File

    def read_bytes(self) -> bytes:
        """The object. Raises FileNotFoundError when there is none."""
        with _requests(self), self._system().open_input_file(self._text) as file:
            return bytes(file.readall())

    def write_bytes(self, data: bytes) -> None:
        """Make or replace the object."""
        with _requests(self):
            self._write(self._system(), data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object. Raises FileNotFoundError when there is none, unless that is all right."""
        try:
            with _requests(self):
                self._system().delete_file(self._text)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def folders(self) -> list[str]:
        """The names that go on behind a slash below this one, sorted; a request for each thousand of them.

        Raises StoreError when there is no such bucket.
        """
        return sorted(info.base_name for info in self._list() if not info.is_file)

    def files(self) -> dict[str, int]:
        """Every object below this one: the rest of its key -> its size in bytes. Raises as `folders`."""
        skip = len(self._text) + 1
        return {info.path[skip:]: info.size for info in self._list(recursive=True) if info.is_file}

    def check_writable(self) -> None:
        """Write, list, read and remove a small object below this one.

        Raises StoreError, within half a minute, when S3 does not let it or does not answer.
        """
        probe = self / f".loadlab-write-test-{secrets.token_hex(4)}"
        system = connect(self.bucket, patient=False)
        with _requests(self):
            probe._write(system, b"loadlab")
            (self / probe.name / "none")._list(system=system)
            with system.open_input_file(probe._text) as file:
                file.readall()
            system.delete_file(probe._text)

    def _list(self, *, recursive: bool = False, system: pyarrow.fs.S3FileSystem | None = None) -> list[Any]:
        from pyarrow.fs import FileSelector, FileType

        with _requests(self):
            used = system or self._system()
            try:
                return list(used.get_file_info(FileSelector(self._text, recursive=recursive)))
            except FileNotFoundError:  # of a bucket that is not there too
                if used.get_file_info(self.bucket).type == FileType.NotFound:
                    raise StoreError(f"There is no bucket '{self.bucket}' for {self}.") from None
                return []

    def _write(self, system: pyarrow.fs.S3FileSystem, data: bytes) -> None:
        kind = _TYPES.get(self.key.rpartition(".")[2], "application/octet-stream")
        with system.open_output_stream(self._text, metadata={"Content-Type": kind}) as file:
            file.write(data)  # in one piece: a stream that is left half-way would still make an object

    def _system(self) -> pyarrow.fs.S3FileSystem:
        return connect(self.bucket)

    @property
    def _text(self) -> str:
        """As pyarrow names it."""
        return f"{self.bucket}/{self.key}".rstrip("/")


@contextmanager
def _requests(path: S3Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise translate(error, path.bucket, str(path)) from error


def _clean(key: str) -> str:
    return "/".join(part for part in key.split("/") if part)
