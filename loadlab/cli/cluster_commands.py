"""The commands about Kubernetes: what would be installed, what is there, and its removal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadlab.cli.exit_codes import UNEXPECTED
from loadlab.cli.loadtest_options import kubernetes_options, loadtest_options, read_kubernetes, read_test
from loadlab.cli.output import echo
from loadlab.spec import read_duration, read_pairs

_test_file = click.argument("test_file", metavar="[TEST.yaml]", required=False, type=click.Path(path_type=Path))
_context = click.option("--context", metavar="TEXT", help="Context of the kubeconfig; none: the current one.")
_namespace = click.option("--namespace", metavar="TEXT", help="Namespace to look in; none: the context's own.")


@click.command(short_help="Print the Helm values of a test.")
@_test_file
@loadtest_options(hidden=True)
@kubernetes_options(hidden=True)
def values(test_file: Path | None, **fields: Any) -> None:
    """Print the Helm values that a test would be installed with, your own files and settings over loadlab's.

    Takes a TEST.yaml and all options of `loadlab run` about the test and about Kubernetes. No cluster is asked. The
    run's token and the values of environment variables are masked.

    \b
    Examples:
      loadlab values checkout.yaml --workers 20
      loadlab values checkout.yaml --set worker.resources.requests.cpu=2
    """
    from loadlab import clusters

    echo(clusters.values_yaml(read_test(test_file, fields), **read_kubernetes(fields)).rstrip("\n"))


@click.command(short_help="Print what Helm would apply for a test.")
@_test_file
@loadtest_options(hidden=True)
@kubernetes_options(hidden=True)
def manifests(test_file: Path | None, **fields: Any) -> None:
    """Print the manifests that a test would be installed as: its ConfigMaps, then what Helm renders.

    Takes a TEST.yaml and all options of `loadlab run` about the test and about Kubernetes. No cluster is asked, and
    the token in them is one that no run uses.

    \b
    Examples:
      loadlab manifests checkout.yaml --workers 20 | kubectl apply --dry-run=server -f -
    """
    from loadlab import clusters

    echo(clusters.manifests_yaml(read_test(test_file, fields), **read_kubernetes(fields)).rstrip("\n"))


@click.command(short_help="List the swarms in a cluster.")
@_context
@_namespace
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Look into all namespaces of the cluster.")
def swarms(context: str | None, namespace: str | None, everywhere: bool) -> None:
    """List every swarm that loadlab owns in a namespace: its run, owner, age, and when it ends by itself.

    \b
    Examples:
      loadlab swarms --namespace load
    """
    from loadlab import clusters
    from loadlab.cli.tables import format_swarms

    with clusters.open_cluster(context, namespace) as cluster:
        found = clusters.find_swarms(cluster, everywhere=everywhere)
        where = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        echo(format_swarms(found) if found else f"no swarms in {where} of {cluster.context}")


@click.command(short_help="End a swarm in a cluster.")
@click.argument("name", metavar="NAME")
@_context
@_namespace
@click.pass_context
def stop(ctx: click.Context, /, name: str, context: str | None, namespace: str | None) -> None:
    """End a swarm and remove everything of it, whoever started it. Its owner's run ends with what was measured.

    NAME is the id of its run, the beginning of one, or the name of its release.

    \b
    Examples:
      loadlab stop r20261123-210640-x7k2 --namespace load
    """
    from loadlab import clusters

    with clusters.open_cluster(context, namespace) as cluster:
        swarm = clusters.find_swarm(cluster, name)
        _remove(ctx, cluster, [swarm])


@click.command(short_help="Remove orphaned swarms from a cluster.")
@_context
@_namespace
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.pass_context
def gc(ctx: click.Context, /, context: str | None, namespace: str | None, dry_run: bool) -> None:
    """Remove every swarm whose time is over, or that has no running pod any more.

    A swarm ends by itself when nobody reads it; what Kubernetes does not remove then, this does.

    \b
    Examples:
      loadlab gc --namespace load --dry-run
    """
    from loadlab import clusters

    with clusters.open_cluster(context, namespace) as cluster:
        over = clusters.find_orphans(cluster)
        if not over:
            echo(f"nothing to remove in namespace {cluster.namespace} of {cluster.context}")
        elif dry_run:
            for swarm in over:
                echo(f"would remove {swarm.release} (owner {swarm.owner or 'unknown'})")
        else:
            _remove(ctx, cluster, over)


@click.command(short_help="Print the Role that loadlab needs.")
@click.option("--name", metavar="NAME", default="loadlab", show_default=True, help="Name of the Role and its binding.")
@click.option("--namespace", metavar="NAME", required=True, help="Namespace that it is for.")
@click.option("--service-account", metavar="NAME", default="", help="Bind it to this ServiceAccount of the namespace.")
@click.option("--user", metavar="NAME", default="", help="Bind it to this user.")
def rbac(name: str, namespace: str, service_account: str, user: str) -> None:
    """Print a Role that allows exactly the calls that loadlab and helm make, and its binding.

    \b
    Examples:
      loadlab rbac --namespace load --user ana@example.com | kubectl apply -f -
    """
    from loadlab import clusters

    echo(clusters.role_yaml(name, namespace, service_account, user).rstrip("\n"))


@click.command(short_help="Print a CronJob that runs a notebook.")
@click.argument("notebook", metavar="NOTEBOOK")
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter.")
@click.option("--schedule", metavar="CRON", required=True, help="When, such as '0 2 * * *' or @daily.")
@click.option("--time-zone", metavar="NAME", default="", help="Zone of the schedule, such as Europe/Berlin.")
@click.option("--image", metavar="IMAGE", required=True, help="Image with loadlab, helm and the notebooks.")
@click.option("--namespace", metavar="NAME", required=True, help="Namespace of the CronJob.")
@click.option("--service-account", metavar="NAME", default="loadlab", show_default=True, help="Account of its pods.")
@click.option(
    "--runs-claim",
    metavar="NAME",
    default="",
    help="PersistentVolumeClaim that keeps the runs; needless with -p runs=s3://bucket/prefix.",
)
@click.option("--timeout", metavar="TIME", help="End a run after so long, such as 2h.")
@click.option("--name", metavar="NAME", help="Name of the CronJob.  [default: from the notebook's]")
def cronjob(notebook: str, parameters: tuple[str, ...], timeout: str | None, name: str | None, **settings: str) -> None:
    """Print the manifest of a CronJob that runs a notebook inside the cluster at a schedule.

    Parameters are checked against the notebook as `loadlab notebook` checks them. Dockerfile in the project's folder
    makes the image.

    \b
    Examples:
      loadlab cronjob load_test -p launcher=kubernetes -p host=http://shop.staging.svc:80 \\
          --schedule @daily --image registry.example/loadlab:1 --namespace load --runs-claim runs
      loadlab cronjob load_test -p launcher=kubernetes -p host=http://shop.staging.svc:80 \\
          -p runs=s3://team-bucket/loadlab --schedule @daily --image registry.example/loadlab:1 --namespace load
    """
    from loadlab import clusters

    text = clusters.cron_job_yaml(
        notebook,
        read_pairs("-p", parameters),
        name=name,
        timeout_s=read_duration("--timeout", timeout),
        **settings,
    )
    echo(text.rstrip("\n"))


def _remove(ctx: click.Context, cluster: Any, found: list[Any]) -> None:
    """Remove swarms, say of each what became of it, and end with 4 when something of one is left."""
    from loadlab import clusters

    left = clusters.remove_swarms(cluster, found)
    for swarm in found:
        rest = left.get(swarm.release)
        echo(f"{swarm.release}: still there: {', '.join(rest)}" if rest else f"{swarm.release}: removed")
    ctx.exit(UNEXPECTED if left else 0)


COMMANDS = (values, manifests, swarms, stop, gc, rbac, cronjob)
"""What only Kubernetes needs."""
