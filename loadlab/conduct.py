"""A run as its own thread carries it out: launched, followed to its end, closed and archived."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from loadlab import store, stream
from loadlab.archiving import archive_recorded, replay_spool
from loadlab.errors import LaunchError, LoadlabError, StoreError, StreamError, StreamLost
from loadlab.launch import Swarm
from loadlab.publishing import await_archive, deliver
from loadlab.recording import Recording, say
from loadlab.results import Run
from loadlab.spec import LoadTest
from loadlab.watching import BROKEN_END, CriteriaWatch

CLOSING = "the run is being closed and written"
POLL_S = 0.1
SETTLE_S = 5.0
TOLD_S = 10.0
"""The master's records tell of a change of users within so long, if it has changed anything."""


class ConductedRun:
    """A run that carries itself out in a thread of its own, whether anybody waits for it or not.

    `begin` is called in that thread and gives what records the run; `path` is the run's folder.

    Attributes:
        seconds: what the run has done so far, in sums.
        given_up: set to end the wait for a swarm that is starting.
        starting: set when the parts of the swarm are starting: what could be checked before has been.
        is_guest: whether another process owns the run and writes its archive.
        last_news: when the last record came, on the monotonic clock.
    """

    def __init__(self, test: LoadTest, folder: store.RunFolder, begin: Callable[[Any], Recording]) -> None:
        self.test = test
        self.id = folder.id
        self.path = folder.path
        self.seconds = stream.LiveSeconds()
        self.given_up = threading.Event()
        self.starting = threading.Event()
        self.last_news = time.monotonic()
        self.is_guest = False
        self._folder = folder
        self._begin = begin
        self._recording: Recording | None = None
        self._watch: CriteriaWatch | None = None
        self._tables: stream.TableBuilder | None = None
        self._begun, self._done = threading.Event(), threading.Event()
        self._interrupts = 0
        self._stopping: threading.Thread | None = None
        self._stop_error: LoadlabError | None = None
        self._target = folder.read_target()
        self._master_left = self._killed = self._closing = self._sending = False
        self._leaving = False
        self._killed_at: float | None = None
        self._start_lock = threading.Lock()
        self._asked: tuple[int, float] | None = None
        self._failure: BaseException | None = None
        self._run: Run | None = None
        self._followers: list[Callable[[], None]] = []
        threading.Thread(target=self._carry_out, name=f"loadlab-{folder.id}", daemon=True).start()

    @property
    def swarm(self) -> Swarm:
        """The swarm; waits until it is there. Raises what kept it from coming up."""
        return self._recorded().swarm

    @property
    def tables(self) -> stream.TableBuilder:
        """The tables so far; waits until there are any. Raises what kept the swarm from coming up."""
        self._recorded()
        assert self._tables is not None
        return self._tables

    def _recorded(self) -> Recording:
        self._begun.wait()
        if self._recording is None:
            raise self._failure or LaunchError("the run was given up while it was starting")
        return self._recording

    def stop(self) -> None:
        """End the load in good order, in the background; `wait` then returns the run as it is."""
        if not self._begun.is_set():
            self.given_up.set()
        elif self._stopping is None and not self._done.is_set():
            self._stopping = threading.Thread(target=self._stop, name="loadlab-stop", daemon=True)
            self._stopping.start()

    def _stop(self) -> None:
        try:
            self.swarm.stop()
        except LaunchError as error:  # the master may be gone already; `_follow` finds out and says so
            self._stop_error = error

    def kill(self) -> None:
        """End the swarm at once; what has been recorded is kept."""
        if not self._begun.is_set():
            self.given_up.set()
            return
        recording = self._recorded()
        self._killed_at = time.monotonic()
        self._killed = self.tables.end is None
        if recording.journal is None:
            recording.swarm.end()  # type: ignore[attr-defined] # a guest's swarm is an AdoptedSwarm
        else:
            recording.recorder.stop()
            recording.swarm.close()

    def _interrupt(self) -> None:
        """Take note of an interrupt; the run's own thread answers it."""
        if self.is_guest:
            self._leaving = True
            say("not watching any more: the run goes on")
            return
        with self._start_lock:
            if self._sending:
                self._leaving = True
                say(f"not waiting any more: the run is being sent, and is kept in {self.path} until it is there")
                return
            self._interrupts += 1
            if self._begun.is_set():
                if self._closing:
                    say(f"a moment: {CLOSING}")
                return
            self.given_up.set()
        say("interrupted: the swarm that is starting is removed")

    def _carry_out(self) -> None:
        try:
            self._start()
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            self._failure = error
        else:
            try:
                self._record()
            except BaseException as error:  # noqa: BLE001 - the same
                self._failure = error
        finally:
            self.starting.set()
            self._begun.set()
            self._done.set()

    def wait_until_starting(self) -> None:
        """Return when the parts of the swarm are starting. Raises what is wrong by then, and KeyboardInterrupt."""
        while not self.starting.is_set():
            try:
                self.starting.wait()
            except KeyboardInterrupt:
                self._interrupt()
        if self._done.is_set():
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._interrupts and self._recording is None:
            raise KeyboardInterrupt
        if self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        recording = self._begin(self)
        with self._start_lock:
            self._recording = recording
            self._begun.set()
        if self.given_up.is_set() and not self._interrupts:  # while the load was just beginning
            self.stop()

    def _record(self) -> None:
        failure = self._follow()
        self._closing = True
        if self.is_guest:
            self._run = self._await_archive()
            return
        self._close()
        self._run = self._finish(failure)

    def record(self, swarm: Swarm, source: stream.RecordSource, journal: stream.Journal | None) -> Recording:
        """Record from `source` from now on. Raises nothing that leaves a thread behind."""
        recorder = stream.Recorder(
            source,
            journal,
            self.prepare_tables(),
            on_record=lambda record: self.saw(record.payload),
            on_journal_error=lambda error: self.stop(),
        )
        recorder.start()
        return Recording(swarm, recorder, journal)

    def prepare_tables(self) -> stream.TableBuilder:
        """The tables of the run, made when they are first asked for: that imports pandas, which takes its time."""
        if self._tables is None:
            self._tables = stream.TableBuilder()
            if self.test.criteria:
                self._watch = CriteriaWatch(self.test.criteria, self._tables, self._on_breach)
        return self._tables

    def _on_breach(self) -> None:
        """A criterion is broken that ends the test."""
        if self.is_guest:  # the owner sees it too
            return
        self._keep_end(BROKEN_END)
        self.stop()

    def _keep_end(self, reason: str) -> None:
        """Keep why the run is about to end, for whoever recovers it when this process is killed meanwhile."""
        with contextlib.suppress(StoreError):  # on a disk without room the journal has failed too, and says so
            self._folder.write_end({"reason": reason, "events": self.prepare_tables().own_events, "running": True})

    def saw(self, record: Mapping[str, Any]) -> None:
        """Be told of a record (a parsed line) that is in the tables."""
        self.last_news = time.monotonic()
        self.seconds.add(record)
        if record.get("event") == "stage" and self._asked is not None and self._asked[0] == self.seconds.target_users:
            self._asked = None
        if self._watch is not None:
            self._watch.see(record)

    def _close(self) -> None:
        recording = self._recorded()
        self._master_left = "master" in recording.swarm.lost_parts()
        recording.swarm.close()
        recording.recorder.stop()
        recording.recorder.settle(SETTLE_S)
        self._tell_followers()

    def _tell_followers(self) -> None:
        for action in self._followers:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - whatever it is, the run is archived
                text = f"What followed the run has failed at its end: {type(error).__name__}: {error}"
                self.tables.add_event("warning", text, time=time.time())

    def _follow(self) -> StreamError | None:
        recorder, answered = self._recorded().recorder, 0
        while True:
            try:
                while answered < min(self._interrupts, 2):  # the second kills the swarm
                    self._answer(answered + 1)
                    answered += 1
                if recorder.wait(POLL_S):
                    return None
                if "master" in self.swarm.lost_parts() and self.tables.end is None:
                    recorder.stop()
                    recorder.settle(SETTLE_S)
                    return StreamLost("the master process has ended", last_seq=self.tables.last_seq)
                if self._stop_error is not None and self.tables.end is None:
                    say(f"the test could not be stopped ({self._stop_error}); it is killed")
                    self._stop_error = None
                    self.kill()
            except StreamError as error:
                return error

    def _answer(self, number: int) -> None:
        """Answer the first interrupt, or the second."""
        if number == 1:
            text = "interrupted: the test ends in good order and what was measured is kept; interrupt again to kill it"
            self.tables.add_event("interrupted", "by Ctrl-C, SIGTERM or the interrupt of a notebook", time=time.time())
            self._keep_end("interrupted")
            self.stop()
        else:
            text = "interrupted again: the swarm is killed; what was measured is kept"
            self.kill()
        say(text)

    def _finish(self, failure: StreamError | None) -> Run:
        """Write the archive; a run that belongs to S3 is sent there then."""
        journal = self._recorded().journal
        assert journal is not None
        replay_spool(self._folder, self.tables, self.saw)
        end, lost = self.tables.end, isinstance(failure, StreamLost)
        if lost and end and (self._master_left or end["reason"] != "quit"):
            failure = None  # the master had ended by itself, before it was closed, and has left all of its records
        if failure is not None and not self._interrupts:
            self.tables.add_event("master_lost" if lost else "warning", str(failure), time=time.time())
        if self._interrupts:
            reason = "interrupted"
        elif self._killed and (end is None or end["reason"] == "quit"):  # else it had ended by itself before
            reason = "killed"
        elif failure is not None:
            reason = "master_lost" if lost else "stream_failed"
        elif self._watch is not None and self._watch.breach is not None:
            reason = BROKEN_END
        else:
            reason = end["reason"] if end else "killed"
        archive_recorded(self._folder, self.tables, journal, reason=reason, sent=self.swarm.sent_by_worker())
        self._sending = True
        return deliver(self._folder)

    def _await_archive(self) -> Run:
        """The archive that the run's owner writes; put together here when the owner has died."""
        self._recorded().recorder.settle(SETTLE_S)
        self._tell_followers()
        return await_archive(self._folder, self._target, killed_at=lambda: self._killed_at)
