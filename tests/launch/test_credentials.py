"""Which cluster is meant stays what it was when it was looked up, and credentials that end are renewed."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
import yaml
from cluster_double import Cluster as Double
from cluster_double.tools import conditions
from load_cluster import NAMESPACE, load_cluster, load_clusters
from ports import reserve_ports

from loadlab.errors import ClusterRefused, ClusterUnreachable
from loadlab.launch.cluster import Cluster
from loadlab.launch.helm import Chart, Helm

SERVER = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"


def edit_kubeconfig(folder: Path, **changes: object) -> None:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def take_token_from(folder: Path, double: Double, command: str) -> None:
    """Let the kubeconfig name a program that writes the token."""
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", command]}
    edit_kubeconfig(folder, users=[{"name": double.url, "user": {"exec": program}}])


def rotate_token(folder: Path, double: Double, token: str) -> str:
    """Make the cluster take no other token; a command that writes it."""
    double.token = token
    (folder / "token").write_text(f'{{"status": {{"token": "{token}"}}}}')
    return f"cat {folder / 'token'}"


@pytest.fixture
def small_chart(tmp_path: Path) -> Chart:
    chart = tmp_path / "small"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 0.1.0\n")
    (chart / "templates/map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: small}\n")
    return Chart(str(chart))


@pytest.mark.parametrize("major", [3, 4])
def test_helm_goes_where_the_guard_rails_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_chart: Chart, major: int
) -> None:
    with (
        load_clusters(tmp_path, monkeypatch, "checked", "prod", helm_major=major) as doubles,
        Cluster() as cluster,
    ):
        monkeypatch.setenv("HELM_KUBECONTEXT", "prod")
        monkeypatch.setenv("HELM_KUBEAPISERVER", doubles["prod"].url)
        monkeypatch.setenv("HELM_NAMESPACE", "default")
        edit_kubeconfig(tmp_path, **{"current-context": "prod"})
        assert (cluster.context, cluster.kubeconfig_context) == ("checked", "checked")
        Helm(cluster.kubeconfig_context, cluster.namespace).install("small", small_chart, {})
        there = {name: [each["metadata"]["name"] for each in it.objects("ConfigMap")] for name, it in doubles.items()}
        assert there == {"checked": ["small"], "prod": []}
        doubles["checked"].token = "another"
        with pytest.raises(ClusterRefused, match="401"):
            cluster.list("pods")
        assert cluster.context == cluster._api.auth.active_context, "credentials are read anew from the same context"


def test_credentials_that_end_are_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_cluster(tmp_path, monkeypatch) as double:
        take_token_from(tmp_path, double, rotate_token(tmp_path, double, "first"))
        (port,) = reserve_ports(1)
        container = {"name": "web", "image": "none", "command": ["python", "-c", SERVER.format(port=port)]}
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
        pod = {"metadata": {"name": "web"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
        double.create("Pod", pod, NAMESPACE)
        double.until(lambda: conditions(double.object("Pod", NAMESPACE, "web")).get("Ready") is not None)
        with Cluster() as cluster, cluster.forward("web", port) as local:
            for token in ("second", "third"):
                assert [each["metadata"]["name"] for each in cluster.list("pods")] == ["web"]
                rotate_token(tmp_path, double, token)
                with urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=90) as answer:
                    assert answer.status == 200
                rotate_token(tmp_path, double, f"{token} again")
                cluster.create({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": token}})
            double.token = "one that nobody has"
            with pytest.raises(ClusterRefused, match=r"HTTP 401\): Unauthorized"):
                cluster.list("pods")
            take_token_from(tmp_path, double, "echo please log in again >&2; exit 3")
            with pytest.raises(ClusterUnreachable, match=r"(?s)no new ones.*please log in again"):
                cluster.list("pods")


def test_a_kubeconfig_that_leads_nowhere_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with load_cluster(tmp_path, monkeypatch) as double:
        take_token_from(tmp_path, double, "echo please log in >&2; exit 3")
        with pytest.raises(ClusterUnreachable, match=r"(?s)leads to no cluster.*please log in"):
            Cluster()
        take_token_from(tmp_path, double, "echo '[]'")
        with pytest.raises(ClusterUnreachable, match="leads to no cluster"):
            Cluster()
    for text in ("contexts: [", "- a list", "contexts: []\n"):
        (tmp_path / "kubeconfig").write_text(text)
        with pytest.raises(ClusterUnreachable, match="leads to no cluster"):
            Cluster()
