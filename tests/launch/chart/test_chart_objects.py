"""What the chart renders is valid, restricted and labelled, whatever it is asked for, with helm 3 and 4."""

from __future__ import annotations

import copy
import functools
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pod_security import violations
from rendering import CHART, NAMESPACE, RELEASE, Object, containers, one, pods, render
from value_cases import CASES, EVERYTHING

import loadlab

OLDEST, NEWEST = "1.29", "1.37"
"""Kubernetes versions whose schemas are asked: the first that the chart allows, and the newest that is known."""


@functools.cache
def rendered(case: str, major: int = 4) -> list[Object]:
    return render(CASES[case], major=major)


def in_every_case(test: Any) -> Any:
    return pytest.mark.parametrize("case", CASES)(test)


@in_every_case
def test_helm_3_and_4_render_the_same(case: str) -> None:
    assert rendered(case, 3) == rendered(case, 4)


@in_every_case
def test_the_api_takes_it(case: str) -> None:
    for entry in rendered(case):
        kubernetes_validate.validate(entry, NEWEST, strict=True)


@pytest.mark.parametrize("case", ["defaults", "everything"])
def test_the_oldest_api_takes_it(case: str) -> None:
    for entry in rendered(case):
        kubernetes_validate.validate(entry, OLDEST, strict=True)


def test_the_schemas_can_refuse() -> None:
    job = copy.deepcopy(one(rendered("defaults"), "Job", "-worker"))
    job["spec"]["backofLimitPerIndex"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, NEWEST, strict=True)


@in_every_case
def test_every_pod_is_restricted(case: str) -> None:
    found = dict(pods(rendered(case)))
    assert found
    for name, pod in found.items():
        assert violations(pod["spec"], pod["metadata"].get("annotations")) == set(), name


@in_every_case
def test_every_pod_is_hardened(case: str) -> None:
    for name, pod in pods(rendered(case)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["restartPolicy"] == "Never", name
        assert spec["serviceAccountName"], name
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["resources"]["requests"], (name, container["name"])
            assert container["resources"]["limits"], (name, container["name"])
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]], name
        for volume in spec["volumes"]:
            if volume["name"] == "tmp":
                assert volume["emptyDir"]["sizeLimit"], name


@in_every_case
def test_volumes_and_mounts_fit_together(case: str) -> None:
    for name, pod in pods(rendered(case)):
        volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
        assert len(volumes) == len(set(volumes)), name
        for container in containers(pod):
            mounts = container["volumeMounts"]
            assert {mount["name"] for mount in mounts} <= set(volumes), name
            paths = [mount["mountPath"] for mount in mounts]
            assert len(paths) == len(set(paths)), name


@in_every_case
def test_everything_carries_the_labels_of_the_release(case: str) -> None:
    objects = rendered(case)
    templates = [pod for _, pod in pods(objects)]
    for entry in [*objects, *templates]:
        labels = entry["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "loadlab"
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/version"] == loadlab.__version__
        assert labels.items() >= CASES[case].get("extraLabels", {}).items()
        assert all(isinstance(value, str) and len(value) <= 63 for value in labels.values())
    for entry in objects:
        assert entry["metadata"]["namespace"] == NAMESPACE


def test_everything_tells_owner_and_expiry() -> None:
    objects = rendered("everything")
    for entry in [*objects, *(pod for _, pod in pods(objects))]:
        annotations = entry["metadata"]["annotations"]
        assert annotations["loadlab.dev/owner"] == "Ana <ana@shop.example>"
        labels = entry["metadata"]["labels"]
        assert (labels["loadlab.dev/owner"], labels["loadlab.dev/expires"]) == ("ana", "20261124T233000Z")


def test_extra_labels_do_not_change_what_is_selected() -> None:
    objects = render({"extraLabels": {"component": "mine", "app.kubernetes.io/instance": "mine"}})
    labels = one(objects, "Job", "-worker")["spec"]["template"]["metadata"]["labels"]
    assert (labels["component"], labels["app.kubernetes.io/instance"]) == ("worker", RELEASE)


@in_every_case
def test_selectors_match_their_pods_alone(case: str) -> None:
    objects = rendered(case)
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects)}

    def selected(selector: dict[str, str]) -> list[str]:
        return [name for name, own in labels.items() if own.items() >= selector.items()]

    prefix = CASES[case].get("loadlab", {}).get("fullname", RELEASE)
    master, worker = f"{prefix}-master", f"{prefix}-worker"
    assert selected(one(objects, "Service", "-master")["spec"]["selector"]) == [master]
    assert selected({"app.kubernetes.io/instance": RELEASE, "component": "master"}) == [master]
    for spread in one(objects, "Job", "-worker")["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
        assert selected(spread["labelSelector"]["matchLabels"]) == [worker]
    for policy in (entry for entry in objects if entry["kind"] == "NetworkPolicy"):
        assert selected(policy["spec"]["podSelector"]["matchLabels"]) == [policy["metadata"]["name"]]
    if "networkPolicy" not in CASES[case].get("loadlab", {}):
        (peer,) = one(objects, "NetworkPolicy", "-master")["spec"]["ingress"][0]["from"]
        assert selected(peer["podSelector"]["matchLabels"]) == [worker]


@in_every_case
def test_ports_have_one_meaning(case: str) -> None:
    objects = rendered(case)
    (container,) = one(objects, "Job", "-master")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for port in one(objects, "Service", "-master")["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    assert ("web" in ports) == (case != "headless")


@pytest.mark.parametrize("major", [3, 4])
def test_long_names_stay_names(major: int) -> None:
    release = "r" * 53  # as long as helm allows
    objects = render({"worker": {"replicas": 10_000}}, release=release, major=major)
    for entry in objects:
        assert len(entry["metadata"]["name"]) <= 63
    name = one(objects, "Job", "-worker")["metadata"]["name"]
    assert len(f"{name}-9999") <= 63, "the host name of a worker"
    assert one(objects, "Job", "-master")["spec"]["template"]["metadata"]["labels"]["component"] == "master"
    worker = one(objects, "Job", "-worker")["spec"]["template"]["spec"]["containers"][0]
    host = worker["args"][worker["args"].index("--master-host") + 1]
    assert host == one(objects, "Service", "-master")["metadata"]["name"]


def test_everything_is_a_case_of_every_key() -> None:
    """The case named so gives all keys of the chart, but for those that would switch others off."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    left = set()
    for part, keys in defaults.items():
        if isinstance(keys, dict) and part not in ("podSecurityContext", "securityContext"):
            left |= {f"{part}.{key}" for key in set(keys) - set(EVERYTHING.get(part, {}))}
    assert left == {
        "loadtest.locust_locustfile_path",
        "loadtest.headless",
        "master.args_include_default",
        "master.resources",
        "master.affinity",
        "worker.args_include_default",
        "worker.logLevel",
        "worker.hpa",
        "loadlab.command",
        "loadlab.workerReplacements",
        "loadlab.terminationGracePeriodSeconds",
        "loadlab.topologySpread",
        "loadlab.tmpSizeLimit",
    }
