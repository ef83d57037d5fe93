"""Reads a stream to its end: each record into the journal first, then into the tables, then to whoever watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from loadlab.errors import StreamError
from loadlab.stream.journal import Journal
from loadlab.stream.record import Record
from loadlab.stream.tables import TableBuilder

T = TypeVar("T")


class RecordSource(Protocol):
    """Where records come from: a RecordStream, or anything with its two methods."""

    def batches(self) -> Iterator[list[Record]]:
        """The records in order, in lists of what arrived together."""

    def close(self) -> None:
        """End `batches` soon; called from another thread."""


class Recorder:
    """Records `stream` into `journal` and `tables`; `run` in the caller's thread or `start` in one of its own.

    A record that `on_record` is called with is already in the journal and in the tables. A journal that fails
    loses nothing: recording goes on in memory, `journal_error` is set, an event 'journal_failed' joins the tables and
    `on_journal_error` is called once, so that the caller can stop the test. Nor does a callback that raises:
    recording goes on without it, `callback_error` is set and an event 'warning' says so.

    The recorder does not close `journal`: its lock has to outlive the recording until the archive is written. Without
    one it fills the tables only, beside another process that records.

    Attributes:
        journal_error: why the journal takes nothing more, or None.
        callback_error: what a callback raised last, or None.
    """

    def __init__(
        self,
        stream: RecordSource,
        journal: Journal | None,
        tables: TableBuilder,
        *,
        on_record: Callable[[Record], None] | None = None,
        on_journal_error: Callable[[StreamError], None] | None = None,
    ) -> None:
        self.journal_error: StreamError | None = None
        self.callback_error: Exception | None = None
        self._stream = stream
        self._journal = journal
        self._tables = tables
        self._on_record = on_record
        self._on_journal_error = on_journal_error
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Record until the stream ends or `stop` is called. Raises what the stream raises (StreamError, StreamLost)."""
        try:
            for batch in self._stream.batches():
                self._write(batch)
                for record in batch:
                    self._tables.add(record.payload)
                    self._tell(record)
                self._sync()
        finally:
            self._sync(at_once=True)

    def start(self) -> None:
        """`run` in a daemon thread; `wait` gives its outcome."""
        self._thread = threading.Thread(target=self._run_aside, name="loadlab-recorder", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread of `start`; False when it still runs after `timeout_s`. Raises what `run` raised."""
        if self._thread is None:
            raise RuntimeError("wait() before start()")
        # not join(): interrupted in CPython 3.11, it takes a running thread for an ended one
        if not self._ended.wait(timeout_s):
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def stop(self) -> None:
        """End the recording at once; what has been read is kept. May be called from any thread, more than once."""
        self._stream.close()

    def settle(self, timeout_s: float) -> bool:
        """Wait for the thread of `start` without asking for its outcome: nothing more is added to the tables then.

        False when it still runs after `timeout_s`.
        """
        return self._ended.wait(timeout_s)

    def _run_aside(self) -> None:
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that calls wait()
            self._failure = error
        finally:
            self._ended.set()

    def _write(self, batch: list[Record]) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append([record.line for record in batch])  # one that has failed keeps them for a retry
        except StreamError as error:
            if self.journal_error is None:
                self._give_journal_up(error)

    def _sync(self, *, at_once: bool = False) -> None:
        if self._journal is not None and self.journal_error is None:
            try:
                self._journal.sync(at_once=at_once)
            except StreamError as error:
                self._give_journal_up(error)

    def _give_journal_up(self, error: StreamError) -> None:
        self.journal_error = error
        self._tables.add_event("journal_failed", str(error), time=time.time())
        if self._on_journal_error is not None:
            self._call(self._on_journal_error, error)

    def _tell(self, record: Record) -> None:
        if self._on_record is not None and not self._call(self._on_record, record):
            self._on_record = None

    def _call(self, callback: Callable[[T], None], argument: T) -> bool:
        """Call foreign code; False when it raised, which must not cost measurements but is kept and shown."""
        try:
            callback(argument)
        except Exception as error:  # noqa: BLE001 - see above
            self.callback_error = error
            text = f"What watches the run has failed and is not called any more: {type(error).__name__}: {error}"
            self._tables.add_event("warning", text, time=time.time())
            return False
        return True
