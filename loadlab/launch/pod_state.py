"""Why the pods of a swarm are not there yet, told from what Kubernetes says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

HOPELESS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "Evicted",
        "ImagePullBackOff",
        "InvalidImageName",
        "OOMKilled",
        "StartError",
    }
)
"""Reasons that waiting does not mend."""

_MEND = {
    "ImagePullBackOff": "is the image's name right (image=), may the node pull it (image.pullSecrets)?",
    "ErrImagePull": "is the image's name right (image=), may the node pull it (image.pullSecrets)?",
    "InvalidImageName": "image= names no image",
    "OOMKilled": "it needs more memory than its limit (master.resources or worker.resources in the Helm values)",
    "Unschedulable": "no node fits its requests, its affinity and its tolerations; an autoscaler may bring one",
    "CreateContainerConfigError": "a Secret or ConfigMap that it refers to is missing (secrets=)",
}


@dataclass(frozen=True)
class Trouble:
    """What holds one pod, or all pods of a Job, up. `hopeless` says that waiting will not help."""

    about: str
    reason: str
    message: str
    hopeless: bool

    def __str__(self) -> str:
        mend = _MEND.get(self.reason)
        said = f": {self.message}" if self.message else ""
        return f"{self.about}: {self.reason}{said}{f' ({mend})' if mend else ''}"


def main_container(pod: Object) -> str:
    """The name of the container that Locust runs in; the others, if there are any, stand beside it."""
    names = [str(each["name"]) for each in pod["spec"]["containers"]]
    return "locust" if "locust" in names else names[0]


def is_ready(pod: Object) -> bool:
    """True if Kubernetes calls the pod ready."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_over(pod: Object) -> bool:
    """True if the pod has ended, well or not, or is about to be removed."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]


def has_ended(job: Object) -> bool:
    """True if the Job is complete or has failed: it makes no more pods."""
    conditions = job.get("status", {}).get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def find_troubles(pods: Iterable[Object], jobs: Iterable[Object], events: Iterable[Object]) -> list[Trouble]:
    """What holds the pods up: each pod's own trouble, and of Jobs without pods the last warning about them."""
    found = [trouble for pod in pods if (trouble := _of_pod(pod)) is not None]
    warnings = {
        event["involvedObject"]["name"]: event
        for event in sorted(events, key=_time_of)
        if event.get("type") == "Warning" and event.get("involvedObject", {}).get("kind") == "Job"
    }
    for job in jobs:
        name, status = job["metadata"]["name"], job.get("status", {})
        failed = next((each for each in status.get("conditions") or () if each["type"] == "Failed"), None)
        if failed is not None and failed["status"] == "True":
            found.append(Trouble(name, failed.get("reason", "Failed"), failed.get("message", ""), hopeless=True))
        elif not status.get("active") and name in warnings:
            event = warnings[name]
            found.append(Trouble(name, event["reason"], event.get("message", ""), _is_refusal(event)))
    return found


def _is_refusal(event: Object) -> bool:
    """True for a pod that was refused rather than delayed: a quota, an admission policy."""
    message = event.get("message", "")
    return event.get("reason") == "FailedCreate" and any(
        word in message for word in ("exceeded quota", "violates PodSecurity", "denied the request", "is forbidden")
    )


def _of_pod(pod: Object) -> Trouble | None:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if status.get("reason"):  # Evicted, NodeLost, ...
        return Trouble(name, status["reason"], status.get("message", ""), status["reason"] in HOPELESS)
    for each in status.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return Trouble(name, each.get("reason", "Unschedulable"), each.get("message", ""), hopeless=False)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        trouble = _of_container(name, container)
        if trouble is not None:
            return trouble
    return None


def _of_container(pod: str, container: Object) -> Trouble | None:
    state, last = container.get("state", {}), container.get("lastState", {})
    waiting = state.get("waiting", {})
    ended = state.get("terminated") or last.get("terminated") or {}
    if ended.get("reason") == "OOMKilled":
        return Trouble(pod, "OOMKilled", f"exit code {ended.get('exitCode')}", hopeless=True)
    reason = waiting.get("reason", "")
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        return Trouble(pod, reason, waiting.get("message", ""), reason in HOPELESS)
    if state.get("terminated") and ended.get("exitCode"):
        text = f"exit code {ended['exitCode']}"
        return Trouble(pod, ended.get("reason") or "Error", text, hopeless=True)
    return None


def _time_of(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")
