"""The cluster that a test starts, stages and looks at."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cluster_double.controllers import Deployments
from cluster_double.faults import NO_ROOM, Fault, Faults, Staged
from cluster_double.http_api import Handler, Server, call_of, check
from cluster_double.job_controller import Jobs
from cluster_double.kubelet import Kubelet
from cluster_double.rbac import Call, allows
from cluster_double.resources import resource_of
from cluster_double.store import Store
from cluster_double.verbs import Target, Verbs

Object = dict[str, Any]


class Cluster:
    """A cluster of three nodes with the given namespaces.

    Time is real. `backoff_s` alone is shorter than in a real cluster, where a crashed container and a failed Job pod
    wait 10 seconds before their next attempt, then 20, 40 and so on. A pod finds the project under test installed only
    if its image matches one of the patterns `project_images`.
    """

    def __init__(
        self, *namespaces: str, backoff_s: float = 1.0, name: str = "double", project_images: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.user = "system:serviceaccount:default:loadlab"
        self.token = secrets.token_hex(16)
        self.backoff_s = backoff_s
        self.project_images = project_images
        self.rules: list[Object] | None = None
        self.calls: list[Call] = []
        self.broken: list[str] = []
        self.closing = False
        self.faults = Faults()
        self.store = Store()
        self.verbs = Verbs(self.store, self.authorize)
        self._namespaces = ("default", "kube-system", *namespaces)

    def __enter__(self) -> Cluster:
        self.folder = Path(tempfile.mkdtemp(prefix="cluster-double-"))
        self.kubelet = Kubelet(self, self.folder / "kubelet")
        for name in dict.fromkeys(self._namespaces):
            self.create("namespaces", {"metadata": {"name": name}})
        for number in (1, 2, 3):
            self.node(f"node-{number}")
        handler = type("ClusterHandler", (Handler,), {"cluster": self})
        self._server = Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        serve = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._controller = threading.Thread(target=self._control, daemon=True)
        serve.start()
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        self.drop_port_forwards()
        self._controller.join()
        self._server.shutdown()
        try:
            self.kubelet.close()
        finally:
            self._server.server_close()
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not self.broken, self.broken[0]

    def kubeconfig(self, path: Path, namespace: str = "default", contexts: Sequence[str] = ()) -> Path:
        """Write a kubeconfig whose contexts, by default one of the cluster's name, all lead here."""
        return write_kubeconfig(path, dict.fromkeys(contexts or [self.name], self), namespace)

    # Looking at the state, and changing it past the API.

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        """All objects of a kind ("Pod" or "pods"), of one namespace or of all."""
        return self.store.all(resource_of(kind).name, namespace)

    def object(self, kind: str, namespace: str, name: str) -> Object:
        return self.store.get(resource_of(kind), namespace, name)

    def create(self, kind: str, obj: Object, namespace: str = "default") -> Object:
        resource = resource_of(kind)
        return self.verbs.create(Target(resource, "", namespace if resource.namespaced else "", ""), obj, {})

    def node(
        self,
        name: str,
        labels: Object | None = None,
        taints: Sequence[Object] = (),
        cpu: str = "64",
        memory: str = "256Gi",
    ) -> None:
        """Add a node, or set its labels, taints and size anew."""
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        own = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"} | (labels or {})
        status = {"conditions": [ready], "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}}
        new: Object = {"metadata": {"name": name, "labels": own}, "spec": {"taints": list(taints)}, "status": status}
        if old := self.store.find("nodes", "", name):
            new["metadata"] = old["metadata"] | {"labels": own}
            self.store.change(old, lambda it: it.update(new))
        else:
            self.create("Node", new)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self.store.delete(resource_of(kind), namespace, name)

    def log(self, namespace: str, pod: str, container: str = "") -> str:
        """What a container has written so far."""
        obj = self.object("Pod", namespace, pod)
        path = self.kubelet.log_path(obj, container or obj["spec"]["containers"][0]["name"])
        return path.read_text(errors="replace") if path else ""

    def events(self, namespace: str, reason: str = "") -> list[str]:
        """The messages of events, of one reason or of all."""
        return [it["message"] for it in self.objects("events", namespace) if reason in ("", it["reason"])]

    # Permissions. `rules` are those of a Role: everything else is answered with 403. None allows everything.

    def authorize(self, verb: str, target: Target) -> None:
        """Record the call, and refuse it if the rules do not allow it."""
        self.calls.append(call_of(verb, target))
        check(self.rules, verb, target, self.user)

    def review(self, target: Target, obj: Object) -> Object:
        """Answer what asks about permissions and identity."""
        user = {"username": self.user, "groups": ["system:authenticated"]}
        match target.resource.kind:
            case "SelfSubjectAccessReview":
                asked = {"group": "", "subresource": "", "namespace": "", "name": ""} | obj["spec"][
                    "resourceAttributes"
                ]
                names = ("verb", "group", "resource", "subresource", "namespace", "name")
                allowed = self.rules is None or allows(self.rules, Call(*(asked[name] for name in names)))
                status: Object = {"allowed": allowed}
            case "SelfSubjectRulesReview":
                everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
                rules = everything if self.rules is None else self.rules
                status = {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
            case "TokenReview":
                status = {"authenticated": obj["spec"]["token"] == self.token, "user": user}
            case _:
                status = {"userInfo": user}
        return obj | {"status": status}

    # Faults of the API.

    def fail(
        self,
        method: str = "GET",
        path: str = "",
        status: int = 500,
        times: float = 1,
        *,
        delay: float = 0.0,
        retry_after: int = 1,
        message: str = "",
    ) -> Fault:
        """Answer the next `times` requests whose method and path match (regular expressions) with `status`.

        403 and 409 are worded for what was asked; 429 carries Retry-After; status 0 is only slow.
        """
        fault = Fault(method, path, status, times, delay, retry_after, message)
        self.faults.requests.append(fault)
        return fault

    def slow(self, seconds: float, method: str = ".*", path: str = "", times: float = float("inf")) -> Fault:
        """Wait before answering, until the returned fault is ended."""
        return self.fail(method, path, 0, times, delay=seconds)

    def drop_watches(self, *, forget: bool = False) -> None:
        """Break off every watch; with `forget` none can be resumed: 410."""
        if forget:
            self.store.forget()
        self.faults.watch_generation += 1
        with self.store.changed:
            self.store.changed.notify_all()

    def drop_port_forwards(self, refuse_s: float = 0.0) -> int:
        """Break off every forwarded connection, refuse new ones for a while, and say how many there were."""
        return self.faults.drop_port_forwards(refuse_s)

    # Staging pods. What is returned ends with `end()` or as a context manager.

    def unschedulable(self, labels: str = "", message: str = NO_ROOM) -> Staged:
        """Pods that the selector matches find no node."""
        return self._stage(Staged("unschedulable", labels, message=message))

    def image_missing(self, image: str = "*", message: str = "") -> Staged:
        """Images of a pattern cannot be pulled."""
        why = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
        return self._stage(Staged("image", image=image, message=message or f"rpc error: code = NotFound desc = {why}"))

    def crash(self, labels: str = "", lines: Sequence[str] = ("Traceback", "ValueError: staged")) -> Staged:
        """Containers of matching pods write `lines` and exit with 1 instead of what they should do."""
        return self._stage(Staged("crash", labels, lines=tuple(lines)))

    def _stage(self, staged: Staged) -> Staged:
        self.faults.staged.append(staged)
        return staged

    def quota(self, namespace: str, pods: int) -> Object:
        """A ResourceQuota on the number of pods."""
        quota = {"metadata": {"name": "compute-quota"}, "spec": {"hard": {"pods": str(pods)}}}
        return self.create("ResourceQuota", quota, namespace)

    def kill(self, namespace: str, pod: str, reason: str = "") -> None:
        """SIGKILL to all containers of a pod."""
        for runs in self.kubelet.worker(namespace, pod).runs.values():
            runs[-1].kill(reason)

    def oom_kill(self, namespace: str, pod: str) -> None:
        """As the kernel ends a container that has used up its memory."""
        self.kill(namespace, pod, "OOMKilled")

    def evict(self, namespace: str, pod: str, message: str = "The node was low on resource: memory.") -> None:
        """As a node ends a pod when it runs out of something: the pod stays, Failed and Evicted."""
        worker = self.kubelet.worker(namespace, pod)
        self.store.event(worker.pod, "Evicted", message, "Warning")
        worker.evicted = message

    def disrupt(self, namespace: str, pod: str, reason: str, message: str) -> None:
        """Mark a pod as a target of disruption, before it is deleted."""
        with contextlib.suppress(LookupError):
            worker = self.kubelet.worker(namespace, pod)
            worker.status.condition("DisruptionTarget", True, reason, message)
            worker.status.update()

    def until(self, condition: Any, seconds: float = 90.0) -> Any:
        """Wait until `condition()` is true, and return it; the time only guards against hanging."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert not self.broken, self.broken[0]
            assert time.monotonic() < deadline, f"never came; the pods are {self._phases()}"
            time.sleep(0.03)
        return found

    def _phases(self) -> list[str]:
        return [
            f"{pod['metadata']['name']}: {pod['status']['phase']} {pod['status'].get('containerStatuses')} "
            f"{self.log(pod['metadata']['namespace'], pod['metadata']['name'])[-500:]!r}"
            for pod in self.objects("pods")
        ]

    def _control(self) -> None:
        """The loop of all controllers: after every change, and ten times a second."""
        jobs, deployments, seen = Jobs(self), Deployments(self), 0
        while not self.closing:
            with self.store.changed:
                if self.store.version == seen:
                    self.store.changed.wait(0.1)
                try:
                    for part in (jobs, deployments, self.kubelet):
                        part.sync()
                except Exception:  # noqa: BLE001
                    self.broken.append(traceback.format_exc())
                    return
                seen = self.store.version


def write_kubeconfig(path: Path, contexts: dict[str, Cluster], namespace: str = "default") -> Path:
    """A kubeconfig of several clusters: context -> cluster. The first is the current one."""
    clusters = {cluster.url: cluster for cluster in contexts.values()}
    names = {
        name: {"cluster": cluster.url, "user": cluster.url, "namespace": namespace}
        for name, cluster in contexts.items()
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": url, "cluster": {"server": url}} for url in clusters],
        "users": [{"name": url, "user": {"token": cluster.token}} for url, cluster in clusters.items()],
        "contexts": [{"name": name, "context": context} for name, context in names.items()],
        "current-context": next(iter(contexts)),
    }
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o600)
    return path
