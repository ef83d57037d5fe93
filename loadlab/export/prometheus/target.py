"""As what a run goes to Prometheus: the form of the text, its labels, its bounds, and how fine it is in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadlab.errors import SpecError, nearest_name
from loadlab.export.labels import read_labels
from loadlab.export.prometheus.buckets import DEFAULT_BUCKETS, read_bounds
from loadlab.export.prometheus.family import Labels, readable
from loadlab.spec import parse_duration

FORMS: dict[str, str] = {
    "prometheus": "the totals of a run in the Prometheus text format 0.0.4, without timestamps",
    "openmetrics": "the totals of a run in OpenMetrics 1.0, without timestamps",
    "backfill": "a run over time in OpenMetrics 1.0, every sample with its timestamp",
}
"""What a run can be written as."""


@dataclass(frozen=True)
class Target:
    """Validated: as what a run is written. Made by `read_target`.

    form
        One of `FORMS`.
    base
        The labels that every series has: service, environment, and run_id where that was asked for.
    bounds
        The buckets of `loadlab.schema` whose upper bounds the histogram has.
    resolution_s
        How far apart the samples of a backfill are, whole seconds.
    by_region
        Whether requests, failures and response times have the region as a label.
    max_names
        How many request names are kept apart; the rarest of more are counted under ``(other)``.
    """

    form: str
    base: Labels
    bounds: tuple[int, ...] = DEFAULT_BUCKETS
    resolution_s: int = 1
    by_region: bool = False
    max_names: int = 100

    @property
    def over_time(self) -> bool:
        """Whether samples have timestamps."""
        return self.form == "backfill"


def read_target(
    labels: Mapping[str, str],
    form: str,
    *,
    service: str | None = None,
    environment: str | None = None,
    run_id: str | None = None,
    resolution: str | float | None = None,
    le: Sequence[str | float] | None = None,
    by_region: bool = False,
    max_names: int = 100,
) -> Target:
    """The target from arguments, and from the labels `service` and `environment` where they are not given.

    Raises SpecError.
    """
    service, environment = read_labels(labels, service=service, environment=environment)
    base = [("service", readable(service)), ("environment", readable(environment))]
    if run_id:
        base.append(("run_id", readable(run_id)))
    if isinstance(max_names, bool) or not isinstance(max_names, int) or max_names < 1:
        raise SpecError("max_names", max_names, "a whole number of 1 or more")
    if resolution is not None and form != "backfill":
        raise SpecError("resolution", resolution, f"none with the form {form}, which has no time; form='backfill' has")
    return Target(
        form=form,
        base=tuple(base),
        bounds=read_bounds(le),
        resolution_s=1 if resolution is None else _resolution_s(resolution),
        by_region=bool(by_region),
        max_names=max_names,
    )


def check_form(form: Any) -> str:
    """The form, or SpecError with the nearest one."""
    if form not in FORMS:
        allowed = "; ".join(f"{name}: {what}" for name, what in FORMS.items())
        raise SpecError("form", form, allowed, nearest=nearest_name(str(form), FORMS))
    return str(form)


def _resolution_s(resolution: str | float) -> int:
    seconds = parse_duration(resolution) if isinstance(resolution, str) else resolution
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 1 or seconds != int(seconds):
        raise SpecError("resolution", resolution, "whole seconds, such as 1s, 15s or 1m")
    return int(seconds)
