"""What people call: `loadlab.export.cloudwatch` and its fellows, each a call in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from loadlab.errors import SpecError
from loadlab.export.arguments import check_names, check_run
from loadlab.export.aws.alarms import AlarmReport, plan_alarms, put_alarms, write_alarms
from loadlab.export.aws.dashboard import (
    Dashboard,
    check_dashboard_name,
    default_dashboard_name,
    put_dashboard,
    render_dashboard,
    write_dashboard,
)
from loadlab.export.aws.live import LiveExport
from loadlab.export.aws.metrics import plan_metrics
from loadlab.export.aws.session import Access
from loadlab.export.aws.target import read_target
from loadlab.export.plan import Plan
from loadlab.export.receipt import Receipt
from loadlab.export.source import LiveSource, Source


def plan_cloudwatch(
    run: Source,
    namespace: str | None = None,
    *,
    service: str | None = None,
    environment: str | None = None,
    resolution: str | float = "1m",
    run_id: bool = False,
    by_region: bool = False,
    max_names: int = 100,
    ledger: str | Path | None = None,
    again: str = "",
    **access: Any,
) -> Plan:
    """What `cloudwatch` would send of a recorded run: how many metrics, datums, requests and dollars. No network.

    Args:
        run: a recorded run.
        namespace: of the metrics, "LoadLab/<service>" when it is not given.
        service, environment: dimensions of every metric; the run's labels of that name when they are not given.
        resolution: "1m", or "1s" for high-resolution metrics.
        run_id: whether the run's id is a dimension too. Then every run makes new metrics, which cost as such.
        by_region: whether requests, failures and response times are sent for each region of the run too.
        max_names: how many request names are kept apart; the rarest of more are counted together.
        ledger: the file that says what was accepted; in the run's folder when it is not given.
        again: how to ask for the rest, for the message of an error.
        access: session, profile, region, endpoint_url and account; see `loadlab.export.Access`.

    Raises:
        SpecError: a wrong argument, or no service or environment.
    """
    check_names(access, Access)
    check_run(run)
    return plan_metrics(
        run,
        Access(**access),
        ledger=None if ledger is None else Path(ledger),
        again=again,
        namespace=namespace,
        service=service,
        environment=environment,
        resolution=resolution,
        run_id=run.id if run_id else None,
        by_region=by_region,
        max_names=max_names,
    )


@overload
def cloudwatch(run: LiveSource, namespace: str | None = None, **options: Any) -> LiveExport: ...


@overload
def cloudwatch(
    run: Source,
    namespace: str | None = None,
    *,
    dry_run: bool | str | Path = False,
    timeout_s: float = 600.0,
    **options: Any,
) -> Receipt: ...


def cloudwatch(
    run: Source | LiveSource,
    namespace: str | None = None,
    *,
    dry_run: bool | str | Path = False,
    timeout_s: float = 600.0,
    **options: Any,
) -> Receipt | LiveExport:
    """Send a run to CloudWatch: what was not sent before, because a ledger in its folder says what was.

    A recorded run is sent now. A run that goes on is sent period by period while it goes on; `finish` of what is
    returned sends the rest of the recorded run: ``sending = cloudwatch(live); run = live.wait(); sending.finish(run)``.

    `options` are those of `plan_cloudwatch`. With `dry_run` the exact bodies are written to that file, or with True to
    cloudwatch-dry-run.ndjson, and nothing is sent. `timeout_s` is how long is tried in all when CloudWatch throttles or
    cannot be reached.

    Raises:
        SpecError: a wrong argument, or no service or environment.
        ExportError: no credentials and where they were looked for, data too old or ahead, or not everything was sent:
            what was, what was not, and how to send the rest. Of a run that goes on these are kept in `errors` instead.
    """
    check_names(options, plan_cloudwatch, Access)
    if isinstance(run, LiveSource):
        if dry_run is not False:
            raise SpecError("dry_run", dry_run, "False for a run that goes on: what it will send is not known yet")
        return _follow(run, namespace=namespace, **options)
    plan = plan_cloudwatch(run, namespace, **options)
    if dry_run is False:
        return plan.send(timeout_s=timeout_s)
    return plan.rehearse("cloudwatch-dry-run.ndjson" if dry_run is True else dry_run)


def _follow(
    live: LiveSource,
    *,
    ledger: str | Path | None = None,
    run_id: bool = False,
    again: str = "",
    session: Any = None,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    account: str | None = None,
    **options: Any,
) -> LiveExport:
    options = {**options, "run_id": live.id if run_id else None}
    target = read_target(live.labels, **options)
    access = Access(session, profile, region, endpoint_url, account)
    file = None if ledger is None else Path(ledger)
    return LiveExport(live, target, access, file, options | {"again": again})


def cloudwatch_dashboard(
    runs: Source | Sequence[Source] = (),
    namespace: str | None = None,
    *,
    service: str | None = None,
    environment: str | None = None,
    name: str | None = None,
    dry_run: bool | str | Path = False,
    timeout_s: float = 120.0,
    **access: Any,
) -> Dashboard:
    """Make or update the dashboard of a service: response times, throughput, errors, users, saturation, marked runs.

    Args:
        runs: a recorded run or several: the latest 20 are marked, and the latest tells which business metrics and
            signals there are.
        namespace, service, environment: as `cloudwatch` has them; service and environment from the first run's labels.
        name: of the dashboard, LoadLab-<service>-<environment> when it is not given.
        dry_run: a file (True: cloudwatch-dashboard.json) that the body is written to; nothing is sent then.
        timeout_s: how long is tried when CloudWatch throttles or cannot be reached.
        access: session, profile, region, endpoint_url and account; see `loadlab.export.Access`.

    The same input makes the same dashboard; where it is there already nothing is put.

    Raises:
        SpecError: a wrong argument, or no service or environment.
        ExportError: no credentials and where they were looked for, or CloudWatch refused.
    """
    check_names(access, Access)
    several = list(runs) if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    for run in several:
        check_run(run, "runs")
    labels = several[0].info.get("labels") or {} if several else {}
    target = read_target(labels, namespace=namespace, service=service, environment=environment)
    called = check_dashboard_name(name) if name is not None else default_dashboard_name(target)
    reach = Access(**access)
    if dry_run is not False:
        body = render_dashboard(several, target, reach.region_name())
        return write_dashboard(called, body, Path("cloudwatch-dashboard.json" if dry_run is True else dry_run))
    body = render_dashboard(several, target, reach.client().meta.region_name)
    return put_dashboard(called, body, reach, timeout_s=timeout_s)


def cloudwatch_alarms(
    criteria: object,
    run: Source | None = None,
    namespace: str | None = None,
    *,
    service: str | None = None,
    environment: str | None = None,
    resolution: str | float = "1m",
    actions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    dry_run: bool | str | Path = False,
    timeout_s: float = 300.0,
    **access: Any,
) -> AlarmReport:
    """Make or update an alarm for each criterion that CloudWatch can express, and say of the others why not.

    Args:
        criteria: text such as "p99 < 300ms; rps < 1 for 5m", criteria, or a list of them; see docs/criteria.md.
        run: a recorded run that tells service, environment, request types and kinds of metrics, where they are missing.
        namespace, service, environment: as `cloudwatch` has them.
        resolution: that the metrics are sent with: with "1s" a period can be 10, 20 or 30 s.
        actions: up to five ARNs, of SNS topics say, that are told when an alarm goes off.
        tags: of new alarms.
        dry_run: a file (True: cloudwatch-alarms.ndjson) that the parameters are written to; nothing is sent then.
        timeout_s: how long is tried when CloudWatch throttles or cannot be reached.
        access: session, profile, region, endpoint_url and account; see `loadlab.export.Access`.

    The same criteria make alarms of the same names; where one is there already as it should be nothing is put.

    Raises:
        SpecError: a wrong criterion or argument, or no service or environment.
        ExportError: no credentials and where they were looked for, or which alarms were made and which not.
    """
    check_names(access, Access)
    if run is not None:
        check_run(run)
    labels = run.info.get("labels") or {} if run is not None else {}
    target = read_target(labels, namespace=namespace, service=service, environment=environment, resolution=resolution)
    report = plan_alarms(criteria, target, run, actions=actions, tags=tags)
    reach = Access(**access)
    if dry_run is not False:
        return write_alarms(report, Path("cloudwatch-alarms.ndjson" if dry_run is True else dry_run))
    return put_alarms(report, reach, timeout_s=timeout_s)
