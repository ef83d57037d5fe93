"""A recorded run and the questions asked of it: wires the archive to analysis, figures and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.shown import Markup, ReportFile
from loadlab.spec import Criteria, Criterion
from loadlab.store import Archive, S3Path

if TYPE_CHECKING:
    import pandas as pd
    from bokeh.models import LayoutDOM

    from loadlab.analyse import Validity, Verdict
    from loadlab.report import ReportData
_ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
FIGURE_BINS = 1500
TABLE_BINS = 60
HEATMAP_BINS = 150


class Run(Archive):
    """One run: its tables (`requests`, `errors`, `users`, `generators`, `signals`, `events`, `exemplars`, `metrics`)
    as DataFrames with the columns of `loadlab.schema`, and what follows from them.

    The statistics cover the whole run, ramp included; `stages` and the verdict leave the ramp out.
    """

    @property
    def duration_s(self) -> float | None:
        """Seconds under load: from the start of the test until users were told to stop; None if it never began."""
        from loadlab.analyse import stage_windows

        windows = stage_windows(self.events)
        if windows.empty:
            return None
        return float((windows["end"].iloc[-1] - windows["start"].iloc[0]).total_seconds())

    def timeline(self, resolution: str = "1s", by: str | None = None, **options: Any) -> pd.DataFrame:
        """Rates and percentiles over time; see `loadlab.analyse.timeline`. `by="name"` gives each endpoint its rows,
        `by="region"` each region."""
        from loadlab.analyse import timeline

        return timeline(self.requests, resolution, by, **options)

    def summary(self, by: str | Sequence[str] = "name", *, intended: bool = False) -> pd.DataFrame:
        """Statistics for each endpoint and for all; see `loadlab.analyse.summarise`. `by="region"`: for each region.

        `intended=True` adds the latencies from the intended start, for users with a fixed pace.
        """
        from loadlab.analyse import summarise

        return summarise(self.requests, self.duration_s, by=by, intended=intended)

    @property
    def regions(self) -> list[str]:
        """The regions that the load came from; none where it all came from one place."""
        return list(self.info.get("regions") or ())

    def stages(self) -> pd.DataFrame:
        """Statistics for each load stage, its ramp left out; see `loadlab.analyse.summarise_stages`."""
        from loadlab.analyse import summarise_stages

        return summarise_stages(self.requests, self.events)

    def failures(self) -> pd.DataFrame:
        """Failures grouped by kind and message, the most frequent first; see `loadlab.analyse.group_errors`."""
        from loadlab.analyse import group_errors

        return group_errors(self.errors)

    @property
    def conservation(self) -> dict[str, int]:
        """Where every request went: sent = ok + failed + in_flight + unreported + lost."""
        return dict(self.info.get("conservation") or {})

    @cached_property
    def validity(self) -> Validity:
        """Whether the test can be trusted, and why not; see `loadlab.analyse.check_validity`.

        It needs the samples for the highest percentile of its criteria; without criteria, for p99.
        """
        return self._check_validity(self.criteria)

    def _check_validity(self, criteria: Criteria) -> Validity:
        from loadlab.analyse import check_validity

        test = self.info["loadtest"]
        return check_validity(
            self.requests,
            self.generators,
            self.events,
            errors=self.errors,
            conservation=self.conservation,
            target_rps=test.get("target_rps"),
            end_reason=self.info.get("end_reason"),
            planned_s=sum(stage["duration"] for stage in test.get("stages") or ()) or test.get("run_time"),
            quantile=criteria.quantile or 0.99,
        )

    @property
    def criteria(self) -> Criteria:
        """What the test was to be judged by."""
        return Criteria.parse(self.info["loadtest"].get("criteria") or ())

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the run meets the criteria of its test; see `judge`."""
        return self.judge(self.criteria)

    def judge(self, criteria: Criteria | Criterion | str | Sequence[str | Criterion]) -> Verdict:
        """Whether the run meets `criteria`, such as ``"p99 < 300ms; error_ratio < 1%"`` (see docs/criteria.md).

        Of several contradicting answers the first counts: invalid for a run that cannot be trusted, failed with a
        broken criterion, invalid with one that cannot be judged, passed; without criteria unjudged. Raises SpecError
        for a text that is no criterion.
        """
        from loadlab.analyse import evaluate, judge
        from loadlab.analyse.criteria import TABLES

        asked = Criteria.parse(criteria)
        results = evaluate(asked, {name: getattr(self, name) for name in TABLES}) if asked else ()
        validity = self.validity if asked.quantile == self.criteria.quantile else self._check_validity(asked)
        return judge(asked, results, validity, end_reason=self.info.get("end_reason"))

    def judged_by(self, criteria: Criteria | Criterion | str | Sequence[str | Criterion]) -> Run:
        """This run with the verdict by other criteria, of which all its reports tell; its folder stays as it is.

        Raises SpecError.
        """
        other = Run(self.path)
        other.validity = other._check_validity(Criteria.parse(criteria))
        other.verdict = other.judge(criteria)
        return other

    def overview(self) -> LayoutDOM:
        """All charts over time, linked; a Bokeh layout. See `loadlab.plot.overview_figures`."""
        from loadlab import plot

        return plot.stack(self._parts().values())

    def _figures(self) -> dict[str, LayoutDOM]:
        """The figures of the report, by the names in `loadlab.report.FIGURES`, on one time axis."""
        from loadlab import plot

        parts = self._parts()
        figures: dict[str, LayoutDOM] = {"spectrum": self.spectrum(), "stages": self.latency_by_rps()}
        figures |= {name: parts.pop(name) for name in ("heatmap", "errors", "generators") if name in parts}
        return figures | {"timeline": plot.stack(parts.values())}

    def _parts(self) -> dict[str, Any]:
        from loadlab import analyse, plot

        resolution = self._resolution(FIGURE_BINS)
        return plot.overview_figures(
            analyse.timeline(self.requests, resolution),
            events=self._annotated_events,
            errors_by_kind=analyse.errors_by_kind(self.errors, resolution),
            users_table=self.users,
            heat=analyse.heatmap(self.requests, self._resolution(HEATMAP_BINS)),
            generators=self.generators,
        )

    def spectrum(self) -> LayoutDOM:
        """Response time by percentile; a Bokeh figure."""
        from loadlab import analyse, plot

        return plot.percentile_spectrum(analyse.spectrum(self.requests))

    def latency_by_rps(self) -> LayoutDOM:
        """Response time against throughput, a dot a second (or a longer bin of a long run), coloured by stage."""
        from loadlab import analyse, plot

        resolution = self._resolution(FIGURE_BINS)
        timeline = analyse.timeline(self.requests, resolution)
        stages = plot.stages_of_bins(timeline["time"], resolution, analyse.stage_windows(self.events))
        return plot.latency_by_rps(timeline.assign(stage=stages))

    def show(self, figure: LayoutDOM | None = None) -> None:
        """Show a figure, by default `overview`, in the output of the current notebook cell."""
        from loadlab import plot

        plot.show(self.overview() if figure is None else figure)

    def endpoints(self) -> Markup:
        """`summary` as the report's table of endpoints with small charts over time, for a notebook."""
        from loadlab import analyse
        from loadlab.report import render_table, render_table_text

        timelines = analyse.timeline(self.requests, self._resolution(TABLE_BINS), by="name")
        data = replace(self._numbers, endpoint_timelines=timelines)
        return Markup(render_table(data, "endpoints"), render_table_text(data, "endpoints"))

    def report_table(self, name: str) -> Markup:
        """One of the report's other tables, for a notebook: criteria, checks, endpoints, errors, events, exemplars,
        generators, regions or stages.

        Raises SpecError for another name.
        """
        from loadlab.report import render_table, render_table_text

        return Markup(render_table(self._numbers, name), render_table_text(self._numbers, name))

    def report(self, path: str | Path | S3Path | None = None, form: str = "html") -> ReportFile:
        """Write the report to a file or to ``s3://...``, by default ``report.html`` beside the run's other files; see
        `render` for its other forms.

        Raises SpecError for another form, ReportError when it cannot be written, StoreError when S3 refuses.
        """
        from loadlab.report import FORMATS

        return ReportFile.write(self.id, self.render(form), path or self.path / FORMATS.get(form, ""))

    def render(self, form: str) -> str:
        """The report as text: "html", "markdown" for a merge request, "junit" for a CI system, "json" (summary.json).

        Raises SpecError for another form.
        """
        from loadlab.report import render

        return render(self.report_data() if form == "html" else self._numbers, form)

    def __repr__(self) -> str:
        from loadlab.report import run_line

        return run_line(self._numbers)

    def _repr_html_(self) -> str:
        from loadlab.report import render_verdict

        return render_verdict(self._numbers)

    def report_text(self) -> str:
        """The run as plain text for a terminal."""
        from loadlab.report import render_text

        return render_text(self._numbers)

    def summary_dict(self) -> dict[str, Any]:
        """What summary.json holds."""
        from loadlab.report import summary_dict

        return summary_dict(self._numbers)

    @cached_property
    def _numbers(self) -> ReportData:
        return self.report_data(figures=False)

    def report_data(self, *, figures: bool = True) -> ReportData:
        """Everything that a report tells of this run; without `figures` only the numbers."""
        from loadlab import analyse
        from loadlab.report import ReportData

        parts: dict[str, Any] = {}
        if figures:
            coarse = self._resolution(TABLE_BINS)
            parts = {
                "timeline": analyse.timeline(self.requests, coarse),
                "endpoint_timelines": analyse.timeline(self.requests, coarse, by="name"),
                "figures": self._figures(),
            }
        return ReportData(
            info=self.info,
            validity=self.validity.to_dict(),
            verdict=self.verdict.to_dict(),
            kept_in=str(self.path),
            summary=self.summary(),
            errors=self.failures(),
            stages=self.stages(),
            users=self.users,
            generators=self.generators,
            events=self._annotated_events,
            exemplars=self.exemplars,
            regions=self.summary(by="region") if len(self.regions) > 1 else None,
            **parts,
        )

    @cached_property
    def _annotated_events(self) -> pd.DataFrame:
        """The events, and when each broken criterion first was."""
        from loadlab.plot import with_broken_criteria

        return with_broken_criteria(self.events, self.verdict.to_dict())

    def _resolution(self, bins: int) -> str:
        """The finest round resolution that gives at most about `bins` bins."""
        if self.requests.empty:
            return "1s"
        times = self.requests["time"]
        seconds = (times.max() - times.min()).total_seconds() + 1
        fitting = (step for step in _ROUND_S if seconds / step <= bins)
        return f"{next(fitting, math.ceil(seconds / bins / 3600) * 3600)}s"
