"""A cluster double that Locust can be installed in: kubeconfig, helm, guard rails and ports for one test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cluster_double import Cluster
from helm_tools import helm

import loadlab
from loadlab.launch.kubernetes import KubernetesLauncher
from loadlab.launch.processes import free_ports

NAMESPACE = "load"


@contextmanager
def load_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch, *, helm_major: int = 4) -> Iterator[Cluster]:
    """A cluster that this process's KUBECONFIG leads to; load may start in the namespace `load`."""
    if os.geteuid() != 0:
        pytest.skip("only root can give each pod its own mounts")
    with Cluster(NAMESPACE) as cluster:
        guard = folder / "guard.yaml"
        guard.write_text(f"contexts: ['{cluster.name}']\nnamespaces: [{NAMESPACE}]\ntargets: ['http://127.0.0.1:*']\n")
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(folder / "kubeconfig", NAMESPACE)))
        monkeypatch.setenv("LOADLAB_GUARD", str(guard))
        monkeypatch.setenv("LOADLAB_HELM", str(helm(helm_major)))
        for name in ("CACHE", "CONFIG", "DATA"):
            monkeypatch.setenv(f"HELM_{name}_HOME", str(folder / f"helm-{name.lower()}"))
        yield cluster


def launcher(**options: Any) -> KubernetesLauncher:
    """The Kubernetes launcher for one run, on free ports: pods share the loopback of this machine."""
    web, master = free_ports(2)
    settings = [f"service.port={web}", f"loadlab.masterPort={master}", *options.pop("set", ())]
    made = loadlab.make_launcher("kubernetes", set=settings, **options)
    assert isinstance(made, KubernetesLauncher)
    return made
