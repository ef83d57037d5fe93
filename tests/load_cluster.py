"""A cluster double that Locust can be installed in: kubeconfig, helm, guard rails and ports for one test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_double import Cluster
from helm_tools import helm
from ports import reserve_ports

import loadlab
from loadlab.launch.kubernetes import KubernetesLauncher
from loadlab.launch.regions import RegionsLauncher
from loadlab.spec import KubernetesOptions

NAMESPACE = "load"


@contextmanager
def load_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch, *, helm_major: int = 4) -> Iterator[Cluster]:
    """A cluster that this process's KUBECONFIG leads to; load may start in the namespace `load`."""
    with load_clusters(folder, monkeypatch, "double", helm_major=helm_major) as clusters:
        yield clusters["double"]


@contextmanager
def load_clusters(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str, helm_major: int = 4
) -> Iterator[dict[str, Cluster]]:
    """Clusters with these names, each the context of the same name; the first is the current one."""
    if os.geteuid() != 0:
        pytest.skip("only root can give each pod its own mounts")
    with ExitStack() as stack:
        clusters = {name: Cluster(NAMESPACE, name=name).__enter__() for name in names}
        for cluster in clusters.values():
            stack.callback(end_cluster, cluster)
        merged: dict[str, Any] = {}
        for cluster in clusters.values():
            one = yaml.safe_load(cluster.kubeconfig(folder / "kubeconfig", NAMESPACE).read_text())
            merged = {**one, **{key: [*merged.get(key, []), *one[key]] for key in ("clusters", "users", "contexts")}}
        merged["current-context"] = names[0]
        (folder / "kubeconfig").write_text(yaml.safe_dump(merged))
        guard = folder / "guard.yaml"
        guard.write_text(f"contexts: {list(names)}\nnamespaces: [{NAMESPACE}]\ntargets: ['http://127.0.0.1:*']\n")
        monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        monkeypatch.setenv("LOADLAB_GUARD", str(guard))
        monkeypatch.setenv("LOADLAB_HELM", str(helm(helm_major)))
        for name in ("CACHE", "CONFIG", "DATA"):
            monkeypatch.setenv(f"HELM_{name}_HOME", str(folder / f"helm-{name.lower()}"))
        yield clusters


def end_cluster(cluster: Cluster) -> None:
    """End everything of a cluster at once, as when its site loses power; first of all its connections."""
    if not cluster.closing:
        cluster.drop_port_forwards(refuse_s=3600)
        cluster.__exit__(None, None, None)


def launcher(**options: Any) -> KubernetesLauncher:
    """The Kubernetes launcher for one run, on free ports: pods share the loopback of this machine."""
    made = loadlab.make_launcher("kubernetes", set=[*_free_ports(), *options.pop("set", ())], **options)
    assert isinstance(made, KubernetesLauncher)
    return made


def regions_launcher(
    *contexts: str,
    settings: Mapping[str, Sequence[str]] | None = None,
    ready_timeouts: Mapping[str, float] | None = None,
    **options: Any,
) -> Any:
    """The launcher for several regions, each on free ports and with Helm values and patience of its own."""
    made = loadlab.make_launcher("kubernetes", context=contexts, **options)
    assert isinstance(made, RegionsLauncher)
    for region, each in made.regions.items():
        values = {field.name: getattr(each.options, field.name) for field in each.options.fields()}
        own = [*_free_ports(), *(settings or {}).get(region, ())]
        patience_s = (ready_timeouts or {}).get(region, values["ready_timeout"])
        each.options = KubernetesOptions(**{**values, "set": own, "ready_timeout": patience_s})
    return made


def _free_ports() -> list[str]:
    web, master = reserve_ports(2)
    return [f"service.port={web}", f"loadlab.masterPort={master}"]
