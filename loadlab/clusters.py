"""Swarms on Kubernetes, seen from outside a run: what a test would be installed as, what is there, its removal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.errors import LaunchError, SpecError
from loadlab.spec import KubernetesOptions, LoadTest, divide_test, yaml_document

if TYPE_CHECKING:
    import pandas as pd

    from loadlab.launch.cluster import Cluster
    from loadlab.launch.kubernetes import Plan
    from loadlab.launch.release import Found


def helm_values(test: LoadTest, **options: Any) -> dict[str, Any]:
    """The Helm values that `test` would be installed with, secrets masked; `options` are those of KubernetesOptions.

    Raises SpecError and HelmFailed, also with what the chart's schema refuses. No cluster is asked.
    """
    from loadlab.launch.user_values import masked

    plans = _plans(test, options)
    if len(plans) > 1:
        raise SpecError("context", ", ".join(plans), "one context here: each region has values of its own")
    return masked(plans[""].merged_values)


def values_yaml(test: LoadTest, **options: Any) -> str:
    """The values that `test` would be installed with as YAML; for several regions a document each."""
    from loadlab.launch.user_values import masked

    documents = {region: yaml_document(masked(plan.merged_values)) for region, plan in _plans(test, options).items()}
    if len(documents) == 1:
        return next(iter(documents.values())).removeprefix("---\n")
    return "".join(document.replace("\n", f"\n# {region}\n", 1) for region, document in documents.items())


def manifests_yaml(test: LoadTest, **options: Any) -> str:
    """What would be applied for `test`, as YAML documents, those of one region after those of another.

    No cluster is asked. Raises SpecError and HelmFailed.
    """
    plans = _plans(test, options)
    for plan in plans.values():
        plan.merged_values  # noqa: B018 - raises what contradicts the test
    return "".join(plan.manifests() for plan in plans.values())


def _plans(test: LoadTest, options: dict[str, Any]) -> dict[str, Plan]:
    """A plan a region, or one for the current context."""
    from loadlab.launch.kubernetes import PREVIEW, Plan

    given = KubernetesOptions(**options)
    if len(given.context) < 2:
        return {"": Plan(test, given, PREVIEW)}
    parts = divide_test(test, given.context)
    return {region: Plan(part, given.in_context(region), PREVIEW) for region, part in parts.items()}


def open_cluster(context: str | None = None, namespace: str | None = None) -> Cluster:
    """A connection to one namespace of a cluster, to be used in a ``with`` block. Raises ClusterUnreachable."""
    from loadlab.launch.cluster import Cluster

    return Cluster(context, namespace)


def swarms(context: str | None = None, namespace: str | None = None, *, everywhere: bool = False) -> pd.DataFrame:
    """A row a swarm that loadlab owns in the namespace, or `everywhere` in the cluster, the oldest first.

    Columns: run_id, release, namespace, owner (text), created, expires (UTC), pods (running ones), expired (bool).
    """
    import pandas as pd

    with open_cluster(context, namespace) as cluster:
        rows = [
            (
                each.run_id,
                each.release,
                each.namespace,
                each.owner,
                each.created,
                each.expires,
                running,
                each.is_expired,
            )
            for each, running in find_swarms(cluster, everywhere=everywhere)
        ]
    columns = ["run_id", "release", "namespace", "owner", "created", "expires", "pods", "expired"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("created", "expires"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    text = dict.fromkeys(("run_id", "release", "namespace", "owner"), "str")
    return frame.astype({**text, "pods": "int64", "expired": "bool"})


def find_swarms(cluster: Cluster, *, everywhere: bool = False) -> list[tuple[Found, int]]:
    """Every swarm that loadlab owns in the cluster's namespace, or `everywhere`, with the number of running pods."""
    from loadlab.launch import release
    from loadlab.launch.pod_state import is_over
    from loadlab.launch.values import RUN_LABEL

    pods = [pod for pod in cluster.list("pods", RUN_LABEL, everywhere=everywhere) if not is_over(pod)]
    runs = [(pod["metadata"]["namespace"], pod["metadata"]["labels"][RUN_LABEL]) for pod in pods]
    found = release.find_swarms(cluster, everywhere=everywhere)
    return [(each, runs.count((each.namespace, each.run_id))) for each in found]


def find_swarm(cluster: Cluster, name: str) -> Found:
    """The swarm of this run, unique beginning of a run's id, or release. Raises LaunchError, naming those there are."""
    found = [each for each, _ in find_swarms(cluster)]
    fitting = [each for each in found if name in (each.run_id, each.release)]
    fitting = fitting or [each for each in found if each.run_id.startswith(name) and name]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(each.run_id for each in found) or "none"
    what = "several swarms begin with" if fitting else "there is no swarm"
    raise LaunchError(f"{what} '{name}' in namespace {cluster.namespace}; there: {there}")


def find_orphans(cluster: Cluster) -> list[Found]:
    """The swarms whose time is over, or that have no running pod although their Jobs have ended. Of those that do not
    say when their time is over, also those without a running pod that were made too long ago to be starting."""
    from loadlab.launch.pod_state import has_ended
    from loadlab.launch.values import RUN_LABEL, STARTING_S

    now = datetime.now(UTC)
    jobs: dict[str, list[bool]] = {}
    for job in cluster.list("jobs", RUN_LABEL):
        jobs.setdefault(job["metadata"]["labels"][RUN_LABEL], []).append(has_ended(job))
    return [
        each
        for each, running in find_swarms(cluster)
        if each.is_expired
        or (not running and all(jobs.get(each.run_id, [False])))
        or (each.expires is None and not running and (now - each.created).total_seconds() > STARTING_S)
    ]


def remove_swarms(cluster: Cluster, found: list[Found]) -> dict[str, list[str]]:
    """Remove swarms and everything of them; release -> what is left of it, for those of which something is."""
    from loadlab.launch.helm import Helm
    from loadlab.launch.release import remove_all

    return remove_all(cluster, Helm(cluster.kubeconfig_context, cluster.namespace), found)


def role_yaml(name: str, namespace: str, service_account: str = "", user: str = "") -> str:
    """The Role that loadlab needs in a namespace, and its binding, as YAML documents."""
    from loadlab.launch.rbac import role_manifests

    return "".join(yaml_document(each) for each in role_manifests(name, namespace, service_account, user))


def cron_job_yaml(notebook: str, parameters: dict[str, str], *, name: str | None = None, **settings: Any) -> str:
    """A CronJob that runs `notebook`, as YAML; `settings` are those of `loadlab.launch.cron_job.cron_job`.

    Raises SpecError for parameters that the notebook does not take, for runs that are to be kept nowhere, and for a
    schedule that is none.
    """
    from loadlab.launch.cron_job import cron_job
    from loadlab.report import convert_parameters, notebook_parameters
    from loadlab.store import parse_location

    convert_parameters(notebook_parameters(notebook), parameters)
    parse_location(parameters.get("runs", ""))
    title = re.sub(r"[^a-z0-9]+", "-", Path(notebook).stem.lower()).strip("-")[:40].rstrip("-")
    manifest = cron_job(name or f"loadlab-{title}", notebook=notebook, parameters=parameters, **settings)
    return yaml_document(manifest).removeprefix("---\n")
