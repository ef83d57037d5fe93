"""Where many runs are kept: a folder, or a bucket and prefix in S3."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from loadlab.errors import RunNotFound, StoreError
from loadlab.store.ids import is_run_id
from loadlab.store.location import Location
from loadlab.store.s3_path import S3Path
from loadlab.store.spool import find_spooled

T = TypeVar("T")

S3_READERS = 24
"""So many runs are looked at in S3 at a time; pyarrow keeps 25 connections."""


class Place(Protocol):
    """Finds runs by name."""

    def names(self) -> list[str]:
        """What may be runs, sorted. Raises StoreError when that cannot be found out."""

    def path(self, name: str) -> Location:
        """Where the run `name` is."""

    def only_runs(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that are runs, in the same order."""

    def each(self, names: Iterable[str], work: Callable[[Location], T]) -> list[T]:
        """`work` on the path of each run, as many at a time as the place stands."""

    def note(self, path: Path) -> str:
        """What has to be said about the run in the folder `path`, or ""."""

    def check(self) -> None:
        """Raise RunNotFound when there is no such place."""


class FolderPlace:
    """Runs in a folder: whatever has a run.json, and whatever is named like a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def names(self) -> list[str]:
        """See Place."""
        try:
            entries = sorted(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"The folder {self._folder} cannot be read: {error.strerror}") from error
        return [path.name for path in entries if path.is_dir() and self._is_run(path)]

    def path(self, name: str) -> Path:
        """See Place."""
        return self._folder / name

    def only_runs(self, names: Iterable[str]) -> list[str]:
        """See Place."""
        return [name for name in names if name not in ("", ".", "..") and self._is_run(self._folder / name)]

    def each(self, names: Iterable[str], work: Callable[[Location], T]) -> list[T]:
        """See Place."""
        return [work(self._folder / name) for name in names]

    def note(self, path: Path) -> str:
        """See Place."""
        return ""

    def check(self) -> None:
        """See Place."""
        if not self._folder.is_dir():
            raise RunNotFound(f"There is no folder {self._folder}; name the one that keeps the runs.")

    def _is_run(self, path: Path) -> bool:
        return not path.name.startswith(".") and path.is_dir() and (is_run_id(path.name) or is_run(path))


class S3Place:
    """Runs in S3: whatever has a run.json. Runs of this machine that are still to be sent there are found too."""

    def __init__(self, prefix: S3Path) -> None:
        self._prefix = prefix
        self._spooled: dict[str, Path] | None = None

    def __str__(self) -> str:
        return str(self._prefix)

    def names(self) -> list[str]:
        """See Place."""
        return sorted({*self._prefix.folders(), *self._spool()})

    def path(self, name: str) -> Location:
        """See Place."""
        return self._spool().get(name, self._prefix / name)

    def only_runs(self, names: Iterable[str]) -> list[str]:
        """See Place."""
        asked = [name for name in names if name]
        found = self.each(asked, is_run)
        return [name for name, there in zip(asked, found, strict=True) if there]

    def each(self, names: Iterable[str], work: Callable[[Location], T]) -> list[T]:
        """See Place."""
        paths = [self.path(name) for name in names]
        with ThreadPoolExecutor(max_workers=S3_READERS) as pool:
            return list(pool.map(work, paths))

    def note(self, path: Path) -> str:
        """See Place: a folder is only what is still to be sent."""
        return f"not sent yet, in {path}"

    def check(self) -> None:
        """See Place: S3 has no folders, and a bucket that is missing is told by `names`."""

    def _spool(self) -> dict[str, Path]:
        if self._spooled is None:
            self._spooled = find_spooled(self._prefix)
        return self._spooled


def open_place(location: Location) -> FolderPlace | S3Place:
    """The runs at `location`."""
    return FolderPlace(location) if isinstance(location, Path) else S3Place(location)


def is_run(path: Location) -> bool:
    """Whether a run is at `path`."""
    return (path / "run.json").is_file()
