"""A CronJob that runs a notebook inside the cluster at a schedule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from loadlab.errors import SpecError
from loadlab.spec import is_url

RUNS_PATH = "/runs"
"""Where the claim for the runs is mounted."""

SPOOL_PATH = f"{RUNS_PATH}/spool"
"""Where runs wait there that are for S3 and could not be sent."""

STOP_S = 180
"""A pod that is told to end gets so long for stopping the load in good order, within the test's `stop_timeout`, and
writing the run."""

HISTORY = 3
"""So many ended Jobs of either outcome stay to be looked at."""

_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)


def check_schedule(schedule: str) -> None:
    """Raise SpecError unless Kubernetes takes `schedule`: five fields as in crontab(5), or a macro such as @daily.

    Unlike many a cron, Kubernetes does not take 7 for Sunday.
    """
    if schedule.startswith("@"):
        if schedule not in _MACROS:
            raise SpecError.unknown("schedule", schedule, _MACROS)
        return
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        raise SpecError(
            "schedule", schedule, "five fields, minute hour day month weekday, such as '0 2 * * *', or @daily"
        )
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, low, high, words) for part in text.split(",")):
            raise SpecError(
                "schedule", schedule, f"{name} from {low} to {high}, *, a range or a list of them, not {text!r}"
            )


def _is_part(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if found is None or (found["step"] is not None and int(found["step"]) == 0):
        return False
    numbers = [_number(text, words, low) for text in (found["first"], found["last"]) if text is not None]
    return all(low <= number <= high for number in numbers) and numbers == sorted(numbers)


def _number(text: str, words: tuple[str, ...], low: int) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + low
    return int(text) if text.isdecimal() else -1


def cron_job(
    name: str,
    *,
    notebook: str,
    parameters: Mapping[str, str],
    schedule: str,
    image: str,
    namespace: str,
    service_account: str,
    runs_claim: str,
    time_zone: str = "",
    timeout_s: float | None = None,
) -> dict[str, Any]:
    """The manifest. One run at a time, none is tried again, and a run that is told to end has time to end well.

    The runs are kept in the PersistentVolumeClaim `runs_claim`, or in S3 where the parameter ``runs`` says so: all else
    that a pod can write to vanishes with it. With both, what cannot be sent to S3 waits in the claim. After `timeout_s`
    the pod is told to end. Raises SpecError for neither, and for a name or a schedule that Kubernetes would not take.
    """
    if not _NAME.fullmatch(name):
        raise SpecError("name", name, "1 to 52 lower-case letters, digits and '-', as Kubernetes names CronJobs")
    check_schedule(schedule)
    runs = parameters.get("runs", "")
    if not runs_claim and not is_url(runs):
        raise SpecError(
            "--runs-claim",
            None,
            "the name of a PersistentVolumeClaim that keeps the runs, or -p runs=s3://bucket/prefix instead; "
            "all else vanishes with the pod",
        )
    place = runs.rstrip("/") if is_url(runs) else RUNS_PATH
    words = ["loadlab", "notebook", notebook, "--quiet", "--output", f"{place}/executed"]
    for key, value in {**parameters, "runs": place}.items():
        words += ["--parameter", f"{key}={value}"]
    variables = {"HOME": "/tmp"}
    if is_url(runs) and runs_claim:
        variables["LOADLAB_SPOOL"] = SPOOL_PATH
    spec: dict[str, Any] = {
        "schedule": schedule,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": HISTORY,
        "failedJobsHistoryLimit": HISTORY,
        "jobTemplate": {"spec": _job(words, variables, image, service_account, runs_claim, timeout_s)},
    }
    if time_zone:
        spec["timeZone"] = time_zone
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "loadlab"}},
        "spec": spec,
    }


def _job(
    words: list[str],
    variables: Mapping[str, str],
    image: str,
    service_account: str,
    claim: str,
    timeout_s: float | None,
) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    if claim:
        volumes.append({"name": "runs", "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": "runs", "mountPath": RUNS_PATH})
    container = {
        "name": "loadlab",
        "image": image,
        "command": [word.replace("$", "$$") for word in words],  # Kubernetes expands $(NAME)
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    job: dict[str, Any] = {
        "backoffLimit": 0,
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "loadlab", "app.kubernetes.io/component": "notebook"}},
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": service_account,
                "terminationGracePeriodSeconds": STOP_S,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 1000,
                    "fsGroup": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": volumes,
            },
        },
    }
    if timeout_s is not None:
        job["activeDeadlineSeconds"] = max(1, round(timeout_s))
    return job
