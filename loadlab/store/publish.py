"""Sending files to S3 so that nobody ever sees half a run, and a second try sends only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from loadlab.errors import StoreError
from loadlab.store.folder import RunFolder
from loadlab.store.s3_path import S3Path

T = TypeVar("T")

SENDERS = 8
"""So many objects are sent at a time."""
LAST = "run.json"
"""A run in S3 is there when this is."""


def publish_run(folder: RunFolder, target: S3Path) -> S3Path:
    """Send the archived run in `folder` to `target` and return where it is then: ``target/id``.

    run.json is sent last, when all else has been read back and is the same, so a reader sees all of the run or nothing.
    What is there already, byte for byte, is not sent again; what is there besides stays. The tables of a run that is
    there are never replaced, so that whoever has opened it reads those of one run.

    Raises StoreError; the folder is as it was then, and another call goes on where this one ended.
    """
    run = target / folder.id
    files = folder.kept_files()
    if LAST not in files or not folder.has_tables:
        raise StoreError(f"Run {folder.id} in {folder.path} is no archive that can be sent.")
    sizes = run.files()
    missing = _differing(files, run, sizes)
    if LAST in sizes and (others := [name for name in missing if name in sizes and name.endswith(".parquet")]):
        raise StoreError(f"{run} holds another run under this id, with other {', '.join(others)}.")
    _send({name: file for name, file in files.items() if name in missing and name != LAST}, run)
    if LAST in missing:
        _send({LAST: files[LAST]}, run)
    return run


def publish_files(folder: Path, target: S3Path) -> list[S3Path]:
    """Send every file below `folder` to `target` under its name there, and return where they are.

    Each is read back and compared. Raises StoreError.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    _send(files, target)
    return [target / name for name in files]


def _send(files: Mapping[str, Path], target: S3Path) -> None:
    _at_once(lambda name: (target / name).write_bytes(_read(files[name])), files)
    if broken := _differing(files, target, target.files()):
        raise StoreError(f"What was sent to {target} is not what came back: {', '.join(broken)}.")


def _differing(files: Mapping[str, Path], target: S3Path, sizes: Mapping[str, int]) -> list[str]:
    """The files that are not below `target`, or otherwise than here."""

    def differs(name: str) -> bool:
        data = _read(files[name])
        return sizes.get(name) != len(data) or (target / name).read_bytes() != data

    differing = dict(zip(files, _at_once(differs, files), strict=True))
    return [name for name in files if differing[name]]


def _at_once(work: Callable[[str], T], names: Iterable[str]) -> list[T]:
    with ThreadPoolExecutor(max_workers=SENDERS) as pool:
        return list(pool.map(work, names))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
