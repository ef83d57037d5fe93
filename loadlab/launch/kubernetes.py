"""The Kubernetes launcher: master and workers as pods, installed through Helm."""

from __future__ import annotations

import getpass
import re
import secrets
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from loadlab.errors import SpecError
from loadlab.launch.bundle import Bundle, make_bundle
from loadlab.launch.cluster import IN_CLUSTER, Cluster
from loadlab.launch.diagnosis import check_syntax
from loadlab.launch.helm import CHART, Chart, Helm
from loadlab.launch.kubernetes_swarm import KubernetesSwarm
from loadlab.launch.release import Release, config_maps, find_swarms
from loadlab.launch.uninterrupted import uninterrupted
from loadlab.launch.user_values import at, check_owned, masked
from loadlab.launch.values import DEADLINE, Ownership, helm_values
from loadlab.spec import (
    GuardRails,
    KubernetesOptions,
    LoadTest,
    hide_host,
    missing_guard_rails,
    read_guard_rails,
    yaml_document,
)

PREVIEW = "preview"
"""What stands for a run's id where nothing is installed."""


class KubernetesLauncher:
    """Installs a release for each run where `options` say, and removes it when the run is over.

    `on_wait` is told, in a line, why the swarm is not ready yet, each time the reason changes; by default it is
    printed on standard error.
    """

    name = "kubernetes"

    def __init__(self, options: KubernetesOptions, *, on_wait: Callable[[str], None] | None = None) -> None:
        self.options = options
        self._on_wait = on_wait or tell

    def describe(self, test: LoadTest) -> str:
        """See `Launcher.describe`: the Helm values that the test would be installed with, secrets masked."""
        values = yaml_document(masked(Plan(test, self.options, PREVIEW).merged_values)).removeprefix("---\n")
        place = (
            f"namespace {self.options.namespace or 'of the context'}, context {self.options.only_context or 'in use'}"
        )
        return f"Locust runs on Kubernetes ({place}), installed with these Helm values:\n\n{values}"

    def launch(
        self,
        test: LoadTest,
        *,
        run_id: str,
        folder: Path,
        meanwhile: Callable[[], object] | None = None,
        given_up: threading.Event | None = None,
    ) -> KubernetesSwarm:
        """See `Launcher.launch`. Raises HelmFailed, ClusterUnreachable and ClusterRefused too."""
        plan, swarm = self.prepare(test, run_id=run_id, logs=folder / "logs")
        swarm.facts = {"kubernetes": swarm.facts}
        swarm.given_up = given_up or swarm.given_up
        self.bring_up(plan, swarm, meanwhile)
        return swarm

    def prepare(
        self, test: LoadTest, *, run_id: str, logs: Path, whole: LoadTest | None = None
    ) -> tuple[Plan, KubernetesSwarm]:
        """Check everything that can be checked before something is installed, and be connected to the cluster.

        The guard rails are those for the `whole` test, of which `test` may be a part. `bring_up` has to follow, or
        the cluster of the swarm has to be closed.
        """
        plan = Plan(test, self.options, run_id)
        values = plan.merged_values
        cluster = Cluster(self.options.only_context, self.options.namespace)
        try:
            rails = self._check_permission(whole or test, plan, cluster)
            helm = Helm(cluster.kubeconfig_context, cluster.namespace)
            release = Release(cluster, helm, plan.ownership.release, run_id)
            swarm = KubernetesSwarm(test, plan.token, release, values["service"]["port"], logs)
        except BaseException:
            cluster.close()
            raise
        swarm.guard_rails = rails
        swarm.facts = {**self.options.without_secrets().to_dict(), "release": release.name}
        swarm.facts |= {"context": cluster.context, "namespace": cluster.namespace, "helm": plan.helm.version}
        swarm.facts["helm_values"] = masked(values)
        return plan, swarm

    def bring_up(self, plan: Plan, swarm: KubernetesSwarm, meanwhile: Callable[[], object] | None = None) -> None:
        """Install what `prepare` has made and wait until it is ready; nothing of it is left when that fails."""
        try:
            swarm.release.claim(plan.bundle, plan.ownership)
            self._check_alone(plan, swarm.cluster)
            swarm.release.install(plan.chart, plan.values)
            if meanwhile is not None:
                meanwhile()
            swarm.wait_until_ready(self.options.ready_timeout, self._on_wait)
        except BaseException:
            uninterrupted(swarm.close, "what was installed is being removed")
            raise

    def _check_permission(self, test: LoadTest, plan: Plan, cluster: Cluster) -> GuardRails:
        """The guard rails, which allow it. Raises SpecError when they do not, and for a second load on a host."""
        rails, path = read_guard_rails()
        where = {"context": cluster.context, "namespace": cluster.namespace}
        if rails is None:
            raise missing_guard_rails(path, test, **where)
        rails.check(test, **where, confirmed=self.options.yes_i_mean)
        self._check_alone(plan, cluster)
        return rails

    def _check_alone(self, plan: Plan, cluster: Cluster) -> None:
        """Refuse a second load on the same host. Of those that start at the same time the oldest goes on."""
        if self.options.alongside:
            return
        for other in find_swarms(cluster, target=plan.ownership.target):
            if other.run_id == plan.ownership.run_id:
                return
            if not other.is_expired:
                raise SpecError(
                    "host",
                    hide_host(plan.test.host or ""),
                    f"a host that no other run loads; {other.run_id} of {other.owner} does. `loadlab swarms` "
                    "lists them, alongside=True (--alongside) starts anyway",
                )


class Plan:
    """Everything that would be installed for a test, made without a cluster."""

    def __init__(self, test: LoadTest, options: KubernetesOptions, run_id: str) -> None:
        if test.workers < 1:
            raise SpecError("workers", test.workers, "1 or more on Kubernetes, where the master makes no load")
        check_syntax(test.locustfile)
        self.test = test
        self.options = options
        self.token = secrets.token_urlsafe(24)
        self._ownership = Ownership.of(test, run_id, options.owner or _user(), options.ready_timeout)
        self.chart = Chart(options.chart or str(CHART), options.chart_version, options.values, options.set)

    @cached_property
    def bundle(self) -> Bundle:
        """The files that go into the pods."""
        return make_bundle(self.test.locustfile, self.options.files)

    @cached_property
    def ownership(self) -> Ownership:
        """Whose swarm it is, and when it is over: by the deadline that the user's own values may have moved."""
        return self._ownership.with_deadline(at(self._merged, DEADLINE))

    @cached_property
    def values(self) -> dict[str, Any]:
        """loadlab's Helm values; the user's own files and settings go over them."""
        return {**self._values, "extraLabels": self.ownership.labels}

    @cached_property
    def _values(self) -> dict[str, Any]:
        return helm_values(
            self.test,
            self.options,
            self.bundle,
            self._ownership,
            token=self.token,
            locust_version=metadata.version("locust"),
        )

    @cached_property
    def merged_values(self) -> dict[str, Any]:
        """The values that the chart gets, after the user's own. Raises HelmFailed for what the chart's schema refuses,
        and SpecError for a setting that a field of the test decides."""
        return {**self._merged, "extraLabels": {**self._merged["extraLabels"], **self.ownership.labels}}

    @cached_property
    def _merged(self) -> dict[str, Any]:
        merged = self.helm.merged_values(self._ownership.release, self.chart, self._values)
        check_owned(self._values, merged)
        return merged

    def manifests(self) -> str:
        """What would be applied, as YAML documents: the ConfigMaps, then the chart. The token in it is not in use."""
        documents = [yaml_document(manifest) for manifest in config_maps(self.bundle, self.ownership)]
        return "".join(documents) + self.helm.template(self.ownership.release, self.chart, self.values)

    @cached_property
    def helm(self) -> Helm:
        """The helm program, seen to be there and new enough."""
        self.options.check_value_files()
        helm = Helm(self.options.only_context, self.options.namespace)
        helm.version  # noqa: B018 - raises when there is no helm, or an old one
        return helm


def adopt_release(test: LoadTest, facts: dict[str, Any], *, run_id: str, token: str, logs: Path) -> KubernetesSwarm:
    """The swarm of a run whose owner has died, by what run.json tells of it (`facts`), to be driven and removed here.

    Raises ClusterUnreachable, HelmFailed, and LaunchError when there is no master any more.
    """
    cluster = Cluster(None if facts["context"] == IN_CLUSTER else facts["context"], facts["namespace"])
    try:
        release = Release(cluster, Helm(cluster.kubeconfig_context, cluster.namespace), facts["release"], run_id)
        swarm = KubernetesSwarm(test, token, release, facts["helm_values"]["service"]["port"], logs)
        swarm.guard_rails = read_guard_rails()[0]
        swarm.rejoin()
    except BaseException:
        cluster.close()
        raise
    return swarm


def _user() -> str:
    """The name of the user, as a label's value may be written."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id, as in some containers
        name = ""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:63].strip("-_.") or "unknown"


def tell(text: str) -> None:
    """Say on standard error what is waited for."""
    print(text, file=sys.stderr)  # noqa: T201 - a person waits for the pods
