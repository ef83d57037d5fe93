"""One run, looked at while it goes on: by other commands, by helm's test, and past its broken connections."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from place import ENFORCED, RUN, Place, command, test_of, until

import loadlab
from loadlab.errors import SpecError
from loadlab.launch.cluster import Cluster
from loadlab.launch.helm import Helm
from loadlab.workbench import LiveRun


@pytest.fixture(scope="module")
def live(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    folder = tmp_path_factory.mktemp("alive")
    before = place.seen()
    test = test_of(place, folder, run_time=600)
    live = loadlab.start(test, runs=folder / "runs", launcher=place.launcher())
    try:
        until(lambda: live.tables.last_second, "the first second of the run")
        yield live
    finally:
        live.stop()
        run = live.wait()
    seen = place.seen_at_rest() - before
    assert run.conservation["sent"] == seen, f"the target saw {seen} requests, the archive says {run.conservation}"
    assert not place.leftovers()


def test_it_is_listed(place: Place, live: LiveRun, folder: Path) -> None:
    said = command("swarms", *place.where(), cwd=folder)
    assert live.id in said, said
    assert "nothing to remove" in command("gc", *place.where(), cwd=folder), "a run that goes on is no orphan"


def test_a_second_load_on_its_target_is_refused(place: Place, live: LiveRun, folder: Path) -> None:
    with pytest.raises(SpecError, match="a host that no other run loads") as raised:
        loadlab.start(test_of(place, folder), runs=folder / "runs", launcher=place.launcher())
    assert live.id in str(raised.value)


def test_the_chart_tests_itself(place: Place, live: LiveRun) -> None:
    helm = [Helm().program, "--kube-context", place.context, "--namespace", place.namespace]
    words = [*helm, "test", f"loadlab-{live.id}", "--logs", "--timeout", "180s"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"helm test failed: {done.stdout}{done.stderr}"
    assert "Succeeded" in done.stdout


def test_everything_carries_the_run_and_its_end(place: Place, live: LiveRun) -> None:
    for kind in ("pods", "jobs", "services", "secrets", "configmaps", "serviceaccounts", "networkpolicies"):
        found = place.get(kind, f"{RUN}={live.id}")
        assert found, f"no {kind} of the run"
        for each in found:
            labels = each["metadata"]["labels"]
            assert {"loadlab.dev/owner", "loadlab.dev/expires"} <= labels.keys(), each["metadata"]["name"]
    for job in place.get("jobs", f"{RUN}={live.id}"):
        assert job["spec"]["activeDeadlineSeconds"] > 600, job["spec"]
        assert job["spec"]["ttlSecondsAfterFinished"] > 0, job["spec"]


def test_the_stream_outlives_its_connections(place: Place, live: LiveRun) -> None:
    with Cluster(place.context, place.namespace) as cluster:
        url = urlsplit(cluster.server)
    port = url.port or (443 if url.scheme == "https" else 80)
    broken_at = live.tables.last_second
    assert broken_at is not None
    assert _break_connections(port) > 0, "there is no connection to the API server"
    until(lambda: (live.tables.last_second or 0) >= broken_at + 4, "seconds after the break")
    seconds = live.tables.frame("requests")["time"].drop_duplicates().sort_values()
    gaps = seconds.diff().dropna().dt.total_seconds()
    assert (gaps == 1).all(), f"seconds are missing: {seconds.to_list()}"


def test_restricted_pods_are_all_that_the_namespace_takes(place: Place, live: LiveRun) -> None:
    if place.labels.get(ENFORCED) != "restricted":
        pytest.skip(f"namespace {place.namespace} has no label {ENFORCED}=restricted")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loadlab-privileged"},
        "spec": {"containers": [{"name": "c", "image": place.image, "securityContext": {"privileged": True}}]},
    }
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        place.kubectl("create", "--dry-run=server", "--filename", "-", stdin=pod)
    pods = place.get("pods", f"{RUN}={live.id}")
    assert len(pods) == 3, [pod["metadata"]["name"] for pod in pods]
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}


def _break_connections(port: int) -> int:
    """Shut down every connection of this process to `port`, as a network does that fails; how many there were."""
    broken = 0
    for each in psutil.Process().net_connections("tcp"):
        if each.status == psutil.CONN_ESTABLISHED and each.raddr and each.raddr.port == port and each.fd >= 0:
            with socket.socket(fileno=os.dup(each.fd)) as twin:
                twin.shutdown(socket.SHUT_RDWR)
                broken += 1
    return broken
