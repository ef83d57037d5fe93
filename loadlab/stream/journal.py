"""The journal of a run: every record as it came, one line each, in a file that a crash tears at its end at most.

A record counts as written when `Journal.append` has returned: it is then with the operating system and survives the
death of the process. The disk itself is asked about once a second, so that a power failure costs about a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from loadlab.errors import StreamError

RESERVE_BYTES = 1 << 20
"""Disk kept back: the archive of a usual short run takes some 50 KiB and up, with many names a multiple."""

LEAST_RESERVE_BYTES = 65536
"""On a disk that has not four times RESERVE_BYTES left, a quarter of what it has is kept back, but this at least."""

SYNC_EVERY_S = 1.0
CLAIM_TRIES = 10
TAIL_BYTES = 65536


class Journal:
    """Writes a new journal at `path`. Belongs to one thread at a time.

    While it is open it holds a lock (flock) on the file, by which every process sees that the run has a writer
    (`is_being_written`); the lock goes with the process. Beside the file lies ``<name>.reserve``, disk kept back
    so that the run's end can be written on a full one; whoever writes it calls `give_reserve_up`, `close` does too.

    When the disk refuses a write, the journal is cut back to its last whole record and raises StreamError with the
    reason. From then on it writes nothing more; `error` keeps the reason, and `unwritten` the records that it was
    given, for `retry`. It keeps its reserve, lest the logs and the spool of the swarm that is about to end fill that
    too, and its lock, because the run still has an owner.

    Raises StreamError when `path` exists or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.error: StreamError | None = None
        self.unwritten: list[bytes] = []
        self._reserve = reserve_path(self.path)
        self._size = 0
        self._synced = time.monotonic()
        try:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StreamError(f"The journal {self.path} cannot be created: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            self._keep_reserve()
            _sync_folder(self.path.parent)
        except OSError as error:
            self.close()
            self.path.unlink()
            raise StreamError(f"The journal {self.path} cannot be kept safely: {error.strerror}") from error

    @classmethod
    def resumed(cls, path: str | Path) -> Journal | None:
        """Go on with the journal of a writer that has died, from its last whole record; a torn one is cut off.

        None while another process holds it, or when there is no such file. Raises StreamError when the disk refuses.
        """
        self = cls.__new__(cls)
        self.path, self.error, self.unwritten = Path(path), None, []
        self._reserve = reserve_path(self.path)
        self._synced = time.monotonic()
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StreamError(f"The journal {self.path} cannot be opened: {error.strerror}") from error
        try:
            if not _lock(self._fd) or not self.path.exists():
                os.close(self._fd)
                return None
            self._size = _whole_bytes(self._fd)
            os.ftruncate(self._fd, self._size)
            self._keep_reserve()
        except OSError as error:
            os.close(self._fd)
            raise StreamError(f"The journal {self.path} cannot be gone on with: {error.strerror}") from error
        return self

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, lines: Iterable[bytes]) -> None:
        """Write `lines` (records without their line feed) with one call to the operating system.

        Raises StreamError when the disk refuses; whole records that still went in stay in, the others are kept in
        `unwritten`.
        """
        given = list(lines)
        if self.error is not None:
            self.unwritten += given
        self._refuse_when_shut()
        data = b"".join([line + b"\n" for line in given])
        written = 0
        try:
            with memoryview(data) as view:
                while written < len(data):
                    written += os.write(self._fd, view[written:])
        except OSError as error:
            whole = data.rfind(b"\n", 0, written) + 1
            self._size += whole
            self.unwritten += given[data.count(b"\n", 0, whole) :]
            self._fail(error)
        self._size += len(data)

    def retry(self) -> int:
        """Write `unwritten` after all, as far as there is room by now; how many records are still in memory only.

        Raises nothing: `error` says what was refused this time.
        """
        if self._fd >= 0 and self.error is not None:
            lines, self.unwritten = self.unwritten, []
            with contextlib.suppress(StreamError):  # kept in `error`
                try:
                    os.ftruncate(self._fd, self._size)
                except OSError as error:
                    self.unwritten = lines
                    self._fail(error)
                self.error = None
                self.append(lines)
                self.sync(at_once=True)
        return len(self.unwritten)

    def sync(self, *, at_once: bool = False) -> None:
        """Ask the disk to keep what was written (fsync), at most once a second unless `at_once`.

        Raises StreamError when the disk refuses; the records written so far stay in the file.
        """
        self._refuse_when_shut()
        if not at_once and time.monotonic() - self._synced < SYNC_EVERY_S:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._fail(error)
        self._synced = time.monotonic()

    def give_reserve_up(self) -> None:
        """Make room for what the end of a run writes, once its swarm is gone. May be called twice; raises nothing."""
        with contextlib.suppress(OSError):  # already gone, or the disk is: there is nothing left to give up
            self._reserve.unlink()

    def close(self) -> None:
        """Sync, give the reserve and the lock up. May be called twice; raises nothing."""
        self.give_reserve_up()
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # what can be said about the disk was said by append and sync
                os.fsync(self._fd)
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _refuse_when_shut(self) -> None:
        if self.error is not None:
            raise StreamError(f"{self.error} Nothing more is written to it.") from self.error
        if self._fd < 0:
            raise StreamError(f"The journal {self.path} is closed.")

    def _keep_reserve(self) -> None:
        disk = os.statvfs(self.path.parent)
        size = min(RESERVE_BYTES, disk.f_bavail * disk.f_frsize // 4)
        # Random bytes: a file system that compresses or leaves holes would keep nothing back for zeros.
        self._reserve.write_bytes(os.urandom(max(size, LEAST_RESERVE_BYTES)))

    def _fail(self, error: OSError) -> None:
        reason = f"The journal {self.path} cannot be written any more: {error.strerror}."
        try:
            os.ftruncate(self._fd, self._size)
        except OSError as second:
            reason += f" Its last record may be torn, cutting it off failed too: {second.strerror}."
        self.error = StreamError(reason)
        raise self.error from error


def is_being_written(path: str | Path) -> bool:
    """Whether a process that lives holds the journal at `path` open for writing. False when there is no such file.

    The lock does not reach over network file systems that keep locks local to a machine.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StreamError(f"The journal {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise StreamError(f"The journal {path} cannot be asked for its writer: {error.strerror}") from error
    finally:
        os.close(fd)
    return False


@contextlib.contextmanager
def claimed(path: str | Path) -> Iterator[bool]:
    """Hold the lock of the journal at `path` meanwhile, as its writer does: whoever recovers a run is alone with it.

    False when another process that lives holds it, or when there is no such file.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # network file systems lock for writing only what is open for it
    except FileNotFoundError:
        yield False
        return
    except OSError as error:
        raise StreamError(f"The journal {path} cannot be opened: {error.strerror}") from error
    try:
        try:
            held = _lock(fd)
        except OSError as error:
            raise StreamError(f"The journal {path} cannot be locked: {error.strerror}") from error
        yield held and Path(path).exists()
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    for _ in range(CLAIM_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)  # who only asks whether there is a writer holds the lock for an instant
    return False


def _whole_bytes(fd: int) -> int:
    """How long the file is up to its last line feed."""
    end = os.fstat(fd).st_size
    while end > 0:
        begin = max(0, end - TAIL_BYTES)
        if (found := os.pread(fd, end - begin, begin).rfind(b"\n")) >= 0:
            return begin + found + 1
        end = begin
    return 0


def reserve_path(path: Path) -> Path:
    """Where the journal at `path` keeps its reserve."""
    return path.with_name(f"{path.name}.reserve")


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
