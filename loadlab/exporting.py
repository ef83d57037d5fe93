"""Exports of recorded runs as a person asks for them on the command line: one set of options for all that is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import export, store
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


def put_dashboard(run: Run, *, dry_run: str | None, **options: Any) -> export.Dashboard:
    """The dashboard of the run's service, with the latest runs of the same service and environment marked.

    With `dry_run` its body is written to a file named after it instead.
    """
    file = False if dry_run is None else Path(f"{dry_run}.dashboard.json")
    return export.cloudwatch_dashboard(_runs_of_the_same(run), dry_run=file, **_picked(options, *TARGET, *ACCESS))


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


def _runs_of_the_same(run: Run) -> list[Run]:
    """The run, and the latest others beside it that have its service and environment."""
    labels = {name: value for name, value in run.info.get("labels", {}).items() if name in ("service", "environment")}
    if not labels:
        return [run]
    listed = store.list_runs(run.path.parent, labels=labels, status="finished")
    others = [run.path.parent / name for name in listed["id"].tolist()[-MARKED_RUNS:]]
    return [run, *(Run(path) for path in others if path != run.path)]
