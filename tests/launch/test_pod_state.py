"""Why pods are not there, from what Kubernetes says of them."""

from __future__ import annotations

from typing import Any

import pytest

from loadlab.launch.pod_state import find_troubles, is_over, is_ready


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "swarm-worker-0"}, "status": status}


def container(state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "locust", "state": state, "lastState": last or {}}]}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return container({"waiting": {"reason": reason, "message": message}})


UNSCHEDULABLE = {
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient cpu.",
        }
    ]
}


@pytest.mark.parametrize(
    ("status", "said", "hopeless"),
    [
        (UNSCHEDULABLE, "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.", False),
        (waiting("ErrImagePull", "not found"), "ErrImagePull: not found", False),
        (waiting("ImagePullBackOff", 'Back-off pulling image "locust:nope"'), "is the image's name right", True),
        (waiting("CreateContainerConfigError", 'secret "keys" not found'), "a Secret or ConfigMap", True),
        (waiting("CrashLoopBackOff"), "CrashLoopBackOff", True),
        (container({"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "needs more memory", True),
        (
            container(
                {"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
            ),
            "OOMKilled",
            True,
        ),
        (container({"terminated": {"reason": "Error", "exitCode": 2}}), "exit code 2", True),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted: low on memory", True),
    ],
)
def test_a_pods_trouble_is_told(status: dict[str, Any], said: str, hopeless: bool) -> None:
    (trouble,) = find_troubles([pod(**status)], [], [])
    assert said in str(trouble)
    assert str(trouble).startswith("swarm-worker-0: ")
    assert trouble.hopeless is hopeless


@pytest.mark.parametrize(
    "status",
    [{}, {"phase": "Running", **container({"running": {}})}, waiting("ContainerCreating"), waiting("PodInitializing")],
)
def test_a_pod_that_is_coming_is_no_trouble(status: dict[str, Any]) -> None:
    assert find_troubles([pod(**status)], [], []) == []


def event(reason: str, message: str, time: str = "2026-11-24T12:00:00Z") -> dict[str, Any]:
    return {
        "metadata": {},
        "type": "Warning",
        "involvedObject": {"kind": "Job", "name": "swarm-worker"},
        "reason": reason,
        "message": message,
        "lastTimestamp": time,
    }


def test_a_job_without_pods_tells_its_last_warning() -> None:
    job = {"metadata": {"name": "swarm-worker"}, "status": {}}
    events = [
        event("FailedCreate", 'pods "x" is forbidden: exceeded quota: compute', "2026-11-24T12:00:09Z"),
        event("FailedCreate", "timeout", "2026-11-24T12:00:01Z"),
    ]
    (trouble,) = find_troubles([], [job], events)
    assert "exceeded quota: compute" in str(trouble)
    assert trouble.hopeless
    assert not find_troubles([], [job], [event("FailedCreate", "timeout")])[0].hopeless
    assert find_troubles([], [{**job, "status": {"active": 2}}], events) == []


def test_a_failed_job_is_hopeless() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "was active too long"}
    (trouble,) = find_troubles([], [{"metadata": {"name": "m"}, "status": {"conditions": [failed]}}], [])
    assert str(trouble) == "m: DeadlineExceeded: was active too long"
    assert trouble.hopeless


def test_ready_and_over() -> None:
    assert is_ready(pod(conditions=[{"type": "Ready", "status": "True"}]))
    assert not is_ready(pod(conditions=[{"type": "Ready", "status": "False"}]))
    assert not is_ready(pod())
    assert is_over(pod(phase="Succeeded"))
    assert is_over({"metadata": {"name": "x", "deletionTimestamp": "now"}, "status": {"phase": "Running"}})
    assert not is_over(pod(phase="Running"))
