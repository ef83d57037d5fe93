"""A pod's status, as its worker keeps it."""

from __future__ import annotations

from typing import Any

from cluster_double.container import Run
from cluster_double.store import Store, now

Object = dict[str, Any]


class PodStatus:
    """Phase, conditions and containers of a pod. `waiting` holds why a container does not run, and its message."""

    def __init__(self, store: Store, pod: Object, runs: dict[str, list[Run]]) -> None:
        self.words: Object = {"phase": "Pending", "qosClass": "Burstable"}
        self.waiting: dict[str, tuple[str, str]] = {}
        self._store, self._pod, self._runs = store, pod, runs
        self._conditions: dict[str, Object] = {}
        self._written: Object = {}

    def condition(self, kind: str, holds: bool, reason: str = "", message: str = "") -> bool:
        """Set a condition; True when that is news."""
        old = self._conditions.get(kind, {})
        status = "True" if holds else "False"
        if (old.get("status"), old.get("reason", ""), old.get("message", "")) == (status, reason, message):
            return False
        words = {key: value for key, value in (("reason", reason), ("message", message)) if value}
        self._conditions[kind] = {"type": kind, "status": status, "lastTransitionTime": now(), **words}
        return True

    def update(self) -> None:
        """Write the status, if it differs."""
        status = self.words | {"conditions": list(self._conditions.values())}
        for part, field in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
            if self._pod["spec"].get(part) and "startTime" in status:
                status[field] = [self._container_status(container) for container in self._pod["spec"][part]]
        if status != self._written:
            self._store.change(self._pod, lambda pod: pod.update(status=status))
            self._written = status

    def _container_status(self, container: Object) -> Object:
        name, image = container["name"], container.get("image", "")
        runs = self._runs.get(name, [])
        status: Object = {"name": name, "image": image, "imageID": image, "restartCount": max(len(runs) - 1, 0)}
        waits = {
            "waiting": {"reason": "PodInitializing" if self._pod["spec"].get("initContainers") else "ContainerCreating"}
        }
        state, last = (runs[-1].state() if runs else waits), (runs[-2].state() if len(runs) > 1 else {})
        if name in self.waiting:
            reason, message = self.waiting[name]
            state, last = {"waiting": {"reason": reason, "message": message}}, runs[-1].state() if runs else {}
        running = "running" in state
        status |= {"state": state, "lastState": last, "started": running}
        return status | {"ready": running and runs[-1].ready if runs else False}
