"""helm 3 and helm 4 as loadlab runs them, without a cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from helm_tools import helm
from locust_left import until

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


WAITING = """#!/bin/sh
echo > {folder}/began
for attempt in $(seq 1200); do
    [ -e {folder}/go ] && break
    sleep 0.05
done
echo > {folder}/ended
"""


def test_an_interrupt_waits_until_helm_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "helm").write_text(WAITING.format(folder=tmp_path))
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("LOADLAB_HELM", str(tmp_path / "helm"))

    def interrupt() -> None:
        until((tmp_path / "began").exists)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        (tmp_path / "go").touch()

    def install() -> None:
        try:
            Helm().install("r", Chart(str(CHART)), {})
        except KeyboardInterrupt:
            assert (tmp_path / "ended").exists()
            raise

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            install()
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
