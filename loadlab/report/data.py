"""What a report is made of: plain values, tables and figures that somebody else has computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadlab.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

UNJUDGED: Mapping[str, Any] = {"status": "unjudged", "reasons": [], "criteria": []}
"""The verdict on a run that nobody has judged."""

FIGURES = {
    "timeline": "Response times, throughput and users over time",
    "heatmap": "Distribution of response times over time",
    "spectrum": "Response time by percentile",
    "stages": "Response time against throughput",
    "errors": "Errors a second by kind over time",
    "generators": "CPU, lag and memory of the load generators over time",
}
"""Names of the figures that a report has a place for, in their order, and what each shows."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything that the HTML report, the terminal summary and summary.json tell of one run.

    The report computes nothing: whoever wires the parts hands over the results, with the columns named here.

    info
        The contents of run.json: id, status, loadtest, launcher, started, ended, end_reason, versions, git, host,
        clock_offsets, conservation, labels, command.
    validity
        ``Validity.to_dict()``: status ("valid", "warning" or "invalid") and checks (each with name, status, text).
    verdict
        ``Verdict.to_dict()``: status ("passed", "failed", "invalid" or "unjudged"), reasons, and criteria (each with
        criterion, status, text, value, threshold, unit, samples, first_broken).
    summary
        ``analyse.summarise(requests)``: a row a (request_type, name), the last row for all ("Aggregated").
    errors
        ``analyse.group_errors(errors)``: kind, message, request_type, name, count, first_seen, last_seen, sample,
        share.
    stages
        ``analyse.summarise_stages(requests, events)``; shown when it has more than one row. None without.
    timeline
        ``analyse.timeline(...)`` at a resolution that leaves some 60 rows at most: the figures as numbers. None
        without.
    endpoint_timelines
        ``analyse.timeline(..., by="name")`` at that resolution: the small line charts of p95. None without.
    regions
        ``analyse.summarise(requests, by="region")``. None where all load came from one place.
    users, generators, events, exemplars
        The tables of that name as schema.py has them. None without.
    kept_in
        The folder or address that the run is kept in, "" where that is not to be told.
    figures
        Bokeh models by the names in FIGURES: figures or layouts, data already thinned. All of them are put into one
        document, so ranges shared between them stay linked.
    """

    info: Mapping[str, Any]
    validity: Mapping[str, Any]
    summary: pd.DataFrame
    errors: pd.DataFrame
    stages: pd.DataFrame | None = None
    timeline: pd.DataFrame | None = None
    endpoint_timelines: pd.DataFrame | None = None
    regions: pd.DataFrame | None = None
    users: pd.DataFrame | None = None
    generators: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    exemplars: pd.DataFrame | None = None
    verdict: Mapping[str, Any] = field(default_factory=lambda: UNJUDGED)
    kept_in: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.figures:
            if name not in FIGURES:
                raise SpecError.unknown("figure", name, FIGURES)

    @property
    def total(self) -> Mapping[str, Any]:
        """The summary's row for all requests."""
        return {str(column): value for column, value in self.summary.iloc[-1].items()}

    @property
    def endpoints(self) -> pd.DataFrame:
        """The summary's rows by name, the worst first: by error ratio (in whole percent), then by p95."""
        named = self.summary.iloc[:-1]
        order = named.assign(error_step=named["error_ratio"].fillna(0).round(2))
        worst = order.sort_values(["error_step", "p95_ms", "count"], ascending=False, na_position="last", kind="stable")
        return worst.drop(columns="error_step")
