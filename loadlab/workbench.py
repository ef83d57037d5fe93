"""The whole trip in one file; read this first.

    LoadTest ──> Launcher ──> Swarm ──stream──> Recorder ──> run folder ──> Run ──> figures ──> report

`start` launches a swarm and records it in the background, `LiveRun` is that run while it goes on, `run` waits for
it, `open_run` and `runs` find what was recorded. The parts hold the logic; here they are only put together.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import store, stream
from loadlab.archiving import archive_recorded, iso_time, replay_spool
from loadlab.errors import LaunchError, LoadlabError, SpecError, StoreError, StreamError, StreamLost
from loadlab.launch import Launcher, LocalLauncher, Swarm, uninterrupted
from loadlab.provenance import git_state, host_facts, rerun_command, versions
from loadlab.recovery import recover
from loadlab.results import Run as Run
from loadlab.spec import KubernetesOptions, LoadTest, check_locustfile, hide_host

if TYPE_CHECKING:
    import pandas as pd

RUNS = "runs"
"""Where runs are kept unless somebody says otherwise: a folder beside the notebook or the shell."""

LAUNCHERS = ("local", "kubernetes")
"""Where Locust can run."""

Progress = Callable[["LiveRun"], None]
CLOSING = "the run is being closed and written"


def make_launcher(name: str = "local", **options: Any) -> Launcher:
    """The launcher `name`: "local", or "kubernetes" with the fields of `KubernetesOptions`.

    Several contexts are regions, whose swarms make one run together. An option that is empty ("", None, an empty list)
    is as if it were not given, so that a notebook's parameters may be handed on as they are. Raises SpecError.
    """
    given = {field: value for field, value in options.items() if value not in ("", None, (), [], {})}
    if name == "local":
        for field, value in given.items():
            raise SpecError(field, value, "nothing here: it is for launcher='kubernetes'")
        return LocalLauncher()
    if name == "kubernetes":
        from loadlab.launch.regions import make_kubernetes_launcher

        return make_kubernetes_launcher(KubernetesOptions(**given))
    raise SpecError.unknown("launcher", name, LAUNCHERS)


def run(
    test: LoadTest, *, runs: str | Path = RUNS, launcher: str | Launcher = "local", progress: Progress | None = None
) -> Run:
    """Run `test` to its end and return the recorded Run.

    `launcher` is "local", "kubernetes", or what `make_launcher` gives.
    `progress` is called about once a second. The first interrupt (Ctrl-C, Jupyter's stop button) ends the test in
    good order and returns the partial run, the second kills the swarm. Raises what `start` raises.
    """
    return start(test, runs=runs, launcher=launcher).wait(progress)


def start(test: LoadTest, *, runs: str | Path = RUNS, launcher: str | Launcher = "local") -> LiveRun:
    """Launch the swarm, begin the load, and record it in the background.

    Returns when Locust has accepted the test. Raises SpecError, LocustfileError, TargetUnreachable, LaunchTimeout,
    LaunchError; no process and no run folder are left then.
    """
    if isinstance(launcher, str):
        launcher = make_launcher(launcher)
    check_locustfile(test)
    started = datetime.now(UTC)
    info: dict[str, Any] = {
        "status": "running",
        "loadtest": test.without_secrets().to_dict(),
        "labels": dict(test.labels),
        "launcher": launcher.name,
        "started": iso_time(started.timestamp()),
        "ended": None,
        "end_reason": None,
        "command": rerun_command(test, launcher.name, launcher.options),
    }
    folder = store.RunFolder.create(runs, store.new_run_id(started), info)
    try:
        swarm = launcher.launch(test, run_id=folder.id, folder=folder.path, meanwhile=lambda: _prepare(test, folder))
        try:
            folder.update_info(**swarm.facts)
            live = LiveRun(test, folder, swarm)
        except BaseException:
            swarm.close()
            raise
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return live


def _prepare(test: LoadTest, folder: store.RunFolder) -> None:
    """What takes its time and needs no swarm: importing pandas, and saying where the run comes from."""
    stream.TableBuilder()
    origin = git_state(test.locustfile.absolute().parent)
    folder.update_info(versions=versions(), git=origin, host=host_facts())


def open_run(ref: str | Path = "latest", runs: str | Path = RUNS) -> Run:
    """The run with this id, unique prefix of an id, path, or "latest".

    A run whose recorder died is put together from its journal, as far as that goes, and says so. Raises RunNotFound,
    RunCorrupt, SchemaMismatch, and StoreError for a run that is still going on.
    """
    folder = store.RunFolder(store.find_run(runs, ref))
    if folder.has_journal:
        recover(folder)
    elif not folder.has_tables and folder.read_info().get("status") == "running":
        raise StoreError(f"run {folder.id} holds nothing: whoever started it ended before the load began")
    return Run(folder.path)


def runs(root: str | Path = RUNS, **filters: Any) -> pd.DataFrame:
    """All runs under `root`, the oldest first; `filters` are those of `store.list_runs`."""
    if filters.get("host"):
        filters["host"] = hide_host(filters["host"])  # as it is kept
    return store.list_runs(root, is_being_written=stream.is_being_written, **filters)


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
        self._began = time.monotonic()
        folder.write_swarm({"url": swarm.url, "token": swarm.token})
        self._journal = stream.Journal(folder.journal_path)
        self._recorder = stream.Recorder(
            stream.open_records(swarm.endpoints, on_lost=swarm.lose),
            self._journal,
            self.tables,
            on_record=lambda record: self._counts.add(record.payload),
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
    def elapsed_s(self) -> float:
        """Seconds since the load was asked for."""
        return time.monotonic() - self._began

    def status_line(self) -> str:
        """Where the run is, in one line."""
        now = self._counts
        return (
            f"{self.elapsed_s:.0f} of {self.test.run_time:.0f} s, {now.users:,} users, {now.rps:,} rps, "
            f"{now.requests:,} requests, {now.failures:,} failed"
        )

    def set_users(self, users: int, spawn_rate: float) -> None:
        """Go to another number of users. Raises LaunchError."""
        self.swarm.set_users(users, spawn_rate)

    def stop(self) -> None:
        """End the load in good order, in the background; `wait` then returns the run as it is."""
        if self._stopping is None:
            self._stopping = threading.Thread(target=self._stop, name="loadlab-stop", daemon=True)
            self._stopping.start()

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

        Raises StoreError when the archive cannot be written; the journal is kept then.
        """
        try:
            failure = self._follow(progress)
        except BaseException:  # a callback that raises, say: what was measured is kept all the same
            uninterrupted(self._close, CLOSING)
            uninterrupted(lambda: self._finish(None), CLOSING)
            raise
        uninterrupted(self._close, CLOSING)
        return uninterrupted(lambda: self._finish(failure), CLOSING)

    def _close(self) -> None:
        self._master_left = "master" in self.swarm.lost_parts()
        self.swarm.close()
        self._recorder.stop()
        self._recorder.settle(5.0)

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

    def _finish(self, failure: StreamError | None) -> Run:
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
        else:
            reason = end["reason"] if end else "killed"
        archive_recorded(self._folder, self.tables, self._journal, reason=reason, sent=self.swarm.sent_by_worker())
        return Run(self.path)
