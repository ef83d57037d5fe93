"""The whole trip in one file; read this first.

    LoadTest ──> Launcher ──> Swarm ──stream──> Recorder ──> run folder ──> Run ──> figures ──> report

`start` launches a swarm and records it in the background, `LiveRun` is that run while it goes on, `run` waits for
it, `open_run` and `runs` find what was recorded. The parts hold the logic; here they are only put together.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import store, stream
from loadlab.archiving import iso_time
from loadlab.errors import SpecError
from loadlab.launch import Launcher, LocalLauncher
from loadlab.live import LiveRun as LiveRun
from loadlab.live import Progress
from loadlab.provenance import git_state, host_facts, rerun_command, versions
from loadlab.publishing import RUNS as RUNS
from loadlab.publishing import deliver, make_folder, make_whole
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
    good order and returns the partial run, the second kills the swarm. Raises what `start` raises.
    """
    return start(test, runs=runs, launcher=launcher).wait(progress)


def start(test: LoadTest, *, runs: str | Path = RUNS, launcher: str | Launcher = "local") -> LiveRun:
    """Launch the swarm, begin the load, and record it in the background.

    Returns when Locust has accepted the test. Raises SpecError, LocustfileError, TargetUnreachable, LaunchTimeout,
    LaunchError, and StoreError where the run could not be kept; no process and no run folder are left then.
    """
    if isinstance(launcher, str):
        launcher = make_launcher(launcher)
    check_locustfile(test)
    started, shown = datetime.now(UTC), test.without_secrets()
    info: dict[str, Any] = {
        "status": "running",
        "loadtest": shown.to_dict(),
        "labels": dict(shown.labels),
        "launcher": launcher.name,
        "started": iso_time(started.timestamp()),
        "ended": None,
        "end_reason": None,
        "command": rerun_command(test, launcher.name, launcher.options),
    }
    folder = make_folder(runs, store.new_run_id(started), info)
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
    if test.criteria:
        import loadlab.analyse  # noqa: F401 - it is needed when the load begins, and takes half a second
    origin = git_state(test.locustfile.absolute().parent)
    folder.update_info(versions=versions(), git=origin, host=host_facts())


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
