"""What people call: `loadlab.export.openmetrics`, `plan_openmetrics`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.errors import SpecError
from loadlab.export.arguments import check_names, check_run
from loadlab.export.plan import Parcel, Place, Plan
from loadlab.export.prometheus.build import build_families
from loadlab.export.prometheus.family import Labels, readable
from loadlab.export.prometheus.places import TEXTFILE_SUFFIX, StandardOutput, TextFile, read_path
from loadlab.export.prometheus.pushgateway import Pushgateway, read_pushgateway
from loadlab.export.prometheus.target import Target, check_form, read_target
from loadlab.export.prometheus.text import render
from loadlab.export.receipt import Receipt
from loadlab.spec import hide_host

if TYPE_CHECKING:
    from loadlab.export.source import Source

STANDARD_OUTPUT = "-"
JOB = "loadlab"


def plan_openmetrics(
    run: Source,
    to: str | Path = STANDARD_OUTPUT,
    *,
    form: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    resolution: str | float | None = None,
    le: list[str | float] | None = None,
    run_id: bool = False,
    by_region: bool = False,
    max_names: int = 100,
    job: str | None = None,
    instance: str | None = None,
    again: str = "",
) -> Plan:
    """What `openmetrics` would write or send of a recorded run: how many families, series, samples and bytes.

    No network, no file.

    Args:
        run: a recorded run.
        to: a file, "-" for standard output, or the URL of a Pushgateway, which may hold user and password.
        form: "prometheus" (a run's totals in the Prometheus text format: for a Pushgateway and a textfile collector),
            "openmetrics" (the same in OpenMetrics), or "backfill" (the run over time, OpenMetrics with timestamps, for
            ``promtool tsdb create-blocks-from openmetrics``). When it is not given: prometheus for a URL and for a file
            ``*.prom``, backfill for another file, openmetrics for standard output.
        service, environment: labels of every series; the run's labels of that name when they are not given.
        resolution: of a backfill, how far apart its samples are: whole seconds, "1s" when it is not given.
        le: upper bounds of the histogram, such as ["100ms", "300ms", 1.0]; each becomes the run's own bucket bound
            nearest to it, within 1 %. When it is not given: 28 bounds from 0.082 ms to 59.9 s.
        run_id: whether the run's id is a label too. Then every run makes new series.
        by_region: whether requests, failures and response times have the region as a label.
        max_names: how many request names are kept apart; the rarest of more are counted together.
        job, instance: of a Pushgateway's group, beside service and environment; "loadlab" and none.
        again: how to ask for the rest, for the message of an error.

    Raises:
        SpecError: a wrong argument, no service or environment, a form that the place does not take, or more samples
            than can be written.
    """
    check_run(run)
    _check_place(to)
    target = read_target(
        run.info.get("labels") or {},
        _form(to, form),
        service=service,
        environment=environment,
        run_id=run.id if run_id else None,
        resolution=resolution,
        le=le,
        by_region=by_region,
        max_names=max_names,
    )
    place = _place(to, target, job, instance)
    built = build_families(run.table, target)
    body = render(built.families, openmetrics=target.form != "prometheus")
    samples = sum(family.sample_count for family in built.families)
    return Plan(
        title=f"Run {run.id} to {_where(place)}, {', '.join(f'{name} {value}' for name, value in target.base)}",
        numbers={
            "families": len(built.families),
            "series": sum(family.series_count for family in built.families),
            "samples": samples,
            "bytes": len(body),
        },
        notes=(*built.notes, *_notes(place, target)),
        parcels=(Parcel(body, samples, f"the {target.form} text"),),
        place=place,
        folder=run.path,
        replaces=True,
        again=again or Plan.again,
    )


def openmetrics(
    run: Source,
    to: str | Path = STANDARD_OUTPUT,
    *,
    dry_run: bool | str | Path = False,
    timeout_s: float = 60.0,
    **options: Any,
) -> Receipt:
    """Write a recorded run as OpenMetrics or Prometheus text, to a file or standard output, or put it to a Pushgateway.

    What is there of an earlier run is replaced, so doing it again changes nothing. `options` are those of
    `plan_openmetrics`. With `dry_run` the exact text is written to that file, or with True to openmetrics-dry-run.txt,
    and nothing is sent. `timeout_s` is how long is tried in all when a Pushgateway is slow or cannot be reached.

    Raises:
        SpecError: see `plan_openmetrics`.
        ExportError: it was not accepted, with the reason, or could not be written.
    """
    check_names(options, plan_openmetrics)
    plan = plan_openmetrics(run, to, **options)
    if dry_run is False:
        return plan.send(timeout_s=timeout_s)
    return plan.rehearse("openmetrics-dry-run.txt" if dry_run is True else dry_run)


def _check_place(to: Any) -> None:
    """Raise SpecError for what is neither a file nor a URL, also for an address whose http:// was forgotten."""
    allowed = "a file, the URL of a Pushgateway (http:// or https://), or - for standard output"
    if not isinstance(to, (str, Path)) or not str(to):
        raise SpecError("to", to, allowed)
    foreign = "://" in str(to) or re.fullmatch(r"([^/]*@)?[\w.-]+:\d+/?", str(to))
    if isinstance(to, str) and foreign and not _is_url(to):
        raise SpecError("to", hide_host(to), allowed)


def _is_url(to: str | Path) -> bool:
    return isinstance(to, str) and re.match(r"https?:", to, re.IGNORECASE) is not None


def _form(to: str | Path, form: str | None) -> str:
    """The form that was given if the place takes it, or the place's own. Raises SpecError."""
    textfile = not _is_url(to) and Path(to).suffix == TEXTFILE_SUFFIX
    if form is None:
        return "openmetrics" if to == STANDARD_OUTPUT else "prometheus" if _is_url(to) or textfile else "backfill"
    if check_form(form) != "prometheus" and (_is_url(to) or textfile):
        who = "a Pushgateway" if _is_url(to) else f"a textfile collector, which reads *{TEXTFILE_SUFFIX},"
        raise SpecError("form", form, f"prometheus: {who} takes neither OpenMetrics nor timestamps")
    return form


def _place(
    to: str | Path, target: Target, job: str | None, instance: str | None
) -> TextFile | StandardOutput | Pushgateway:
    if _is_url(to):
        return read_pushgateway(str(to), _grouping(target, JOB if job is None else job, instance))
    for field, value in (("job", job), ("instance", instance)):
        if value is not None:
            raise SpecError(field, value, "none: only a Pushgateway has it")
    return StandardOutput() if to == STANDARD_OUTPUT else TextFile(read_path(to))


def _grouping(target: Target, job: str, instance: str | None) -> Labels:
    if not job.strip():
        raise SpecError("job", job, "text that is not blank")
    grouping = [("job", readable(job)), *(label for label in target.base if label[0] != "run_id")]
    return (*grouping, *([("instance", readable(instance))] if instance else []))


def _where(place: Place) -> str:
    if isinstance(place, Pushgateway):
        return f"the Pushgateway {place.base}, job {place.grouping[0][1]}"
    return str(place.path) if isinstance(place, TextFile) else "standard output"


def _notes(place: Place, target: Target) -> list[str]:
    notes = []
    if isinstance(place, Pushgateway):
        notes.append("The Pushgateway keeps this until another run with the same labels replaces it or it is deleted.")
    if target.over_time:
        notes.append(
            "For promtool tsdb create-blocks-from openmetrics; Prometheus drops what its retention has passed."
        )
    return notes
