"""What people call: `loadlab.export.cloudwatch`, `plan_cloudwatch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.export.aws.metrics import plan_metrics
from loadlab.export.aws.session import Access
from loadlab.export.plan import Plan
from loadlab.export.receipt import Receipt

if TYPE_CHECKING:
    from loadlab.export.source import Source


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


def cloudwatch(
    run: Source,
    namespace: str | None = None,
    *,
    dry_run: bool | str | Path = False,
    timeout_s: float = 600.0,
    **options: Any,
) -> Receipt:
    """Send a recorded run to CloudWatch: what was not sent before, because a ledger in its folder says what was.

    `options` are those of `plan_cloudwatch`. With `dry_run` the exact bodies are written to that file, or with True to
    one in the run's folder, and nothing is sent. `timeout_s` is how long is tried in all when CloudWatch throttles or
    cannot be reached.

    Raises:
        SpecError: a wrong argument, or no service or environment.
        ExportError: no credentials and where they were looked for, data too old or ahead, or not everything was sent:
            what was, what was not, and how to send the rest.
    """
    plan = plan_cloudwatch(run, namespace, **options)
    if dry_run is False:
        return plan.send(timeout_s=timeout_s)
    path = Path(run.path) / "exports" / "cloudwatch-dry-run.ndjson" if dry_run is True else Path(dry_run)
    return plan.rehearse(path)
