"""Where pods go: selectors, taints, anti-affinity and room."""

from typing import Any

from cluster_double import Cluster
from cluster_double.tools import job

AWAY = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "labelSelector": {"matchLabels": {"app": "target"}},
                "topologyKey": "kubernetes.io/hostname",
                "namespaceSelector": {},
            }
        ]
    }
}
TAINT = {"key": "load", "value": "only", "effect": "NoSchedule"}


def node_of(cluster: Cluster, name: str) -> str:
    def scheduled() -> str:
        pods = [pod for pod in cluster.objects("Pod") if pod["metadata"]["labels"]["app"] == name]
        return str(pods[0]["spec"].get("nodeName", "")) if pods else ""

    return str(cluster.until(scheduled))


def why_not(cluster: Cluster, **pod: Any) -> str:
    cluster.create("Job", job("stuck", "true", pod=pod), "load")
    return str(cluster.until(lambda: cluster.events("load", "FailedScheduling"))[0])


def test_away_from_the_target(cluster: Cluster) -> None:
    cluster.create("Job", job("target", "sleep 100", parallelism=2, completions=2), "other")
    cluster.until(lambda: len([pod for pod in cluster.objects("Pod") if pod["spec"].get("nodeName")]) == 2)
    used = {pod["spec"]["nodeName"] for pod in cluster.objects("Pod")}
    for number in range(2):
        cluster.create("Job", job(f"load-{number}", "sleep 100", pod={"affinity": AWAY}), "load")
        assert node_of(cluster, f"load-{number}") not in used


def test_no_node_is_without_the_target(cluster: Cluster) -> None:
    cluster.create("Job", job("target", "sleep 100", parallelism=3, completions=3), "other")
    cluster.until(lambda: len([pod for pod in cluster.objects("Pod") if pod["spec"].get("nodeName")]) == 3)
    assert "3 node(s) didn't match pod anti-affinity rules" in why_not(cluster, affinity=AWAY)


def test_selector_and_toleration(cluster: Cluster) -> None:
    cluster.node("node-3", labels={"pool": "load"}, taints=[TAINT])
    pod: dict[str, Any] = {"nodeSelector": {"pool": "load"}}
    reasons = "1 node(s) had untolerated taint {load: only}, 2 node(s) didn't match Pod's node affinity/selector"
    assert reasons in why_not(cluster, **pod)
    pod["tolerations"] = [{"key": "load", "operator": "Exists"}]
    cluster.create("Job", job("fits", "true", pod=pod), "load")
    assert node_of(cluster, "fits") == "node-3"


def test_no_room(cluster: Cluster) -> None:
    for number in (1, 2, 3):
        cluster.node(f"node-{number}", cpu="2")
    big = {"name": "main", "image": "none", "command": ["true"], "resources": {"requests": {"cpu": "2500m"}}}
    assert why_not(cluster, containers=[big]).startswith("0/3 nodes are available: 3 Insufficient cpu.")


def test_the_project_is_in_its_own_image_only(cluster: Cluster) -> None:
    cluster.project_images = ["*/loadlab:*"]
    script = "python -c 'import loadlab; print(loadlab.__name__)'"
    cluster.create("Job", job("own", script, container={"image": "registry/loadlab:1"}), "load")
    cluster.until(lambda: cluster.object("Job", "load", "own")["status"].get("succeeded"))
    cluster.create("Job", job("other", script, container={"image": "locustio/locust:2"}), "load")
    cluster.until(lambda: cluster.object("Job", "load", "other")["status"].get("failed"))
