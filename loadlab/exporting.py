"""Exports of recorded runs as a person asks for them on the command line: one set of options for all that is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import export, store
from loadlab.errors import LoadlabError
from loadlab.results import Run

if TYPE_CHECKING:
    from loadlab.spec import Criterion

ACCESS = ("region", "profile", "endpoint_url", "account")
TARGET = ("namespace", "service", "environment")
MARKED_RUNS = 20
"""Runs that a dashboard marks at most."""


def plan_cloudwatch(run: Run, **options: Any) -> export.Plan:
    """See `loadlab.export.plan_cloudwatch`."""
    return export.plan_cloudwatch(run, **options)


def put_dashboard(run: Run, runs_folder: str, *, dry_run: str | None, **options: Any) -> export.Dashboard:
    """The dashboard of the run's service, with the latest runs of the same service and environment marked.

    With `dry_run` its body is written to a file named after it instead.
    """
    file = False if dry_run is None else Path(f"{dry_run}.dashboard.json")
    return export.cloudwatch_dashboard(
        _runs_of_the_same(run, runs_folder), dry_run=file, **_picked(options, *TARGET, *ACCESS)
    )


def put_alarms(
    run: Run,
    criteria: Sequence[Criterion | str],
    *,
    actions: Sequence[str],
    tags: Mapping[str, str],
    dry_run: str | None,
    **options: Any,
) -> export.AlarmReport:
    """Alarms for `criteria`, with the metrics that the run has. With `dry_run` they are written to a file instead."""
    file = False if dry_run is None else Path(f"{dry_run}.alarms.ndjson")
    picked = _picked(options, *TARGET, "resolution", *ACCESS)
    return export.cloudwatch_alarms(criteria, run, actions=actions, tags=tags, dry_run=file, **picked)


def _picked(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def _runs_of_the_same(run: Run, runs_folder: str) -> list[Run]:
    """The run, and the latest others in the folder that have its service and environment."""
    labels = {name: value for name, value in run.info.get("labels", {}).items() if name in ("service", "environment")}
    found = {run.id: run}
    try:
        listed = store.list_runs(runs_folder, labels=labels, status="finished") if labels else None
    except LoadlabError:  # a run that was named by its path lies in no folder of runs
        listed = None
    for path in [] if listed is None else listed["path"].tolist()[-MARKED_RUNS:]:
        other = Run(path)
        found.setdefault(other.id, other)
    return list(found.values())
