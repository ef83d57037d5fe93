"""The controller of Jobs: parallelism, completions, indexes, failures, the deadline, and the time to live."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cluster_double.controllers import INDEX, PODS, age_s, conditions, create_pod
from cluster_double.resources import RESOURCES
from cluster_double.store import is_owned, is_terminal, now

if TYPE_CHECKING:
    from cluster_double.cluster import Cluster

Object = dict[str, Any]


@dataclass
class Record:
    """What has become of a Job's pods, whether or not they are still there: uid -> index."""

    active: dict[str, int | None] = field(default_factory=dict)
    succeeded: dict[str, int | None] = field(default_factory=dict)
    failed: dict[str, int | None] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    gave_up: set[int] = field(default_factory=set)
    not_before: float = 0.0
    attempts: int = 0
    started: float = field(default_factory=time.time)
    seen: dict[str, Object] = field(default_factory=dict)


class Jobs:
    """All Jobs. What it remembers is what the real one keeps with finalizers on pods."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._records: dict[str, Record] = {}

    def sync(self) -> None:
        for job in self.cluster.store.all("jobs"):
            if job["metadata"].get("deletionTimestamp"):
                continue
            done = _finished(job)
            if done is None:
                self._sync(job)
            else:
                ttl = job["spec"].get("ttlSecondsAfterFinished")
                if ttl is not None and age_s(done["lastTransitionTime"]) >= ttl:
                    meta = job["metadata"]
                    self.cluster.store.delete(RESOURCES["jobs"], meta["namespace"], meta["name"], "Foreground")
                else:
                    self._write(job, self._pods(job), job["status"])

    def _pods(self, job: Object) -> list[Object]:
        pods = self.cluster.store.all("pods", job["metadata"]["namespace"])
        return [pod for pod in pods if is_owned(pod, job["metadata"]["uid"])]

    def _sync(self, job: Object) -> None:
        record = self._records.setdefault(job["metadata"]["uid"], Record())
        pods = self._pods(job)
        status = dict(job["status"])
        spec = job["spec"]
        if "startTime" not in status and not spec.get("suspend"):
            status["startTime"] = now()
        failure = self._count(job, record, pods)
        deadline, limit = spec.get("activeDeadlineSeconds"), spec.get("backoffLimit")
        indexed = spec.get("completionMode") == "Indexed"
        completions = spec.get("completions")
        successes = len(set(record.succeeded.values())) if indexed else len(record.succeeded)
        active = [pod for pod in pods if not is_terminal(pod) and not pod["metadata"].get("deletionTimestamp")]
        if spec.get("suspend"):
            self._delete(active)
        elif failure:
            self._fail(job, status, active, *failure)
        elif limit is not None and len(record.failed) > limit:
            self._fail(job, status, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif deadline is not None and time.time() - record.started > deadline:
            message = "Job was active longer than specified deadline"
            self._fail(job, status, active, "DeadlineExceeded", message)
        elif completions is not None and successes + len(record.gave_up) >= completions:
            if record.gave_up:
                self._fail(job, status, active, "FailedIndexes", "Job has failed indexes")
            else:
                self._complete(job, status)
        elif completions is None and record.succeeded and not active:
            self._complete(job, status)
        else:
            self._fill(job, record, active, completions, successes, indexed)
        self._write(job, self._pods(job), status)

    def _count(self, job: Object, record: Record, pods: list[Object]) -> tuple[str, str] | None:
        """Enter what has ended; a reason when the Job has to fail for it."""
        there = {pod["metadata"]["uid"]: pod for pod in pods}
        for pod in pods:
            uid = pod["metadata"]["uid"]
            record.seen[uid] = pod
            if uid not in record.succeeded and uid not in record.failed and uid not in record.ignored:
                record.active[uid] = _index(pod)
        failure = None
        for uid, index in list(record.active.items()):
            pod = there.get(uid)
            if pod is not None and not is_terminal(pod):
                continue
            del record.active[uid]
            if pod is not None and pod["status"]["phase"] == "Succeeded":
                record.succeeded[uid] = index
                continue
            action = _policy_action(job, record.seen[uid])
            if action == "FailJob":
                failure = ("PodFailurePolicy", f"Container of pod {job['metadata']['namespace']} matches FailJob")
            if action == "Ignore":
                record.ignored.add(uid)
                continue
            record.failed[uid] = index
            record.not_before = time.monotonic() + self.cluster.backoff_s * 2**record.attempts
            record.attempts += 1
            per_index = job["spec"].get("backoffLimitPerIndex")
            if per_index is not None and index is not None:
                failures = list(record.failed.values()).count(index)
                if failures > per_index or action == "FailIndex":
                    record.gave_up.add(index)
        most = job["spec"].get("maxFailedIndexes")
        if most is not None and len(record.gave_up) > most:
            return ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
        return failure

    def _fill(
        self, job: Object, record: Record, active: list[Object], completions: int | None, successes: int, indexed: bool
    ) -> None:
        parallelism = job["spec"]["parallelism"]
        if completions is not None:
            parallelism = min(parallelism, completions - successes - len(record.gave_up))
        elif record.succeeded:
            parallelism = 0
        parallelism = max(parallelism, 0)
        self._delete(active[parallelism:])
        if time.monotonic() < record.not_before:
            return
        default = "Failed" if job["spec"].get("podFailurePolicy") else "TerminatingOrFailed"
        if job["spec"].get("podReplacementPolicy", default) == "Failed":
            active = [pod for pod in self._pods(job) if not is_terminal(pod)]
        taken = {*record.succeeded.values(), *record.gave_up, *(_index(pod) for pod in active)}
        free = [index for index in range(completions or 0) if index not in taken] if indexed else []
        uid, name = job["metadata"]["uid"], job["metadata"]["name"]
        labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
        labels |= {"controller-uid": uid, "job-name": name}
        for _ in range(parallelism - len(active)):
            if not indexed:
                made = create_pod(self.cluster, job, f"{name}-", labels)
            else:
                if not free:
                    return
                index = free.pop(0)
                marked = labels | {INDEX: str(index)}
                made = create_pod(self.cluster, job, f"{name}-{index}-", marked, lambda pod, i=index: _number(pod, i))
            if made is None:
                record.not_before = time.monotonic() + self.cluster.backoff_s
                return
            record.active[made["metadata"]["uid"]] = _index(made)
            record.seen[made["metadata"]["uid"]] = made

    def _fail(self, job: Object, status: Object, active: list[Object], reason: str, message: str) -> None:
        self.cluster.store.event(job, reason, message, "Warning", "job-controller")
        for kind in ("FailureTarget", "Failed"):
            _add_condition(status, kind, reason, message)
        self._delete(active)

    def _complete(self, job: Object, status: Object) -> None:
        self.cluster.store.event(job, "Completed", "Job completed", source="job-controller")
        for kind in ("SuccessCriteriaMet", "Complete"):
            _add_condition(status, kind, "CompletionsReached", "Reached expected number of succeeded pods")
        status["completionTime"] = now()

    def _delete(self, pods: list[Object]) -> None:
        for pod in pods:
            self.cluster.store.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _write(self, job: Object, pods: list[Object], status: Object) -> None:
        record = self._records.setdefault(job["metadata"]["uid"], Record())
        living = [pod for pod in pods if not is_terminal(pod)]
        active = [pod for pod in living if not pod["metadata"].get("deletionTimestamp")]
        counts = {
            "active": len(active),
            "succeeded": len(record.succeeded),
            "failed": len(record.failed),
            "ready": sum(any(it["type"] == "Ready" and it["status"] == "True" for it in conditions(p)) for p in active),
            "terminating": len(living) - len(active),
        }
        status = {key: value for key, value in status.items() if key not in counts}
        status |= {key: value for key, value in counts.items() if value or key in ("ready", "terminating")}
        if job["spec"].get("completionMode") == "Indexed":
            if record.gave_up:
                status["failedIndexes"] = ",".join(str(index) for index in sorted(record.gave_up))
            status["completedIndexes"] = ",".join(
                str(i) for i in sorted({i for i in record.succeeded.values() if i is not None})
            )
        if status != job["status"]:
            self.cluster.store.change(job, lambda it: it.update(status=status))


def _finished(job: Object) -> Object | None:
    return next((it for it in conditions(job) if it["type"] in ("Complete", "Failed")), None)


def _add_condition(status: Object, kind: str, reason: str, message: str) -> None:
    entry = {"type": kind, "status": "True", "reason": reason, "message": message}
    stamps = {"lastProbeTime": now(), "lastTransitionTime": now()}
    status["conditions"] = [*(status.get("conditions") or []), entry | stamps]


def _index(pod: Object) -> int | None:
    text = (pod["metadata"].get("annotations") or {}).get(INDEX)
    return None if text is None else int(text)


def _number(pod: Object, index: int) -> None:
    """What makes a pod the one of an index."""
    pod["metadata"].setdefault("annotations", {})[INDEX] = str(index)
    owner = pod["metadata"]["ownerReferences"][0]["name"]
    pod["spec"].setdefault("hostname", f"{owner}-{index}"[:63])
    for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
        container["env"] = [*(container.get("env") or ()), {"name": "JOB_COMPLETION_INDEX", "value": str(index)}]


def _policy_action(job: Object, pod: Object) -> str:
    """The action of the first rule of the podFailurePolicy that matches."""
    for rule in (job["spec"].get("podFailurePolicy") or {}).get("rules") or ():
        for wanted in rule.get("onPodConditions") or ():
            for found in conditions(pod):
                if (found["type"], found["status"]) == (wanted["type"], wanted.get("status", "True")):
                    return str(rule["action"])
        if codes := rule.get("onExitCodes"):
            for status in pod["status"].get("containerStatuses") or ():
                code = status["state"].get("terminated", {}).get("exitCode", 0)
                meant = codes.get("containerName", status["name"]) == status["name"]
                if code and meant and (code in codes["values"]) == (codes["operator"] == "In"):
                    return str(rule["action"])
    return "Count"
