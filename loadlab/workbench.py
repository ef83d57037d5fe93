"""The whole trip in one file; read this first.

    LoadTest ──> Launcher ──> Swarm ──stream──> Recorder ──> run folder ──> Run ──> figures ──> report

`start` launches a swarm and records it in the background, `LiveRun` is that run while it goes on, `run` waits for
it, `open_run` and `runs` find what was recorded. The parts hold the logic; here they are only put together.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from loadlab import schema, store, stream
from loadlab.errors import AnalysisError, LaunchError, LoadlabError, SpecError, StoreError, StreamError, StreamLost
from loadlab.launch import COUNTERS, SPOOL, Launcher, LocalLauncher, Swarm, read_counters
from loadlab.provenance import git_state, host_facts, rerun_command, versions
from loadlab.results import Run as Run
from loadlab.spec import LoadTest, check_locustfile

if TYPE_CHECKING:
    import pandas as pd

RUNS = "runs"
"""Where runs are kept unless somebody says otherwise: a folder beside the notebook or the shell."""

LAUNCHERS: dict[str, Callable[[], Launcher]] = {"local": LocalLauncher}

Progress = Callable[["LiveRun"], None]
T = TypeVar("T")


def run(test: LoadTest, *, runs: str | Path = RUNS, launcher: str = "local", progress: Progress | None = None) -> Run:
    """Run `test` to its end and return the recorded Run.

    `progress` is called about once a second. The first interrupt (Ctrl-C, Jupyter's stop button) ends the test in
    good order and returns the partial run, the second kills the swarm. Raises what `start` raises.
    """
    return start(test, runs=runs, launcher=launcher).wait(progress)


def start(test: LoadTest, *, runs: str | Path = RUNS, launcher: str = "local") -> LiveRun:
    """Launch the swarm, begin the load, and record it in the background.

    Returns when Locust has accepted the test. Raises SpecError, LocustfileError, TargetUnreachable, LaunchTimeout,
    LaunchError; no process and no run folder are left then.
    """
    if launcher not in LAUNCHERS:
        raise SpecError.unknown("launcher", launcher, LAUNCHERS)
    check_locustfile(test)
    started = datetime.now(UTC)
    info: dict[str, Any] = {
        "status": "running",
        "loadtest": test.to_dict() | {"environment": dict.fromkeys(test.environment, "...")},  # may hold secrets
        "labels": dict(test.labels),
        "launcher": launcher,
        "started": _iso(started.timestamp()),
        "ended": None,
        "end_reason": None,
        "command": rerun_command(test),
    }
    folder = store.RunFolder.create(runs, store.new_run_id(started), info)
    try:
        swarm = LAUNCHERS[launcher]().launch(
            test, run_id=folder.id, folder=folder.path, meanwhile=lambda: _prepare(test, folder)
        )
        try:
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
        _recover(folder)
    elif not folder.has_tables and folder.read_info().get("status") == "running":
        raise StoreError(f"run {folder.id} holds nothing: whoever started it ended before the load began")
    return Run(folder.path)


def runs(root: str | Path = RUNS, **filters: Any) -> pd.DataFrame:
    """All runs under `root`, the oldest first; `filters` are those of `store.list_runs`."""
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
        self._requests = self._failures = self._users = 0
        self._second: dict[str, Any] = {}
        self._began = time.monotonic()
        folder.write_swarm({"url": swarm.url, "token": swarm.token})
        self._journal = stream.Journal(folder.journal_path)
        self._recorder = stream.Recorder(
            stream.RecordStream(swarm.url, swarm.token),
            self._journal,
            self.tables,
            on_record=lambda record: self._watch(record.payload),
            on_journal_error=lambda error: self.stop(),
        )
        try:
            self._recorder.start()
            swarm.start()
        except BaseException:
            self._recorder.stop()
            self._journal.close()
            raise

    def _watch(self, record: dict[str, Any]) -> None:
        if record["kind"] in ("second", "amend"):
            self._requests += sum(row[2] for row in record["requests"])
            self._failures += sum(row[3] for row in record["requests"])
        if record["kind"] == "second":
            self._second = record
            self._users = sum(record["users"].values())

    @property
    def elapsed_s(self) -> float:
        """Seconds since the load was asked for."""
        return time.monotonic() - self._began

    def status_line(self) -> str:
        """Where the run is, in one line."""
        rate = sum(row[2] - row[3] for row in self._second.get("requests", []))
        return (
            f"{self.elapsed_s:.0f} of {self.test.run_time:.0f} s, {self._users:,} users, {rate:,} rps, "
            f"{self._requests:,} requests, {self._failures:,} failed"
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
        self._recorder.stop()
        self.swarm.close()

    def wait(self, progress: Progress | None = None) -> Run:
        """Wait for the end, close the swarm, write the archive and return it. See `run` for interrupts.

        Raises StoreError when the archive cannot be written; the journal is kept then.
        """
        try:
            failure = self._follow(progress)
        except BaseException:  # a callback that raises, say: what was measured is kept all the same
            _uninterrupted(self._close)
            _uninterrupted(lambda: self._finish(None))
            raise
        _uninterrupted(self._close)
        return _uninterrupted(lambda: self._finish(failure))

    def _close(self) -> None:
        self.swarm.close()
        self._recorder.stop()

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
                    self._recorder.wait(5.0)
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
        lost = isinstance(failure, StreamLost)
        if failure is not None and not self._interrupts:
            self.tables.add_event("master_lost" if lost else "warning", str(failure), time=time.time())
        _replay_spool(self._folder, self.tables)
        end = self.tables.end
        if self._interrupts:
            reason = "interrupted"
        elif failure is not None:
            reason = "master_lost" if lost else "stream_failed"
        else:
            reason = end["reason"] if end else "killed"
        try:
            _archive(self._folder, self.tables, status="finished", reason=reason, sent=self.swarm.sent_by_worker())
        except StoreError as error:
            raise StoreError(
                f"{error} The journal in {self.path} is kept: when there is room, open run {self.id} again."
            ) from error
        finally:
            self._journal.close()
        _tidy(self._folder)
        return Run(self.path)


def _uninterrupted(work: Callable[[], T]) -> T:
    """Do `work` in another thread, so that no interrupt can leave a swarm half closed or an archive half written."""
    outcome: Future[T] = Future()
    ended = threading.Event()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.set_exception(error)
        finally:
            ended.set()

    threading.Thread(target=do, name="loadlab-finish").start()
    while True:
        try:
            ended.wait()
            return outcome.result()
        except KeyboardInterrupt:
            print("a moment: the run is being closed and written", file=sys.stderr)  # noqa: T201 - see _interrupt


def _recover(folder: store.RunFolder) -> None:
    """Make an archive of what a dead recorder has left: its journal, and what the swarm spooled when it stopped."""
    if stream.is_being_written(folder.journal_path):
        raise StoreError(f"run {folder.id} is being recorded at this moment; it can be opened when it has ended")
    if _answers(folder):
        raise StoreError(
            f"run {folder.id} has lost its recorder, but its load is still going on; it stops by itself when its "
            "lease is over, and can be opened then"
        )
    tables = stream.TableBuilder()
    journal = stream.read_journal(folder.journal_path)
    for record in journal:
        tables.add(record.payload)
    text = f"put together from the journal of a recorder that died: {journal.state.records:,} whole records"
    if journal.state.torn_bytes or journal.state.damaged_lines:
        text += (
            f", {journal.state.damaged_lines} damaged lines and {journal.state.torn_bytes} bytes of a torn one left out"
        )
    _replay_spool(folder, tables)
    tables.add_event("warning", text, time=(tables.last_second or 0) + 1)
    reason = tables.end["reason"] if tables.end else "recorder_lost"
    _archive(folder, tables, status="recovered", reason=reason, sent=read_counters(folder.path))
    _tidy(folder)


def _answers(folder: store.RunFolder) -> bool:
    """True if the master of the run in `folder` is still there."""
    if not folder.swarm_path.exists():
        return False
    from loadlab.launch.master_api import is_answering

    return is_answering(**json.loads(folder.swarm_path.read_text()))


def _replay_spool(folder: store.RunFolder, tables: stream.TableBuilder) -> None:
    """Add the records that the master could not deliver before it stopped by itself."""
    if (spool := folder.path / SPOOL).exists():
        for record in stream.read_journal(spool):
            if record.seq > tables.last_seq:
                tables.add(record.payload)


def _tidy(folder: store.RunFolder) -> None:
    """Remove what only a run without an archive needs."""
    folder.remove_journal()
    folder.remove_swarm()
    (folder.path / SPOOL).unlink(missing_ok=True)
    shutil.rmtree(folder.path / COUNTERS, ignore_errors=True)


def _archive(
    folder: store.RunFolder, tables: stream.TableBuilder, *, status: str, reason: str, sent: dict[str, int] | None
) -> None:
    """Write the tables first, then what they add up to, then run.json: a reader never sees half a run."""
    folder.write_tables({name: tables.arrow(name) for name in schema.TABLES})
    end = tables.end or {"workers": {}, "time": None if tables.last_second is None else tables.last_second + 1}
    offsets = {
        name: {"offset_ms": worker["clock_offset_ms"], "error_ms": worker["clock_error_ms"]}
        for name, worker in end["workers"].items()
    }
    folder.update_info(
        status=status,
        ended=_iso(end["time"]) if end["time"] else None,
        end_reason=reason,
        clock_offsets=offsets,
        repeated=sum(worker.get("repeated", 0) for worker in end["workers"].values()),
        conservation=conserve(tables.frame("requests"), end["workers"], sent) if tables.end or sent else {},
    )
    result = Run(folder.path)
    try:
        folder.update_info(validity=result.validity.to_dict())
        folder.write_summary(result.summary_dict())
    except AnalysisError as error:  # the tables are there and can be opened; what they add up to is not known
        folder.update_info(validity={"status": "invalid", "reasons": [str(error)], "checks": []})


def conserve(requests: pd.DataFrame, workers: dict[str, dict[str, Any]], sent: dict[str, int] | None) -> dict[str, int]:
    """Where every request went: sent = ok + failed + in_flight + unreported + lost.

    ok, failed
        recorded in `requests`.
    in_flight
        sent, but without an answer when their user was stopped.
    unreported
        answered, but the locustfile never reported them (an exception inside a catch_response block).
    lost
        the rest: what a worker took with it when it died, and what was dropped. For a worker that cannot be asked any
        more `sent` comes from the launcher's own count where there is one, else from the worker's last report.

    `workers` is that of the `end` record, `sent` that of `Swarm.sent_by_worker`.
    """
    recorded, failed = int(requests["count"].sum()), int(requests["failures"].sum())
    names = {*workers, *(sent or {})}
    total = sum((sent or {}).get(name, workers.get(name, {}).get("sent", 0)) for name in names)
    living = [worker for worker in workers.values() if worker["state"] != "lost"]
    in_flight = sum(worker["sent"] - worker["answered"] for worker in living)
    unreported = sum(worker["answered"] - worker["ok"] - worker["failed"] for worker in living)
    total = max(total, recorded + in_flight + unreported)
    return {
        "sent": total,
        "ok": recorded - failed,
        "failed": failed,
        "in_flight": in_flight,
        "unreported": unreported,
        "lost": total - recorded - in_flight - unreported,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
