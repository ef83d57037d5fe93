"""Sends what was made on this machine to S3: recorded runs, executed notebooks, reports."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loadlab import spec, store, stream
from loadlab.errors import SpecError, StoreError, StoreUnavailable
from loadlab.recovery import recover
from loadlab.results import Run

RUNS = "runs"
"""Where runs are kept unless somebody says otherwise: a folder beside the notebook or the shell. ``s3://bucket/prefix``
is another place; a run is recorded on this machine then and sent there at its end."""

PAUSES_S = (2.0, 8.0, 20.0)
"""When S3 does not answer, sending is tried again after each of these."""

KILLED_S = 60.0
"""After a guest has killed the swarm, its owner gets this long to write the archive."""

POLL_S = 0.1


def make_folder(runs: str | Path, run_id: str, info: dict[str, object]) -> store.RunFolder:
    """The folder that a new run is recorded in: in the folder `runs`; for ``s3://...`` in `store.spool_folder`.

    Raises StoreError, before any load, when the finished run could not be written to S3.
    """
    place = store.parse_location(runs)
    if isinstance(place, Path):
        return store.RunFolder.create(place, run_id, info)
    place.check_writable()
    folder = store.RunFolder.create(store.spool_folder(), run_id, info)
    folder.write_target(place)
    return folder


def deliver(folder: store.RunFolder) -> Run:
    """The archived run in `folder`, sent to where it belongs; its folder is removed when all of it is there.

    Raises StoreError when it cannot be sent: it is kept then, and the message says where and what sends it.
    """
    target = folder.read_target()
    return Run(folder.path if target is None else _send(folder, target, keep=False))


def publish(ref: str | Path = "latest", to: str | None = None, runs: str | Path = RUNS) -> Run:
    """Send a recorded run of this machine to `to`, ``s3://bucket/prefix``, and return it as it is there.

    `ref` is an id, the beginning of one or "latest" in the folder `runs`, the path of a run, or the id of one that was
    recorded for S3 and not sent; for that one `to` may be left out, and its folder is removed afterwards. All others
    stay as they are. Sent twice, only what is missing is sent; readers see all of the run or nothing. A run whose
    recorder died is put together first. Raises SpecError, RunNotFound, StoreError.
    """
    folder = _find(ref, runs)
    waiting = folder.read_target()
    target = waiting if to is None else store.parse_location(to)
    if target is None:
        raise SpecError.missing("to", "where to send the run: s3://bucket/prefix")
    if isinstance(target, Path):
        raise SpecError("to", to, "s3://bucket/prefix")
    make_whole(folder)
    return Run(_send(folder, target, keep=waiting != target))


def make_whole(folder: store.RunFolder) -> None:
    """Put the run in `folder` together if its recorder has died. Raises StoreError while it goes on."""
    if folder.has_journal:
        recover(folder)
    elif not folder.has_tables and folder.read_info().get("status") == "running":
        raise StoreError(f"run {folder.id} holds nothing: whoever started it ended before the load began")


def _find(ref: str | Path, runs: str | Path) -> store.RunFolder:
    spooled = store.spool_folder() / str(ref)
    if store.is_run_id(str(ref)) and spooled.is_dir():
        return store.RunFolder(spooled)
    found = store.find_run(runs, ref)
    if isinstance(found, Path):
        return store.RunFolder(found)
    raise SpecError("run", str(found), "a run that is on this machine")


def _send(folder: store.RunFolder, target: store.S3Path, *, keep: bool) -> store.S3Path:
    try:
        sent = _try(folder, target)
        if not keep:
            shutil.rmtree(folder.path)
    except (StoreError, OSError) as error:
        if not folder.path.is_dir() and (target / folder.id / "run.json").is_file():
            return target / folder.id  # somebody else has sent it meanwhile
        raise StoreError(f"{error} Run {folder.id} is not lost. {_how_to_send(folder, target)}") from error
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"run {folder.id} was not sent. {_how_to_send(folder, target)}") from interrupt
    return sent


def _try(folder: store.RunFolder, target: store.S3Path) -> store.S3Path:
    for pause_s in PAUSES_S:
        try:
            return store.publish_run(folder, target)
        except StoreUnavailable:
            time.sleep(pause_s)
    return store.publish_run(folder, target)


def _how_to_send(folder: store.RunFolder, target: store.S3Path) -> str:
    command = shlex.join(["loadlab", "publish", str(folder.path.absolute()), str(target)])
    return f"It is kept in {folder.path.absolute()}; to send it: {command}"


def writable_file(path: str | Path, what: str = "report") -> str | Path:
    """`path`, if a file can be written there, be it an ``s3://`` URL; looked at before a load whose result would have
    no place after it.

    Raises SpecError, naming `what`, when it is a folder or cannot be written to, StoreError when S3 refuses.
    """
    if not spec.is_url(path):
        return spec.writable_file(path, what)
    place = store.parse_location(path)
    if isinstance(place, store.S3Path):
        if not place.key:
            raise SpecError(what, str(path), "the name of a file; this is a bucket")
        place.parent.check_writable()
    return str(path)


@contextmanager
def output_folder(place: str | store.Location, *stale: str) -> Iterator[Path]:
    """A folder for what the block writes: `place`, or for ``s3://...`` one whose files are sent there at the end.

    Files there of the names `stale`, of an earlier block, go first. The new ones are sent too when the block fails, and
    its error then names where they are. What cannot be sent stays in the folder, and the error says so. Raises
    StoreError, before the block, when nothing can be written to S3.
    """
    target = store.parse_location(place)
    if isinstance(target, store.S3Path):
        target.check_writable()
    for name in stale:
        (target / name).unlink(missing_ok=True)
    if isinstance(target, Path):
        yield target
        return
    folder = Path(tempfile.mkdtemp(prefix="loadlab-"))
    try:
        yield folder
    except BaseException as error:
        _send_files(folder, target)
        error.args = tuple(arg.replace(str(folder), str(target)) if isinstance(arg, str) else arg for arg in error.args)
        raise
    _send_files(folder, target)


def final_place(file: Path, place: str | store.Location) -> store.Location:
    """Where `file`, made in the `output_folder` of `place`, is when its block has ended."""
    target = store.parse_location(place)
    return target / file.name if isinstance(target, store.S3Path) else file


def _send_files(folder: Path, target: store.S3Path) -> None:
    try:
        store.publish_files(folder, target)
    except StoreError as error:
        raise StoreError(f"{error} The files are kept in {folder}.") from error
    shutil.rmtree(folder)


def await_archive(folder: store.RunFolder, target: store.S3Path | None, killed_at: Callable[[], float | None]) -> Run:
    """The run in `folder`, once the process that owns it has archived it; done here when that one has died.

    `target` is where it belongs in S3. `killed_at` tells when the swarm was killed from here, on the monotonic clock:
    its owner then gets `KILLED_S` for each step. Raises StoreError when it has not written the archive by then.
    """

    def has_waited(since: float) -> bool:
        killed = killed_at()
        return killed is not None and time.monotonic() - max(since, killed) > KILLED_S

    since = time.monotonic()
    while folder.has_journal:
        if not stream.is_being_written(folder.journal_path):
            make_whole(folder)
        elif has_waited(since):
            raise StoreError(
                f"run {folder.id} was killed, but the process that owns it has not written its archive within "
                f"{KILLED_S:g} s; loadlab.open_run('{folder.id}') opens it when it has"
            )
        else:
            time.sleep(POLL_S)
    if target is None:
        return Run(folder.path)
    since = time.monotonic()
    while folder.path.is_dir() and not has_waited(since):  # its owner sends it, and removes it then
        time.sleep(POLL_S)
    return Run(folder.path if folder.path.is_dir() else target / folder.id)
