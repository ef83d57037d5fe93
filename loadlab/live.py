"""A run that goes on: recorded in the background, watched, steered and ended."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loadlab import store, stream
from loadlab.archiving import archive_recorded, replay_spool
from loadlab.errors import LaunchError, LoadlabError, StoreError, StreamError, StreamLost
from loadlab.launch import Swarm, uninterrupted
from loadlab.publishing import deliver
from loadlab.results import Run
from loadlab.spec import LoadTest
from loadlab.watching import BROKEN_END, CriteriaWatch

if TYPE_CHECKING:
    from loadlab.analyse import CriterionResult

Progress = Callable[["LiveRun"], None]
CLOSING = "the run is being closed and written"


class LiveRun:
    """A run that is going on: its tables so far, and the ways to steer and end it.

    `wait` must be called once, by the thread that owns the run; it is what closes the swarm and writes the archive.
    """

    def __init__(self, test: LoadTest, folder: store.RunFolder, swarm: Swarm) -> None:
        self.test = test
        self.id = folder.id
        self.path = folder.path
        self.tables = stream.TableBuilder()
        self.swarm = swarm
        self._folder = folder
        self._interrupts = 0
        self._stopping: threading.Thread | None = None
        self._stop_error: LoadlabError | None = None
        self._master_left = self._killed = False
        self._counts = stream.LiveCounts()
        self._watch = CriteriaWatch(test.criteria, self.tables, self._stop_broken) if test.criteria else None
        self._followers: list[Callable[[], None]] = []
        self._began = time.monotonic()
        folder.write_swarm({"url": swarm.url, "token": swarm.token})
        self._journal = stream.Journal(folder.journal_path)
        self._recorder = stream.Recorder(
            stream.open_records(swarm.endpoints, on_lost=swarm.lose),
            self._journal,
            self.tables,
            on_record=self._see,
            on_journal_error=lambda error: self.stop(),
        )
        try:
            self._recorder.start()
            swarm.start()
        except BaseException:
            self._recorder.stop()
            self._journal.close()
            raise

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its test."""
        return dict(self.test.labels)

    def when_over(self, action: Callable[[], None]) -> None:
        """Call `action` when the load has ended and all of it has come, before the run is archived."""
        self._followers.append(action)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the load was asked for."""
        return time.monotonic() - self._began

    def results(self) -> tuple[CriterionResult, ...]:
        """What each of the test's criteria has come to so far, in their order: as if the run ended now."""
        return self._watch.results() if self._watch is not None else ()

    def _see(self, record: stream.Record) -> None:
        self._counts.add(record.payload)
        if self._watch is not None:
            self._watch.see(record.payload)

    def status_line(self) -> str:
        """Where the run is, in one line."""
        now = self._counts
        line = (
            f"{self.elapsed_s:.0f} of {self.test.run_time:.0f} s, {now.users:,} users, {now.rps:,} rps, "
            f"{now.requests:,} requests, {now.failures:,} failed"
        )
        broken = self._watch.count_broken() if self._watch is not None else 0
        return f"{line}, {broken} of {len(self.test.criteria)} criteria broken" if broken else line

    def set_users(self, users: int, spawn_rate: float) -> None:
        """Go to another number of users. Raises LaunchError."""
        self.swarm.set_users(users, spawn_rate)

    def stop(self) -> None:
        """End the load in good order, in the background; `wait` then returns the run as it is."""
        if self._stopping is None:
            self._stopping = threading.Thread(target=self._stop, name="loadlab-stop", daemon=True)
            self._stopping.start()

    def _stop_broken(self) -> None:
        """A criterion is broken that ends the test. Should this process die now, who recovers the run knows."""
        with contextlib.suppress(StoreError):  # on a disk without room the journal has failed too, and says so
            self._folder.write_end({"reason": BROKEN_END, "events": self.tables.own_events, "running": True})
        self.stop()

    def _stop(self) -> None:
        try:
            self.swarm.stop()
        except LaunchError as error:  # the master may be gone already; `wait` finds out and says so
            self._stop_error = error

    def kill(self) -> None:
        """End the swarm at once; what has been recorded is kept."""
        self._killed = self.tables.end is None
        self._recorder.stop()
        self.swarm.close()

    def wait(self, progress: Progress | None = None) -> Run:
        """Wait for the end, close the swarm, write the archive and return it. See `run` for interrupts.

        A run that belongs to S3 is sent there then. Raises StoreError when the archive cannot be written or sent; what
        was measured is kept then, and the message says where.
        """
        try:
            failure = self._follow(progress)
        except BaseException:  # a callback that raises, say: what was measured is kept all the same
            uninterrupted(self._close, CLOSING)
            uninterrupted(lambda: self._finish(None), CLOSING)
            deliver(self._folder)
            raise
        uninterrupted(self._close, CLOSING)
        uninterrupted(lambda: self._finish(failure), CLOSING)
        return deliver(self._folder)

    def _close(self) -> None:
        self._master_left = "master" in self.swarm.lost_parts()
        self.swarm.close()
        self._recorder.stop()
        self._recorder.settle(5.0)
        for action in self._followers:
            action()

    def _follow(self, progress: Progress | None) -> StreamError | None:
        told, answered = 0.0, 0
        while True:
            try:
                while answered < min(self._interrupts, 2):  # the second kills the swarm
                    self._interrupt(answered + 1)
                    answered += 1
                if self._recorder.wait(0.1):
                    return None
                if "master" in self.swarm.lost_parts() and self.tables.end is None:
                    self._recorder.stop()
                    self._recorder.settle(5.0)
                    return StreamLost("the master process has ended", last_seq=self.tables.last_seq)
                if self._stop_error is not None and self.tables.end is None:
                    print(f"the test could not be stopped ({self._stop_error}); it is killed", file=sys.stderr)  # noqa: T201
                    self._stop_error = None
                    self.kill()
                if progress is not None and time.monotonic() - told >= 1.0:
                    told = time.monotonic()
                    progress(self)
            except StreamError as error:
                return error
            except KeyboardInterrupt:  # answered above, where the next one is caught too
                self._interrupts += 1

    def _interrupt(self, number: int) -> None:
        if number == 1:
            text = "interrupted: the test ends in good order and what was measured is kept; interrupt again to kill it"
            self.tables.add_event("interrupted", "by Ctrl-C, SIGTERM or a stop button", time=time.time())
            self.stop()
        else:
            text = "interrupted again: the swarm is killed; what was measured is kept"
            self.kill()
        print(text, file=sys.stderr)  # noqa: T201 - an interrupt must be answered, wherever it was made

    def _finish(self, failure: StreamError | None) -> None:
        replay_spool(self._folder, self.tables)
        end, lost = self.tables.end, isinstance(failure, StreamLost)
        if lost and end and (self._master_left or end["reason"] != "quit"):
            failure = None  # the master had ended by itself, before it was closed, and has left all of its records
        if failure is not None and not self._interrupts:
            self.tables.add_event("master_lost" if lost else "warning", str(failure), time=time.time())
        if self._interrupts:
            reason = "interrupted"
        elif self._killed:
            reason = "killed"
        elif failure is not None:
            reason = "master_lost" if lost else "stream_failed"
        elif self._watch is not None and self._watch.breach is not None:
            reason = BROKEN_END
        else:
            reason = end["reason"] if end else "killed"
        archive_recorded(self._folder, self.tables, self._journal, reason=reason, sent=self.swarm.sent_by_worker())
