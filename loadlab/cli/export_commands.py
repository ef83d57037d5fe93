"""The commands that send a run elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from loadlab.cli.group import SuggestingGroup
from loadlab.cli.openmetrics_command import openmetrics
from loadlab.cli.output import echo
from loadlab.cli.run_options import run_argument, runs_option
from loadlab.spec import read_duration, read_pairs, writable_file

if TYPE_CHECKING:
    from loadlab.exporting import Exports
    from loadlab.results import Run
    from loadlab.spec import LoadTest


@click.group(cls=SuggestingGroup, short_help="Send a run to another place.")
def export() -> None:
    """Send the numbers of a recorded run to another place: look at the plan, then send.

    The same command again sends only what was not accepted yet, or replaces what was sent.
    """


export.add_command(openmetrics)


@export.command(short_help="Send a run to Amazon CloudWatch.")
@run_argument
@runs_option
@click.option("--namespace", metavar="TEXT", help="Namespace of the metrics.  [default: LoadLab/<service>]")
@click.option("--service", metavar="TEXT", help="Dimension of every metric.  [default: the run's label service]")
@click.option("--environment", metavar="TEXT", help="Dimension of every metric.  [default: the label environment]")
@click.option("--resolution", metavar="1s|1m", default="1m", show_default=True, help="Of the metrics.")
@click.option("--run-id", is_flag=True, help="The run's id is a dimension too: new metrics, and their price, each run.")
@click.option("--by-region", is_flag=True, help="Requests, failures and times of each region too.")
@click.option(
    "--max-names", metavar="N", type=int, default=100, show_default=True, help="Request names that are kept apart."
)
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would be sent, and what it costs.")
@click.option("--dry-run", metavar="FILE", help="Write the exact requests to FILE (.gz: compressed), send nothing.")
@click.option("--dashboard", is_flag=True, help="Make or update the dashboard of the service, too.")
@click.option("--alarms", is_flag=True, help="Make or update alarms for the criteria of the run's test, too.")
@click.option("--alarm", "alarm_texts", metavar="CRITERION", multiple=True, help="An alarm for this. May be repeated.")
@click.option("--action", "actions", metavar="ARN", multiple=True, help="What alarms tell, an SNS topic. Repeatable.")
@click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, help="Tag of new alarms. May be repeated.")
@click.option("--region", metavar="TEXT", help="Region of AWS.  [default: as boto3 finds it]")
@click.option("--profile", metavar="TEXT", help="Profile of the AWS configuration.")
@click.option("--endpoint-url", metavar="URL", help="Another address of CloudWatch, of a VPC endpoint say.")
@click.option("--account", metavar="N", help="Number of the account, where STS cannot be asked for it.")
@click.option("--timeout", metavar="TIME", default="10m", show_default=True, help="How long is tried in all.")
def cloudwatch(
    run_ref: str,
    runs_folder: str,
    only_plan: bool,
    dry_run: str | None,
    dashboard: bool,
    alarms: bool,
    alarm_texts: tuple[str, ...],
    actions: tuple[str, ...],
    tags: tuple[str, ...],
    timeout: str,
    **options: Any,
) -> None:
    """Send a recorded run to Amazon CloudWatch as metrics, with a dashboard and alarms where asked for.

    RUN is an id, the beginning of one, a path, or "latest", which it is without. Prints what it comes to, then sends
    it. docs/cloudwatch.md says what each metric is, what it costs, and which rights are needed.

    \b
    Examples:
      loadlab export cloudwatch --plan
      loadlab export cloudwatch r20261123-2106 --environment staging --dashboard
      loadlab export cloudwatch --dry-run requests.ndjson.gz
      loadlab export cloudwatch --alarm "p99 < 300ms for 5m" --action arn:aws:sns:eu-west-1:123456789012:load
    """
    from loadlab import exporting, workbench

    timeout_s = read_duration("--timeout", timeout) or 0.0
    pairs = read_pairs("--tag", tags)
    if dry_run is not None:
        writable_file(dry_run, "--dry-run")
    found = workbench.open_run(run_ref, runs_folder)
    extras = exporting.Extras(
        found, dashboard=dashboard, alarms=alarms, alarm_texts=alarm_texts, actions=actions, tags=pairs, **options
    )
    plan = exporting.plan_cloudwatch(found, **options)
    if only_plan:
        echo(plan)
        made = extras.planned()
    else:
        make = extras.prepare()
        if dry_run is None:
            echo(plan.send(timeout_s=timeout_s, begin=echo))
        else:
            echo(plan)
            echo(plan.rehearse(dry_run))
        made = make(dry_run)
    for each in made:
        echo(each)


def read_exports(places: Sequence[str], test: LoadTest) -> Exports | None:
    """What --export of `loadlab run` names, checked before any load; None, and nothing is loaded, without it."""
    if not places:
        return None
    from loadlab.exporting import Exports

    return Exports(places, test)


def finish_exports(exports: Exports, run: Run, say: Callable[[str], None]) -> bool:
    """Send the rest of a recorded run, and say what became of it. False when something could not be sent: the run and
    its verdict stand all the same."""
    receipts, errors = exports.finish(run)
    for receipt in receipts:
        say(str(receipt))
    for error in errors:
        click.echo(f"loadlab: {error}", err=True)
    return not errors


COMMANDS = (export,)
"""What sends results elsewhere."""
