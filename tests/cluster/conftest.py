"""The cluster that KUBECONFIG leads to, a namespace in it, and a target in that.

LOADLAB_TEST_CONTEXT     the context of the kubeconfig; without it the current one
LOADLAB_TEST_NAMESPACE   the namespace, by default loadlab-test; made, and removed again, where it is not there
LOADLAB_TEST_IMAGE       an image with Python and Locust, by default locustio/locust of the installed Locust's version
LOADLAB_TEST_FREE_PORTS  1 where pods share a network with this machine: every pod gets ports that are free here
LOADLAB_TEST_DEADLINE    seconds after which the test of the deadline lets Kubernetes end a run, 60 by default
LOADLAB_TEST_NODE_WAIT   seconds for which the test of pods without a node waits for one, 25 by default
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import helm_tools
import pytest
from place import ENFORCED, KINDS, TARGET, Place, target_objects, until
from ports import reserve_ports

SMALL = [f"{part}.resources.requests.{what}" for part in ("master", "worker") for what in ("cpu=100m", "memory=128Mi")]


@pytest.fixture(scope="session")
def cluster_place() -> Place:
    """The cluster, seen to answer."""
    kubectl = str(helm_tools.kubectl())
    context = os.environ.get("LOADLAB_TEST_CONTEXT", "")
    if not context:
        asked = subprocess.run([kubectl, "config", "current-context"], capture_output=True, text=True, check=False)
        context = asked.stdout.strip()
        if not context:
            pytest.exit(f"no cluster: KUBECONFIG has no current context. {asked.stderr.strip()}", returncode=4)
    words = [kubectl, "--context", context, "version", "--request-timeout", "20s"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.exit(f"the cluster of context '{context}' does not answer: {answer.stderr.strip()}", returncode=4)
    web, master, target = 8089, 5557, 8000
    if os.environ.get("LOADLAB_TEST_FREE_PORTS") == "1":
        web, master, target = reserve_ports(3)
    return Place(
        context=context,
        namespace=os.environ.get("LOADLAB_TEST_NAMESPACE", "loadlab-test"),
        image=os.environ.get("LOADLAB_TEST_IMAGE", f"locustio/locust:{metadata.version('locust')}"),
        target_port=target,
        settings=[*SMALL, f"service.port={web}", f"loadlab.masterPort={master}"],
    )


@pytest.fixture(scope="session")
def place(cluster_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A namespace with a target that counts, guard rails that allow loading it, and helm; nothing of it stays."""
    place = cluster_place
    folder = tmp_path_factory.mktemp("place")
    guard = folder / "guard.yaml"
    guard.write_text(f"contexts: ['{place.context}']\nnamespaces: ['{place.namespace}']\ntargets: ['{place.host}']\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOADLAB_GUARD", str(guard))
        if not os.environ.get("LOADLAB_HELM") and shutil.which("helm") is None:
            patch.setenv("LOADLAB_HELM", str(helm_tools.helm()))
        _make_namespace(place)
        try:
            left = place.leftovers()
            assert not left, f"namespace {place.namespace} holds swarms already; end them first: {left}"
            _start_target(place)
            yield place
            left = place.leftovers()
            assert not left, f"the tests have left something in namespace {place.namespace}: {left}"
        finally:
            place.kubectl("delete", "pod,service,configmap", TARGET, "--ignore-not-found")
            if place.created:
                place.kubectl("delete", "namespace", place.namespace, "--timeout", "200s", anywhere=True)


def _make_namespace(place: Place) -> None:
    words = ["get", "namespace", place.namespace, "--ignore-not-found", "--output", "name"]
    if not place.kubectl(*words, anywhere=True).strip():
        head = {"name": place.namespace, "labels": {ENFORCED: "restricted", f"{ENFORCED}-version": "latest"}}
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": head}
        place.kubectl("create", "--filename", "-", stdin=manifest, anywhere=True)
        place.created = True
        until(lambda: place.get("serviceaccounts"), "the namespace's default ServiceAccount")
    [namespace] = [each for each in place.get("namespaces") if each["metadata"]["name"] == place.namespace]
    place.labels = namespace["metadata"].get("labels") or {}


def _start_target(place: Place) -> None:
    for manifest in target_objects(place):
        place.kubectl("create", "--filename", "-", stdin=manifest)
    words = ["wait", f"pod/{TARGET}", "--for", "condition=Ready", "--timeout", "200s"]
    try:
        place.kubectl(*words)
    except AssertionError as error:
        raise AssertionError(
            f"the target does not start; is the image {place.image} (LOADLAB_TEST_IMAGE) one that the nodes can pull? "
            f"{error}\n{place.kubectl('describe', 'pod', TARGET)}"
        ) from None


@pytest.fixture
def clean(place: Place) -> Iterator[None]:
    """After the test nothing of a swarm is left."""
    yield
    left = place.leftovers()
    details = place.kubectl("get", KINDS, "--output", "wide") if left else ""
    assert not left, f"left in namespace {place.namespace}: {left}\n{details}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder that the test works in."""
    return tmp_path
