"""helm and kubectl against the double, and the small objects that its tests use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import helm_tools

from cluster_double.cluster import Cluster

Object = dict[str, Any]
TIMEOUT_S = 120.0

CHART_FILES = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\n",
    "values.yaml": "text: one\nlines: 1\nseconds: 60\n",
    "templates/config.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-config"}
data: {text: "{{ .Values.text }}"}
""",
    "templates/job.yaml": """
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-job", labels: {seconds: "{{ .Values.seconds }}"}}
spec:
  template:
    metadata: {labels: {app: small}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - {name: main, image: none, command: [sleep, "{{ .Values.seconds }}"]}
""",
}


class Tools:
    """Runs the programs with a kubeconfig and a home of their own."""

    def __init__(self, cluster: Cluster, folder: Path, namespace: str = "load") -> None:
        self.folder = folder
        self.kubeconfig = cluster.kubeconfig(folder / "kubeconfig", namespace)
        self.chart = folder / "chart"
        for name, text in CHART_FILES.items():
            path = self.chart / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def helm(self, *words: str | Path, major: int = 4) -> subprocess.CompletedProcess[str]:
        return self._run([helm_tools.helm(major), *words], "")

    def kubectl(self, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self._run([helm_tools.kubectl(), *words], stdin)

    def _run(self, command: list[str | Path], stdin: str) -> subprocess.CompletedProcess[str]:
        env = {"HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S)
        print("$", *command, f"-> {done.returncode}\n{done.stdout}{done.stderr}")
        return done


def job(name: str, script: str, *, pod: Object | None = None, container: Object | None = None, **spec: Any) -> Object:
    """A Job whose one container runs a shell script; it is not repeated unless `spec` says so."""
    main = {"name": "main", "image": "none", "command": ["sh", "-ec", script]} | (container or {})
    pod_spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [main]} | (pod or {})
    template = {"metadata": {"labels": {"app": name}}, "spec": pod_spec}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template} | spec}


def conditions(obj: Object) -> dict[str, str]:
    """Type -> reason of the conditions that hold."""
    return {it["type"]: it.get("reason", "") for it in obj["status"].get("conditions", ()) if it["status"] == "True"}


def state(pod: Object) -> Object:
    """The state of the pod's first container; empty before it has one."""
    found: Object = (pod["status"].get("containerStatuses") or [{"state": {}}])[0]["state"]
    return found
