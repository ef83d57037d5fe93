"""The whole trip in one file; read this first.

    LoadTest ──> Launcher ──> Swarm ──stream──> Recorder ──> run folder ──> Run ──> figures ──> report

`start` launches a swarm and records it in the background, `LiveRun` is that run while it goes on, `run` waits for
it, `attach` picks up one that goes on already, `open_run` and `runs` find what was recorded. The parts hold the logic;
here they are only put together.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import store, stream
from loadlab.archiving import iso_time
from loadlab.errors import LaunchError, SpecError, StoreError
from loadlab.launch import Launcher, LocalLauncher
from loadlab.live import LiveRun as LiveRun
from loadlab.live import Progress
from loadlab.provenance import git_state, host_facts, rerun_command, versions
from loadlab.publishing import RUNS as RUNS
from loadlab.publishing import deliver, make_folder, make_whole
from loadlab.recording import Recording, say
from loadlab.results import Run as Run
from loadlab.spec import KubernetesOptions, LoadTest, check_locustfile, hide_host, is_url

if TYPE_CHECKING:
    import pandas as pd

LAUNCHERS = ("local", "kubernetes")
"""Where Locust can run."""


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
    good order and returns the partial run, the second kills the swarm. Raises what `start` and `LiveRun.wait` raise.
    """
    return start(test, runs=runs, launcher=launcher).wait(progress)


def start(test: LoadTest, *, runs: str | Path = RUNS, launcher: str | Launcher = "local") -> LiveRun:
    """Launch the swarm, begin the load, and record it, all in the background; display what it returns to watch it.

    Returns when the parts of the swarm are starting. Raises SpecError, LocustfileError, TargetUnreachable, LaunchError
    for what can be known by then, and StoreError where the run could not be kept; whatever keeps the swarm from coming
    up later is raised by `LiveRun.wait`. No process and no run folder are left in either case.
    """
    if isinstance(launcher, str):
        launcher = make_launcher(launcher)
    place = launcher
    check_locustfile(test)
    started, shown = datetime.now(UTC), test.without_secrets()
    info: dict[str, Any] = {
        "status": "running",
        "loadtest": shown.to_dict(),
        "labels": dict(shown.labels),
        "launcher": place.name,
        "started": iso_time(started.timestamp()),
        "ended": None,
        "end_reason": None,
        "command": rerun_command(test, place.name, place.options),
    }
    folder = make_folder(runs, store.new_run_id(started), info)
    live = LiveRun(test, folder, lambda live: _launch(live, folder, place))
    live.wait_until_starting()
    return live


def _launch(live: LiveRun, folder: store.RunFolder, launcher: Launcher) -> Recording:
    """Bring the swarm up, record what it says, and begin the load."""

    def meanwhile() -> None:
        live.starting.set()
        live.prepare_tables()
        _prepare(live.test, folder)
        _warn_of_others(live, folder)

    try:
        swarm = launcher.launch(
            live.test, run_id=folder.id, folder=folder.path, meanwhile=meanwhile, given_up=live.given_up
        )
        with ExitStack() as undo:
            undo.callback(swarm.close)
            folder.update_info(**swarm.facts)
            folder.write_swarm({"url": swarm.url, "token": swarm.token})
            journal = undo.enter_context(stream.Journal(folder.journal_path))
            recording = live.record(swarm, stream.open_records(swarm.endpoints, on_lost=swarm.lose), journal)
            undo.callback(recording.recorder.stop)
            if live.given_up.is_set():
                raise LaunchError("the test was given up while its swarm was starting")
            swarm.start()
            undo.pop_all()
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return recording


def _prepare(test: LoadTest, folder: store.RunFolder) -> None:
    """What takes its time and needs no swarm: saying where the run comes from."""
    origin = git_state(test.locustfile.absolute().parent)
    folder.update_info(versions=versions(), git=origin, host=host_facts())


def _warn_of_others(live: LiveRun, folder: store.RunFolder) -> None:
    """Say when another run of this folder still loads the same host: after "restart kernel and run all", say."""
    from loadlab.attaching import find_loads_on

    for run_id in find_loads_on(live.test.host or "", folder):
        path = folder.path.with_name(run_id)
        say(f"Run {run_id} still loads the same host: loadlab.attach('{path}') picks it up, to watch or to stop it.")
        text = f"When this run started, run {run_id} was loading the same host."
        live.prepare_tables().add_event("warning", text, time=time.time())


def attach(ref: str | Path = "latest", runs: str | Path = RUNS) -> LiveRun:
    """Pick up a run that goes on, from its first second: the one with this id, prefix of an id, path, or "latest".

    See `loadlab.attaching.attach_to` for who writes its archive then. Raises RunNotFound, and StoreError for a run that
    is over or cannot be reached.
    """
    from loadlab.attaching import attach_to

    found = store.find_run(runs, ref)
    if isinstance(found, store.S3Path):
        raise StoreError(f"run {found.name} is over: loadlab.open_run('{found}') opens it")
    return attach_to(store.RunFolder(found))


def open_run(ref: str | Path = "latest", runs: str | Path = RUNS) -> Run:
    """The run with this id, unique prefix of an id, path, URL, or "latest", among those at `runs`.

    A run whose recorder died is put together from its journal, as far as that goes, and says so; one that belongs to S3
    and was not sent is sent. Raises RunNotFound, RunCorrupt, SchemaMismatch, and StoreError for a run that is still
    going on.
    """
    found = store.find_run(runs, ref)
    if isinstance(found, store.S3Path):
        return Run(found)
    folder = store.RunFolder(found)
    make_whole(folder)
    return deliver(folder) if is_url(runs) or is_url(ref) else Run(found)


def runs(root: str | Path = RUNS, **filters: Any) -> pd.DataFrame:
    """All runs at `root`, a folder or S3 URL, the oldest first; `filters` are those of `store.list_runs`."""
    if filters.get("host"):
        filters["host"] = hide_host(filters["host"])  # as it is kept
    return store.list_runs(root, is_being_written=stream.is_being_written, **filters)
