"""The cluster under test as its tests see it: past loadlab, with kubectl and an administrator's rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import helm_tools

import loadlab
from loadlab.launch.cluster import Cluster
from loadlab.launch.kubernetes import KubernetesLauncher

T = TypeVar("T")
Object = dict[str, Any]

KINDS = "pods,jobs,services,configmaps,secrets,serviceaccounts,networkpolicies"
RUN = "loadlab.dev/run"
TARGET = "loadlab-target"
ENFORCED = "pod-security.kubernetes.io/enforce"
SCENARIO = """
from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""
RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass
class Place:
    """One namespace of the cluster, and the target in it."""

    context: str
    namespace: str
    image: str
    target_port: int
    settings: list[str]
    """Helm values of every run here: small requests, so that a small cluster is enough, and the ports."""
    created: bool = False
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The target's base URL, as pods see it."""
        return f"http://{TARGET}.{self.namespace}.svc:{self.target_port}"

    def kubectl(self, *words: str, stdin: Object | str = "", anywhere: bool = False) -> str:
        """What kubectl says; an AssertionError with its words when it fails."""
        where = [] if anywhere else ["--namespace", self.namespace]
        command = [str(helm_tools.kubectl()), "--context", self.context, *where, *words]
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(words)} failed: {done.stderr or done.stdout}"
        return done.stdout

    def get(self, what: str, selector: str = "") -> list[Object]:
        """Objects of a kind, as the cluster tells them."""
        words = ["get", what, "--output", "json", *(["--selector", selector] if selector else [])]
        return list(json.loads(self.kubectl(*words))["items"])

    def leftovers(self) -> list[str]:
        """Names of everything that loadlab or helm has left in the namespace."""
        marked = self.kubectl("get", KINDS, "--selector", RUN, "--output", "name")
        releases = self.kubectl("get", "secrets", "--selector", "owner=helm", "--output", "name")
        return [*marked.split(), *(name for name in releases.split() if ".loadlab-r" in name)]

    def seen(self) -> int:
        """How many requests have come to the target."""
        with (
            Cluster(self.context, self.namespace) as cluster,
            cluster.forward(TARGET, self.target_port) as port,
            urllib.request.urlopen(f"http://127.0.0.1:{port}/count", timeout=60) as answer,
        ):
            return int(answer.read())

    def seen_at_rest(self, seconds: float = 60.0) -> int:
        """The same as soon as no more requests come."""
        deadline = time.monotonic() + seconds
        before, now = -1, self.seen()
        while now != before:
            assert time.monotonic() < deadline, f"the target is still loaded after {seconds:g} s: {now} requests"
            time.sleep(1)
            before, now = now, self.seen()
        return now

    def launcher(self, *settings: str, said: list[str] | None = None, **options: Any) -> KubernetesLauncher:
        """The launcher for a run here; what it says while it waits goes to `said`."""
        made = loadlab.make_launcher(
            "kubernetes",
            context=self.context,
            namespace=self.namespace,
            image=self.image,
            set=[*self.settings, *settings],
            **options,
        )
        assert isinstance(made, KubernetesLauncher)
        return made if said is None else KubernetesLauncher(made.options, on_wait=said.append)

    def options(self) -> list[str]:
        """The same as options of `loadlab run`."""
        words = ["--launcher", "kubernetes", "--context", self.context, "--namespace", self.namespace]
        return [*words, "--image", self.image, "--set", " ".join(self.settings)]

    def where(self) -> list[str]:
        """The options of the commands that look into a cluster."""
        return ["--context", self.context, "--namespace", self.namespace]


def test_of(place: Place, folder: Path, **fields: Any) -> loadlab.LoadTest:
    """A small load on the target, kept small: sixty requests a second."""
    locustfile = folder / "visitor.py"
    locustfile.write_text(SCENARIO)
    small = {"users": 6, "spawn_rate": 20, "run_time": 5, "workers": 2, "stop_timeout": 5}
    return loadlab.LoadTest(locustfile=locustfile, host=place.host, **{**small, **fields})


test_of.__test__ = False  # type: ignore[attr-defined]  # a helper, whatever its name begins with


def command(*words: str, expect: Sequence[int] = (0,), env: dict[str, str] | None = None, cwd: Path) -> str:
    """What a loadlab command says, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "loadlab", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **(env or {})},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    said = f"loadlab {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    assert done.returncode in expect, said
    assert "Traceback" not in done.stderr, said
    return done.stdout + done.stderr


def until(condition: Callable[[], T], what: str, seconds: float = 90.0) -> T:
    """What `condition` gives once it is true; `what` did not happen when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.5)
    return found


def target_objects(place: Place) -> list[Object]:
    """The target: its program, its pod and its Service."""
    labels = {"app": TARGET}
    program = (Path(__file__).parent / "target.py").read_text()
    container = {
        "name": "target",
        "image": place.image,
        "command": ["python", "/mnt/target/target.py", str(place.target_port)],
        "ports": [{"containerPort": place.target_port}],
        "readinessProbe": {"tcpSocket": {"port": place.target_port}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "program", "mountPath": "/mnt/target"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "program", "configMap": {"name": TARGET}}],
    }
    service = {"selector": labels, "ports": [{"port": place.target_port}]}
    head = {"name": TARGET, "labels": labels}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": {"target.py": program}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": service},
    ]
