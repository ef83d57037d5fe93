"""A swarm's pods, as they are in clusters: with sidecars, with init containers, beside others; and their removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from cluster_double import Cluster as Double
from load_cluster import NAMESPACE, load_cluster

from loadlab.errors import ClusterRefused, ClusterUnreachable, LaunchError
from loadlab.launch import kubernetes_swarm, release
from loadlab.launch.cluster import Cluster
from loadlab.launch.helm import Helm
from loadlab.launch.kubernetes_swarm import KubernetesSwarm
from loadlab.launch.release import Release, find_swarms
from loadlab.spec import LoadTest

RUN = "r20261124-120000-ab12"
NAME = f"loadlab-{RUN}"
LABELS = {"app.kubernetes.io/instance": NAME, "loadlab.dev/run": RUN}


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setattr(release, "PATIENCE_S", 0.2)  # these pods know nothing that could be waited for
    with load_cluster(tmp_path, monkeypatch) as double:
        yield double


def swarm_on(cluster: Any, folder: Path) -> KubernetesSwarm:
    (folder / "shop.py").write_text("")
    test = LoadTest(locustfile=folder / "shop.py", host="http://shop.svc:80", workers=1)
    helm = Helm("double", NAMESPACE)
    return KubernetesSwarm(test, "token", Release(cluster, helm, NAME, RUN), 8089, folder / "logs")


def add_pod(double: Double, name: str, component: str, init: str = "", **scripts: str) -> None:
    """A pod with a container for each of `scripts`, that sleeps when its script has ended well."""
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "containers": [container(each, f"{script}; sleep 600") for each, script in scripts.items()],
    }
    if init:
        spec["initContainers"] = [container("packages", init)]
    metadata = {"name": name, "labels": {**LABELS, "component": component}}
    double.create("Pod", {"metadata": metadata, "spec": spec}, NAMESPACE)


def container(name: str, script: str) -> dict[str, Any]:
    return {"name": name, "image": "none", "command": ["sh", "-ec", script]}


def add_config_map(double: Double, namespace: str, name: str, **changes: Any) -> None:
    double.create("ConfigMap", {"metadata": {"name": name, "labels": LABELS, **changes}}, namespace)


def test_what_locust_wrote_is_read_beside_other_containers(double: Double, tmp_path: Path) -> None:
    proxy = "echo I am the proxy"
    add_pod(double, "one-worker-1", "worker", proxy=proxy, locust="echo locust works")
    add_pod(double, "the-master", "master", proxy="exit 3", locust="echo the master works")
    add_pod(double, "a-test", "test", test="echo a test")
    double.until(lambda: "works" in double.log(NAMESPACE, "one-worker-1", "locust"))
    double.until(lambda: "works" in double.log(NAMESPACE, "the-master", "locust"))
    with Cluster() as cluster:
        swarm = swarm_on(cluster, tmp_path)
        assert {pod["metadata"]["name"] for pod in swarm.pods()} == {"one-worker-1", "the-master"}
        swarm._raise_what_crashed(swarm.pods())  # the proxy's end is not Locust's
        add_pod(double, "one-worker-2", "worker", proxy=proxy, locust="echo no memory for this; exit 7")
        double.until(lambda: "memory" in double.log(NAMESPACE, "one-worker-2", "locust"))

        def crash() -> str:
            try:
                swarm._raise_what_crashed(swarm.pods())
            except LaunchError as error:
                return str(error)
            return ""

        assert "one-worker-2 ended with exit code 7" in double.until(crash)
        assert crash().endswith("no memory for this")
        double.delete("Pod", NAMESPACE, "one-worker-2")
        double.until(lambda: not crash())
        add_pod(double, "one-worker-3", "worker", init="echo no such package; exit 1", locust="true")
        assert "packages of one-worker-3 ended with exit code 1" in double.until(crash)
        assert crash().endswith("no such package")
        swarm.close()
    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert logs["worker-1.log"] == "locust works\n"
    assert logs["master.log"] == "the master works\n"
    assert double.objects("Pod", NAMESPACE) == []


def test_a_full_disk_does_not_keep_the_release(
    double: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_config_map(double, NAMESPACE, "files")
    add_pod(double, "one-worker-1", "worker", locust="echo works")
    double.until(lambda: double.log(NAMESPACE, "one-worker-1"))
    swarm = swarm_on(Cluster(), tmp_path)
    shutil.rmtree(tmp_path / "logs")
    (tmp_path / "logs").write_text("no folder")
    swarm.close()
    assert double.objects("ConfigMap", NAMESPACE) == double.objects("Pod", NAMESPACE) == []
    assert capsys.readouterr().err == ""


def test_what_helm_does_not_remove_is_removed_without_it(
    double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\necho Error: out of order >&2\nexit 1\n")
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("LOADLAB_HELM", str(tmp_path / "helm"))
    add_config_map(double, NAMESPACE, "files")
    record = {"metadata": {"name": "sh.helm.release", "labels": {"owner": "helm", "name": NAME}}}
    double.create("Secret", record, NAMESPACE)
    with Cluster() as cluster:
        swarm = swarm_on(cluster, tmp_path)
        assert swarm.release.remove() == []
        assert double.objects("ConfigMap", NAMESPACE) == double.objects("Secret", NAMESPACE) == []
        add_config_map(double, NAMESPACE, "files", finalizers=["example.com/keep"])
        monkeypatch.setattr(release, "GONE_S", 0.2)
        assert swarm.release.remove() == ["configmaps/files", "helm uninstall failed: out of order"]
        double.fail("DELETE", "/configmaps", 403)
        with pytest.raises(ClusterRefused, match=r"(?s)HTTP 403.*before that helm uninstall failed: out of order"):
            swarm.release.remove()


def test_the_same_run_in_two_namespaces_is_two_swarms(double: Double) -> None:
    for namespace in (NAMESPACE, "default"):
        add_config_map(double, namespace, "files")
    with Cluster() as cluster:
        assert {each.namespace for each in find_swarms(cluster, everywhere=True)} == {NAMESPACE, "default"}
        assert [each.namespace for each in find_swarms(cluster)] == [NAMESPACE]


class Pods:
    """A cluster in which one worker has been evicted; it does not answer when a log is asked for."""

    kubeconfig_context: str | None = None
    namespace = NAMESPACE

    def list(self, resource: str, *_: str) -> list[dict[str, Any]]:
        assert resource == "pods"
        spec = {"containers": [{"name": "locust"}]}
        return [
            {
                "metadata": {"name": f"x-{part}-1", "labels": {"component": part}},
                "spec": spec,
                "status": {"phase": phase},
            }
            for part, phase in (("master", "Running"), ("worker", "Failed"))
        ]

    def log(self, *_: str) -> str:
        raise ClusterUnreachable("not now")

    def forward(self, pod: str, port: int) -> nullcontext[int]:
        assert (pod, port) == ("x-master", 8089)
        return nullcontext(4711)


def test_a_lost_worker_is_told_though_its_log_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_swarm, "WATCH_S", 0.0)
    monkeypatch.setenv("LOADLAB_HELM", "/nowhere/helm")
    swarm = swarm_on(Pods(), tmp_path)
    looks = iter([False, False, True])
    monkeypatch.setattr(swarm._closed, "wait", lambda _: next(looks))
    swarm._watch()
    assert swarm.lost_parts() == ["worker-1"]


def test_another_cluster_is_not_reached_by_the_names_of_this_ones_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADLAB_HELM", "/nowhere/helm")
    monkeypatch.setattr(kubernetes_swarm, "is_inside_cluster", lambda: True)
    swarm = swarm_on(Pods(), tmp_path)
    monkeypatch.setattr(swarm, "connect", lambda: None)
    monkeypatch.setattr(swarm, "_service_name", lambda: "master.load.svc")
    master = {"metadata": {"name": "x-master"}}
    swarm._reach(master)
    assert swarm.url == "http://master.load.svc:8089"
    swarm.url = ""
    monkeypatch.setattr(Pods, "kubeconfig_context", "us-east")
    swarm._reach(master)
    assert swarm.url == "http://127.0.0.1:4711"
