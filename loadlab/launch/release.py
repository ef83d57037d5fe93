"""A swarm's objects in the cluster: the ConfigMaps that loadlab makes, and the Helm release beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loadlab.errors import HelmFailed, LaunchError
from loadlab.launch.bundle import Bundle
from loadlab.launch.cluster import Cluster
from loadlab.launch.helm import Chart, Helm
from loadlab.launch.values import (
    EXPIRES_FORMAT,
    EXPIRES_LABEL,
    OWNER_LABEL,
    RELEASE_LABEL,
    RUN_LABEL,
    TARGET_LABEL,
    Ownership,
)

KINDS = ("pods", "jobs", "services", "configmaps", "secrets", "serviceaccounts", "networkpolicies")
"""What a release may consist of; everything of it carries the run's label."""

LOOK_S = 0.5
"""Pause between two looks at what is being removed."""

PATIENCE_S = 4.0
"""A pod gets this long to end in good order before it is killed: all that it knew has been read."""

GONE_S = 60.0
"""After so long, what is there still is told of."""


@dataclass(frozen=True)
class Found:
    """A swarm that loadlab owns in a namespace. `expires` is None where the label is missing or no time."""

    run_id: str
    release: str
    namespace: str
    owner: str
    created: datetime
    expires: datetime | None

    @property
    def is_expired(self) -> bool:
        """Its time is over, so nothing of it should be there any more."""
        return self.expires is not None and self.expires < datetime.now(UTC)


class Release:
    """One release by its name and run, whether it was installed by this process or by another."""

    def __init__(self, cluster: Cluster, helm: Helm, release: str, run_id: str) -> None:
        self.cluster = cluster
        self.helm = helm
        self.name = release
        self.run_id = run_id

    @property
    def selector(self) -> str:
        """The label selector of everything that carries the run's label."""
        return f"{RUN_LABEL}={self.run_id}"

    def claim(self, bundle: Bundle, ownership: Ownership) -> None:
        """Create the ConfigMaps, by which others see the swarm. They stay when something fails then: `remove` them."""
        for manifest in config_maps(bundle, ownership):
            self.cluster.create(manifest)

    def install(self, chart: Chart, values: Mapping[str, Any]) -> None:
        """Install the chart, after `claim`. What was made stays when something fails: `remove` it."""
        self.helm.install(self.name, chart, values)

    def remove(self) -> list[str]:
        """Uninstall the release, delete the ConfigMaps and wait until nothing is left; what is left all the same.

        Where helm fails, what carries the release's labels is deleted without it. Raises LaunchError when the cluster
        does not answer or refuses.
        """
        failure = self._uninstall()
        try:
            left = self._delete_rest()
        except LaunchError as error:
            if failure:
                error.args = (f"{error}; before that {failure}", *error.args[1:])
            raise
        return [*left, failure] if left and failure else left

    def _uninstall(self) -> str:
        """What helm says when it fails twice; what is not labelled as the run's is known to helm alone."""
        for pause_s in (LOOK_S, 0.0):
            try:
                self.helm.uninstall(self.name)
            except HelmFailed as error:
                failure = str(error)
                time.sleep(pause_s)
            else:
                return ""
        return failure

    def _delete_rest(self) -> list[str]:
        began = time.monotonic()
        while True:
            left = self.leftovers()
            waited_s = time.monotonic() - began
            for kind, name in left:
                if kind != "pods":
                    self.cluster.delete(kind, name)
                elif waited_s > PATIENCE_S:  # a pod goes with its Job, but a Locust that is starting is deaf to SIGTERM
                    self.cluster.delete(kind, name, grace_s=1)
            if not left or waited_s > GONE_S:
                return [f"{kind}/{name}" for kind, name in left]
            time.sleep(LOOK_S)

    def leftovers(self) -> list[tuple[str, str]]:
        """(kind, name) of everything in the cluster that belongs to the release."""
        found = [(kind, each) for kind in KINDS for each in self.cluster.list(kind, self.selector)]
        found += [("secrets", each) for each in self.cluster.list("secrets", f"owner=helm,name={self.name}")]
        found += [("pods", each) for each in self.cluster.list("pods", f"app.kubernetes.io/instance={self.name}")]
        return sorted({(kind, each["metadata"]["name"]) for kind, each in found})


def config_maps(bundle: Bundle, ownership: Ownership) -> list[dict[str, Any]]:
    """The ConfigMaps of a bundle; the first one is also the record by which a swarm is found again."""
    labels = {"app.kubernetes.io/name": "loadlab", "app.kubernetes.io/instance": ownership.release, **ownership.labels}
    return [
        folder.config_map(ownership.config_map_name(number), labels, {f"{RUN_LABEL}-path": folder.path})
        for number, folder in enumerate(bundle.folders)
    ]


def find_swarms(cluster: Cluster, target: str | None = None, *, everywhere: bool = False) -> list[Found]:
    """Every swarm that loadlab owns in the cluster's namespace, the oldest first: of any owner, alive or orphaned.

    With `target`, a `target_key`, only those that load it; `everywhere` looks into all namespaces.
    """
    found: dict[tuple[str, str], Found] = {}
    selector = f"{RUN_LABEL},{TARGET_LABEL}={target}" if target else RUN_LABEL
    for kind in ("configmaps", "jobs"):
        for each in cluster.list(kind, selector, everywhere=everywhere):
            labels = each["metadata"]["labels"]
            run_id, namespace = labels[RUN_LABEL], each["metadata"]["namespace"]
            found.setdefault(
                (namespace, run_id),
                Found(
                    run_id=run_id,
                    release=labels.get(RELEASE_LABEL, f"loadlab-{run_id}"),
                    namespace=namespace,
                    owner=labels.get(OWNER_LABEL, ""),
                    created=datetime.fromisoformat(each["metadata"]["creationTimestamp"]),
                    expires=_read_time(labels.get(EXPIRES_LABEL, "")),
                ),
            )
    return sorted(found.values(), key=lambda swarm: (swarm.created, swarm.run_id, swarm.namespace))


def remove_all(cluster: Cluster, helm: Helm, swarms: list[Found]) -> dict[str, list[str]]:
    """Remove each of `swarms`; release -> what is left of it, for those of which something is.

    A release that cannot be removed does not keep the others: its error's text is what is told of it.
    """
    left: dict[str, list[str]] = {}
    for swarm in swarms:
        try:
            rest = Release(cluster, helm, swarm.release, swarm.run_id).remove()
        except LaunchError as error:
            rest = [str(error)]
        if rest:
            left[swarm.release] = rest
    return left


def _read_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, EXPIRES_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
