"""The port of a pod on this machine: many connections, a pod that is gone, and nothing left after it."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cluster_double.tools import conditions
from load_cluster import NAMESPACE, load_cluster
from ports import reserve_ports

from loadlab.launch import cluster as cluster_module
from loadlab.launch.cluster import IN_CLUSTER, Cluster

SERVER = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"


def has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def test_connections_are_carried_and_end_without_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (port,) = reserve_ports(1)
    with load_cluster(tmp_path, monkeypatch) as double, Cluster(None, NAMESPACE) as cluster:
        container = {"name": "web", "image": "none", "command": ["python", "-c", SERVER.format(port=port)]}
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
        pod = {"metadata": {"name": "web"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
        double.create("Pod", pod, NAMESPACE)
        double.until(lambda: conditions(double.object("Pod", NAMESPACE, "web")).get("Ready") is not None)
        with cluster.forward("web", port) as local:
            url = f"http://127.0.0.1:{local}/"
            codes: list[int] = []

            def ask() -> None:
                with urllib.request.urlopen(url, timeout=90) as answer:
                    codes.append(answer.status)

            threads = [threading.Thread(target=ask) for _ in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert codes == [200] * 10
            with socket.create_connection(("127.0.0.1", local), timeout=60) as idle:
                idle.settimeout(0.5)
                double.until(lambda: [double.drop_port_forwards(), has_ended(idle)][-1])
            assert urllib.request.urlopen(url, timeout=90).status == 200
            double.fail("GET", "/portforward", 500, times=2)
            assert urllib.request.urlopen(url, timeout=90).status == 200, "it waits for a server that is unwell"
            double.fail("GET", "/portforward", 403)
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                urllib.request.urlopen(url, timeout=90)
            before = len(double.calls)
            still_open = socket.create_connection(("127.0.0.1", local), timeout=60)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", local), timeout=60)
        still_open.close()
        assert len(double.calls) <= before + 1, "a refused connection is not tried again and again"
    assert "Traceback" not in capfd.readouterr().err


def test_a_pod_without_a_kubeconfig_is_in_its_own_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_cluster(tmp_path, monkeypatch) as double:
        account = tmp_path / "account"
        account.mkdir()
        (account / "token").write_text(double.token)
        (account / "namespace").write_text("other\n")
        monkeypatch.setattr(cluster_module, "_SERVICE_ACCOUNT", account)
        with Cluster() as cluster:
            assert cluster.namespace == NAMESPACE, "a kubeconfig's context goes first"
        monkeypatch.setattr(type(cluster._api.auth), "active_context", "", raising=False)

        async def connect(context: str | None = None, namespace: str | None = None) -> object:
            api = cluster._api
            api.auth.active_context = ""
            return api

        monkeypatch.setattr("kr8s.asyncio.api", connect)
        with Cluster() as inside:
            assert (inside.namespace, inside.context) == ("other", IN_CLUSTER)
            assert cluster_module.is_inside_cluster()
        with Cluster(None, "third") as inside:
            assert inside.namespace == "third"
