"""A small recorded run that ships with loadlab: something to look at before there is any load."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from loadlab.errors import StoreError
from loadlab.results import Run
from loadlab.store import parse_location, spool_folder

__all__ = ["recorded", "sample_run"]


def sample_run(runs: str | Path = "runs") -> Run:
    """The sample run: a shop in an ordinary hour and in a rush, whose search fails until somebody repairs it.

    What the package holds is only read: the run is opened from a copy in the folder `sample` of `runs`, where its
    report goes too, out of the way of ``open_run("latest")`` and of `loadlab.runs`. A place in S3 is left alone; the
    copy is then beside the runs that wait for it. ``make sample`` records it anew. Raises StoreError when the copy
    cannot be written.
    """
    source, place = recorded(), parse_location(runs)
    folder = (place if isinstance(place, Path) else spool_folder().parent) / "sample"
    copy = folder / source.name
    if not copy.is_dir():
        _copy(source, copy)
    return Run(copy)


def recorded() -> Path:
    """The run as it lies in the package. Not to be written to."""
    (found,) = (path.parent for path in Path(__file__).parent.glob("*/run.json"))
    return found


def _copy(source: Path, target: Path) -> None:
    """It appears as a whole, also when two do it at the same time or one is interrupted."""
    draft = target.parent / f".{target.name}.{secrets.token_hex(4)}.tmp"
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.mkdir()
            for file in source.iterdir():
                shutil.copyfile(file, draft / file.name)  # without its mode: a package may be installed read-only
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if not target.is_dir():
            raise StoreError(f"The sample run cannot be copied to {target}: {error.strerror}") from error
