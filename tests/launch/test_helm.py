"""helm 3 and helm 4 as loadlab runs them, without a cluster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helm_tools import helm

from loadlab.errors import HelmFailed
from loadlab.launch.helm import CHART, Chart, Helm
from loadlab.spec import LoadTest
from loadlab.workbench import make_launcher

VALUES = {"loadtest": {"locust_host": "http://shop:80", "name": "a\n---\nb"}, "worker": {"replicas": 3}}


@pytest.fixture(autouse=True, params=[3, 4])
def no_cluster(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.setenv("LOADLAB_HELM", str(helm(request.param)))
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path / f"helm-{name.lower()}"))


def test_the_users_values_go_over_loadlabs(tmp_path: Path) -> None:
    chart = Chart(str(CHART), value_files=(str(tmp_path / "own.yaml"),), settings=("worker.resources.requests.cpu=2",))
    (tmp_path / "own.yaml").write_text("{worker: {resources: {requests: {cpu: 1}}}, service: {port: 12345}}")
    assert Helm().merged_values("r", chart, VALUES) == {
        **VALUES,
        "worker": {"replicas": 3, "resources": {"requests": {"cpu": 2}}},
        "service": {"port": 12345},
    }


def test_what_the_charts_schema_refuses_is_told() -> None:
    with pytest.raises(HelmFailed, match="replica"):
        Helm().merged_values("r", Chart(str(CHART), settings=("worker.replica=3",)), VALUES)


def test_a_test_is_described(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("")
    test = LoadTest(locustfile=tmp_path / "shop.py", host="http://shop:80", workers=7)
    assert "replicas: 7" in make_launcher("kubernetes", namespace="load").describe(test)
