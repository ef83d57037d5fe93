"""All pods of the cluster: each has a worker, which makes it real processes."""

from __future__ import annotations

import fnmatch
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_double.pod_files import hidden_paths, kept_paths
from cluster_double.pod_worker import PodWorker
from cluster_double.store import is_terminal

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster

Object = dict[str, Any]
PROJECT = Path(__file__).resolve().parents[2]


class Kubelet:
    """Starts a worker for every new pod, and answers for logs and processes."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.workers: dict[str, PodWorker] = {}
        self._hosts: dict[str, str] = {}
        (folder / "empty").mkdir(parents=True)
        (folder / "empty-file").touch()
        self._keep, self._hidden = kept_paths(), hidden_paths()

    def sync(self) -> None:
        """Called after every change: new pods start, the folders of removed ones go, names resolve."""
        pods = {pod["metadata"]["uid"]: pod for pod in self.cluster.store.all("pods")}
        for namespace in {pod["metadata"]["namespace"] for pod in pods.values()}:
            self.hosts_file(namespace)
        for uid, pod in pods.items():
            if uid not in self.workers and not is_terminal(pod):
                self.workers[uid] = PodWorker(self, pod, self.folder / uid)
                self.workers[uid].start()
        for uid, worker in list(self.workers.items()):
            if uid not in pods and not worker.is_alive():
                del self.workers[uid]
                shutil.rmtree(worker.folder, ignore_errors=True)

    def hosts_file(self, namespace: str) -> Path:
        """The /etc/hosts of a namespace's pods. It is written in place, as running pods have it mounted."""
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
        for service in self.cluster.store.all("services"):
            name, home = service["metadata"]["name"], service["metadata"]["namespace"]
            names = [f"{name}.{home}", f"{name}.{home}.svc", f"{name}.{home}.svc.cluster.local"]
            lines.append(" ".join(["127.0.0.1", *([name] if home == namespace else []), *names]))
        lines += [f"127.0.0.1 {pod['metadata']['name']}" for pod in self.cluster.store.all("pods", namespace)]
        text = "\n".join(lines) + "\n"
        path = self.folder / f"hosts-{namespace}"
        if self._hosts.get(namespace) != text:
            with path.open("w") as file:
                file.write(text)
            self._hosts[namespace] = text
        return path

    def sandbox_for(self, image: str) -> Object:
        """What containers of an image see of this machine: the project under test only in images that have it."""
        with_project = any(fnmatch.fnmatch(image, pattern) for pattern in self.cluster.project_images)
        return {
            "keep": [*self._keep, str(PROJECT)] if with_project else self._keep,
            "hidden": [] if with_project else self._hidden,
            "empty_dir": str(self.folder / "empty"),
            "empty_file": str(self.folder / "empty-file"),
        }

    def worker(self, namespace: str, name: str) -> PodWorker:
        for worker in self.workers.values():
            if (worker.namespace, worker.name) == (namespace, name):
                return worker
        raise LookupError(f"no pod {namespace}/{name} runs here")

    def log_path(self, pod: Object, container: str, previous: bool = False) -> Path | None:
        worker = self.workers.get(pod["metadata"]["uid"])
        runs = worker.runs.get(container, []) if worker else []
        place = 2 if previous else 1
        return runs[-place].log if len(runs) >= place else None

    def is_running(self, pod: Object, container: str) -> bool:
        worker = self.workers.get(pod["metadata"]["uid"])
        runs = worker.runs.get(container, []) if worker else []
        return bool(runs) and runs[-1].running

    def waiting_reason(self, pod: Object, container: str) -> str:
        status = self.cluster.store.find("pods", pod["metadata"]["namespace"], pod["metadata"]["name"]) or pod
        for part in ("initContainerStatuses", "containerStatuses"):
            for one in status["status"].get(part) or ():
                if one["name"] == container and "waiting" in one["state"]:
                    return str(one["state"]["waiting"]["reason"])
        return "ContainerCreating"

    def close(self) -> None:
        """End every process; the workers have been told by `cluster.closing`."""
        deadline = time.monotonic() + 60
        for worker in self.workers.values():
            worker.join(max(deadline - time.monotonic(), 0.1))
        left = [worker.name for worker in self.workers.values() if worker.is_alive()]
        assert not left, f"these pods have not ended: {left}"
