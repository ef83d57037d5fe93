"""Exports as a person asks for them on the command line: of recorded runs, and of one that goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab import export, store
from loadlab.errors import LoadlabError, SpecError
from loadlab.export.aws.alarms import check_actions, check_tags, plan_alarms, put_alarms, write_alarms
from loadlab.export.aws.dashboard import default_dashboard_name, put_dashboard, render_dashboard, write_dashboard
from loadlab.export.aws.session import Access
from loadlab.export.aws.target import read_target
from loadlab.results import Run
from loadlab.spec import read_criteria

if TYPE_CHECKING:
    from loadlab.live import LiveRun, Progress
    from loadlab.spec import LoadTest

PLACES = ("cloudwatch",)
"""Where a run can be sent to while it goes on."""

ACCESS = ("region", "profile", "endpoint_url", "account")
TARGET = ("namespace", "service", "environment")
DASHBOARD_TIMEOUT_S, ALARMS_TIMEOUT_S = 120.0, 300.0
MARKED_RUNS = 20
"""Runs that a dashboard marks at most."""


class Exports:
    """Sends a run elsewhere while it goes on, and the rest of it when it is recorded.

    Raises, before any load, SpecError for a place that is none and for labels that it needs, and ExportError without
    region or credentials.
    """

    def __init__(self, places: Sequence[str], test: LoadTest) -> None:
        for place in places:
            if place not in PLACES:
                raise SpecError.unknown("place", place, PLACES)
            read_target(test.labels)
            Access().client()
        self._reported: set[str] = set()
        self._sending: export.LiveExport | None = None

    def beside(self, progress: Progress, say: Callable[[str], None]) -> Progress:
        """A callback for `loadlab.run` that begins to send with its first call, and calls `progress`.

        What goes wrong while the run goes on is given to `say`, each reason once.
        """

        def call(live: LiveRun) -> None:
            if self._sending is None:
                self._sending = export.cloudwatch(live)
            for error in self._sending.errors:
                reason = error.partition(" UTC: ")[2]
                if reason not in self._reported:
                    self._reported.add(reason)
                    say(f"export: {error}")
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


class Extras:
    """The dashboard and the alarms that go with a run's metrics, read and checked before anything is sent.

    Raises SpecError, which names the option.
    """

    def __init__(
        self,
        run: Run,
        *,
        dashboard: bool,
        alarms: bool,
        alarm_texts: Sequence[str],
        actions: Sequence[str],
        tags: Mapping[str, str],
        **options: Any,
    ) -> None:
        check_actions(actions, "--action")
        check_tags(tags, "--tag")
        asked = read_criteria("--alarm", alarm_texts)
        for option, given in (("--action", list(actions)), ("--tag", dict(tags))):
            if given and not (alarms or asked):
                raise SpecError(option, given, "only with --alarms or --alarm: it belongs to alarms")
        labels = run.info.get("labels") or {}
        self._access = Access(**_picked(options, *ACCESS))
        self._target = read_target(labels, **_picked(options, *TARGET, "resolution"))
        self._runs = _runs_of_the_same(run) if dashboard else []
        self._alarms: export.AlarmReport | None = None
        if alarms or asked:
            criteria = [*(run.criteria if alarms else ()), *asked]
            self._alarms = plan_alarms(criteria, self._target, run, actions=actions, tags=tags)

    def planned(self) -> list[export.Dashboard | export.AlarmReport]:
        """What would be made, with its price. No network, no region."""
        return self._all(self._dashboard("") if self._runs else None, self._alarms)

    def prepare(self) -> Callable[[str | None], list[export.Dashboard | export.AlarmReport]]:
        """Render everything that needs a region; what is returned makes it, or writes it to files named after its
        argument. Raises ExportError without a region."""
        board = self._dashboard(self._access.region_name()) if self._runs else None

        def make(dry_run: str | None) -> list[export.Dashboard | export.AlarmReport]:
            report = self._alarms
            if dry_run is not None:
                written = board and write_dashboard(board.name, board.body, Path(f"{dry_run}.dashboard.json"))
                return self._all(written, report and write_alarms(report, Path(f"{dry_run}.alarms.ndjson")))
            made = board and put_dashboard(board.name, board.body, self._access, timeout_s=DASHBOARD_TIMEOUT_S)
            return self._all(made, report and put_alarms(report, self._access, timeout_s=ALARMS_TIMEOUT_S))

        return make

    def _dashboard(self, region: str) -> export.Dashboard:
        body = render_dashboard(self._runs, self._target, region)
        return export.Dashboard(default_dashboard_name(self._target), "planned", "", body)

    @staticmethod
    def _all(*made: export.Dashboard | export.AlarmReport | None) -> list[export.Dashboard | export.AlarmReport]:
        return [each for each in made if each is not None]


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
