"""The controllers of Jobs and Deployments. `sync()` looks at everything and does what is due."""

from __future__ import annotations

import copy
import datetime
import json
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cluster_double.errors import ApiError
from cluster_double.resources import RESOURCES
from cluster_double.store import is_owned, owner_reference, random_suffix
from cluster_double.verbs import Target

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster

Object = dict[str, Any]
PODS = RESOURCES["pods"]
INDEX = "batch.kubernetes.io/job-completion-index"


def age_s(stamp: str) -> float:
    """Seconds since a time stamp, which holds whole seconds."""
    return time.time() - datetime.datetime.fromisoformat(stamp).timestamp()


class Deployments:
    """Keeps the number of pods. Its pods are its own, without a ReplicaSet between; an update replaces them at once."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def sync(self) -> None:
        for deployment in self.cluster.store.all("deployments"):
            if not deployment["metadata"].get("deletionTimestamp"):
                self._sync(deployment)

    def _sync(self, deployment: Object) -> None:
        store, spec, uid = self.cluster.store, deployment["spec"], deployment["metadata"]["uid"]
        namespace = deployment["metadata"]["namespace"]
        digest = f"{zlib.crc32(json.dumps(spec['template'], sort_keys=True).encode()):x}"
        pods = [pod for pod in store.all("pods", namespace) if is_owned(pod, uid)]
        pods = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        good = [pod for pod in pods if pod["metadata"]["labels"]["pod-template-hash"] == digest]
        good = [pod for pod in good if pod["status"].get("phase") != "Failed"]
        for pod in [pod for pod in pods if pod not in good] + good[spec["replicas"] :]:
            store.delete(PODS, namespace, pod["metadata"]["name"])
        for _ in range(spec["replicas"] - len(good)):
            prefix = f"{deployment['metadata']['name']}-{digest}-"
            create_pod(self.cluster, deployment, prefix, {"pod-template-hash": digest})
        ready = sum(any(c["type"] == "Ready" and c["status"] == "True" for c in conditions(pod)) for pod in good)
        held = ready >= spec["replicas"]
        available = {"type": "Available", "status": "True" if held else "False", "reason": "MinimumReplicasAvailable"}
        reason = "NewReplicaSetAvailable" if held else "ReplicaSetUpdated"
        progress = {"type": "Progressing", "status": "True", "reason": reason}
        counts = dict.fromkeys(("readyReplicas", "availableReplicas"), ready)
        counts |= {"replicas": len(good), "updatedReplicas": len(good), "unavailableReplicas": spec["replicas"] - ready}
        seen = {"observedGeneration": deployment["metadata"]["generation"], "conditions": [available, progress]}
        status = seen | {key: value for key, value in counts.items() if value}
        if status != deployment["status"]:
            store.change(deployment, lambda it: it.update(status=status))


def conditions(obj: Object) -> list[Object]:
    found: list[Object] = obj["status"].get("conditions") or []
    return found


def create_pod(
    cluster: Cluster,
    owner: Object,
    prefix: str,
    labels: dict[str, str],
    change: Callable[[Object], None] = lambda pod: None,
) -> Object | None:
    """A pod of the owner's template; a refusal becomes an event of the owner."""
    template = copy.deepcopy(owner["spec"]["template"])
    meta = template.setdefault("metadata", {})
    meta["name"] = prefix[:57] + random_suffix()
    meta["labels"] = (meta.get("labels") or {}) | labels
    meta["ownerReferences"] = [owner_reference(owner)]
    change(template)
    kind = owner["kind"].lower()
    try:
        pod = cluster.verbs.create(Target(PODS, "", owner["metadata"]["namespace"], ""), template, {})
    except ApiError as error:
        source = f"{kind}-controller"
        cluster.store.event(owner, "FailedCreate", f"Error creating: {error}", "Warning", source)
        return None
    cluster.store.event(owner, "SuccessfulCreate", f"Created pod: {meta['name']}", source=f"{kind}-controller")
    return pod
