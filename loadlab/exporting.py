"""Exports as a person asks for them on the command line: of recorded runs, and of one that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import export, store
from loadlab.errors import LoadlabError, SpecError
from loadlab.export.aws.target import read_target
from loadlab.results import Run

if TYPE_CHECKING:
    from loadlab.live import LiveRun, Progress
    from loadlab.spec import Criterion, LoadTest

PLACES = ("cloudwatch",)
"""Where a run can be sent to while it goes on."""

ACCESS = ("region", "profile", "endpoint_url", "account")
TARGET = ("namespace", "service", "environment")
MARKED_RUNS = 20
"""Runs that a dashboard marks at most."""


class Exports:
    """Sends a run elsewhere while it goes on, and the rest of it when it is recorded.

    Raises SpecError, before any load, for a place that is none and for labels that it needs.
    """

    def __init__(self, places: Sequence[str], test: LoadTest) -> None:
        for place in places:
            if place not in PLACES:
                raise SpecError.unknown("place", place, PLACES)
            read_target(test.labels)
        self._sending: export.LiveExport | None = None

    def beside(self, progress: Progress) -> Progress:
        """A callback for `loadlab.run` that begins to send with its first call, and calls `progress`."""

        def call(live: LiveRun) -> None:
            if self._sending is None:
                self._sending = export.cloudwatch(live)
            progress(live)

        return call

    def finish(self, run: Run) -> tuple[list[export.Receipt], list[LoadlabError]]:
        """Send what is left of the recorded run: what became of it, and what went wrong, also
        with the place that the run is kept in: its verdict stands all the same."""
        try:
            return [export.cloudwatch(run) if self._sending is None else self._sending.finish(run)], []
        except LoadlabError as error:
            return [], [error]


def plan_cloudwatch(run: Run, **options: Any) -> export.Plan:
    """See `loadlab.export.plan_cloudwatch`; the error of one that stops half-way tells the command for the rest."""
    return export.plan_cloudwatch(run, again=f"loadlab export cloudwatch {run.path}, same options", **options)


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
