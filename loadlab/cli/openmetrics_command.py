"""The commands that bring a run to other places. Each shows its plan, writes what it would send, or sends it."""

from __future__ import annotations

from typing import Any

import click

from loadlab.cli.group import CommandGroup
from loadlab.cli.output import echo
from loadlab.spec import read_duration, writable_file

_run_argument = click.argument("run_ref", metavar="[RUN]", default="latest")
_runs_option = click.option(
    "--runs", "runs_folder", metavar="DIR", default="runs", show_default=True, help="Folder that keeps the runs."
)
_service = click.option("--service", metavar="NAME", help="Whose numbers they are.  [default: the run's label service]")
_environment = click.option(
    "--environment", metavar="NAME", help="Where it runs.  [default: the run's label environment]"
)
_run_id = click.option("--run-id", is_flag=True, help="The run's id as a label too: every run makes new series.")
_by_region = click.option("--by-region", is_flag=True, help="Tell the regions of the run apart.")
_max_names = click.option(
    "--max-names", metavar="N", type=int, default=100, show_default=True, help="Request names that are kept apart."
)
_plan = click.option("--plan", "plan_only", is_flag=True, help="Only say what it would come to.")
_dry_run = click.option("--dry-run", metavar="FILE", help="Write exactly what would be sent to FILE, and send nothing.")
_timeout = click.option("--timeout", metavar="TIME", default="1m", show_default=True, help="How long to try in all.")


@click.group(cls=CommandGroup, short_help="Bring a run to another place.")
def export() -> None:
    """Bring a run to another place."""


@export.command("openmetrics", short_help="As OpenMetrics or Prometheus text.")
@_run_argument
@_runs_option
@click.option(
    "--to",
    metavar="PLACE",
    default="-",
    show_default=True,
    help="A file, the URL of a Pushgateway, or - for standard output.",
)
@click.option(
    "--form",
    metavar="NAME",
    help="prometheus: the totals in the Prometheus text format; openmetrics: the same in OpenMetrics; "
    "backfill: the run over time in OpenMetrics.  "
    "[default: prometheus for a URL and *.prom, backfill for another file, else openmetrics]",
)
@_service
@_environment
@click.option("--resolution", metavar="TIME", help="How far apart the samples of a backfill are.  [default: 1s]")
@click.option(
    "--le",
    metavar="TIME",
    multiple=True,
    help="A bound of the histogram, such as 300ms; repeat it.  [default: 28 bounds from 0.08 ms to 60 s]",
)
@_run_id
@_by_region
@_max_names
@click.option("--job", metavar="NAME", help="Job of the Pushgateway's group.  [default: loadlab]")
@click.option("--instance", metavar="NAME", help="Instance of the Pushgateway's group.")
@_plan
@_dry_run
@_timeout
def openmetrics(
    run_ref: str,
    runs_folder: str,
    to: str,
    le: tuple[str, ...],
    plan_only: bool,
    dry_run: str | None,
    timeout: str,
    **options: Any,
) -> None:
    """Write a run as OpenMetrics or Prometheus text to a file or to standard output, or put it to a Pushgateway.

    RUN is an id, the beginning of one, a path, or "latest", which it is without. What is there of an earlier run is
    replaced. A password belongs into ~/.netrc, not into the URL.

    \b
    Examples:
      loadlab export openmetrics --to /var/lib/node_exporter/loadlab.prom
      loadlab export openmetrics --to http://pushgateway:9091 --service shop --environment staging
      loadlab export openmetrics r20261123-2106 --to backfill.om --resolution 15s
    """
    from loadlab import export as exporters
    from loadlab import workbench

    if dry_run is not None:
        writable_file(dry_run, "--dry-run")
    timeout_s = read_duration("--timeout", timeout)
    found = workbench.open_run(run_ref, runs_folder)
    plan = exporters.plan_openmetrics(found, to, le=list(le) or None, again="the same command again", **options)
    if plan_only:
        echo(plan)
    elif dry_run is not None:
        echo(plan.rehearse(dry_run))
    else:
        receipt = plan.send(timeout_s=timeout_s or 0.0)
        click.echo(receipt, err=True) if to == "-" else echo(receipt)
