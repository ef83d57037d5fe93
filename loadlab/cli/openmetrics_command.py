"""The command that brings a run to Prometheus and whatever else reads its formats."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from loadlab.cli.output import echo
from loadlab.cli.run_options import run_argument, runs_option
from loadlab.spec import read_duration, writable_file


@click.command(short_help="Write a run for Prometheus.")
@run_argument
@runs_option
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
@click.option("--service", metavar="TEXT", help="Label of every series.  [default: the run's label service]")
@click.option("--environment", metavar="TEXT", help="Label of every series.  [default: the label environment]")
@click.option("--resolution", metavar="TIME", help="How far apart the samples of a backfill are.  [default: 1s]")
@click.option(
    "--le",
    metavar="TIME",
    multiple=True,
    help="A bound of the histogram, such as 300ms. May be repeated.  [default: 28 bounds from 0.08 ms to 60 s]",
)
@click.option("--run-id", is_flag=True, help="The run's id is a label too: new series each run.")
@click.option("--by-region", is_flag=True, help="The region is a label of requests, failures and times.")
@click.option(
    "--max-names", metavar="N", type=int, default=100, show_default=True, help="Request names that are kept apart."
)
@click.option("--job", metavar="TEXT", help="Job of the Pushgateway's group.  [default: loadlab]")
@click.option("--instance", metavar="TEXT", help="Instance of the Pushgateway's group.")
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would be written or sent.")
@click.option("--dry-run", metavar="FILE", help="Write the exact text to FILE (.gz: compressed), send nothing.")
@click.option("--timeout", metavar="TIME", default="1m", show_default=True, help="How long is tried in all.")
def openmetrics(
    run_ref: str,
    runs_folder: str,
    to: str,
    le: tuple[str, ...],
    only_plan: bool,
    dry_run: str | None,
    timeout: str,
    **options: Any,
) -> None:
    """Write a run as OpenMetrics or Prometheus text to a file or to standard output, or put it to a Pushgateway.

    RUN is an id, the beginning of one, a path, or "latest", which it is without. What an earlier run has left there is
    replaced. A password belongs into ~/.netrc rather than into the URL. docs/openmetrics.md says what each metric is
    and which form is for which place.

    \b
    Examples:
      loadlab export openmetrics --to http://pushgateway:9091 --plan
      loadlab export openmetrics --to /var/lib/node_exporter/loadlab.prom
      loadlab export openmetrics r20261123-2106 --to backfill.om --resolution 15s
    """
    from loadlab import export, workbench

    if dry_run is not None:
        writable_file(dry_run, "--dry-run")
    timeout_s = read_duration("--timeout", timeout) or 0.0
    found = workbench.open_run(run_ref, runs_folder)
    plan = export.plan_openmetrics(found, to, le=list(le) or None, again="the same command again", **options)
    sends = not only_plan and dry_run is None
    tell = partial(click.echo, err=True) if sends and to == "-" else echo
    tell(plan)
    if sends:
        tell(plan.send(timeout_s=timeout_s))
    elif dry_run is not None and not only_plan:
        tell(plan.rehearse(dry_run))
