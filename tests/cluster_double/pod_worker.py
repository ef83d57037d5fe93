"""One pod's life: scheduled, its init containers one by one, its containers, and its end."""

from __future__ import annotations

import shlex
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_double import pod_files, scheduler
from cluster_double.container import Run
from cluster_double.pod_files import NotThere
from cluster_double.pod_status import PodStatus
from cluster_double.store import now

if TYPE_CHECKING:
    from cluster_double.kubelet import Kubelet

Object = dict[str, Any]
POLL_S = 0.05
LONGEST_BACKOFF_S = 300.0


class Deleted(Exception):
    """The pod is deleted, or the cluster closes."""


class Failed(Exception):
    """The whole pod is to end as Failed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PodWorker(threading.Thread):
    """Runs one pod and keeps its status."""

    def __init__(self, kubelet: Kubelet, pod: Object, folder: Path) -> None:
        super().__init__(name=f"pod {pod['metadata']['name']}", daemon=True)
        self.cluster, self.kubelet, self.folder = kubelet.cluster, kubelet, folder
        self.pod, self.spec = pod, dict(pod["spec"])
        self.name, self.namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        self.runs: dict[str, list[Run]] = {}
        self.evicted = ""
        self.status = PodStatus(self.cluster.store, pod, self.runs)
        self._since = time.monotonic()
        folder.mkdir(parents=True)

    def run(self) -> None:
        try:
            self._schedule()
            self._prepare_volumes()
            for container in self.spec.get("initContainers") or ():
                self._run_init(container)
            self.status.condition("Initialized", True)
            self._run_containers()
        except Deleted:
            self._terminate()
        except Failed as failure:
            self._kill()
            self._end("Failed", reason=failure.reason, message=str(failure))
        except Exception:  # noqa: BLE001
            self.cluster.broken.append(traceback.format_exc())
        finally:
            self._kill()
            self._remove_when_deleted()

    def _kill(self) -> None:
        for run in self._current():
            if run.running:
                run.kill(run.reason)
                run.wait(10)

    def _current(self) -> list[Run]:
        return [runs[-1] for runs in self.runs.values() if runs]

    def _newest(self) -> Object | None:
        found = self.cluster.store.find("pods", self.namespace, self.name)
        return found if found and found["metadata"]["uid"] == self.pod["metadata"]["uid"] else None

    def _pause(self) -> None:
        """Wait a little, and look at what may end the pod."""
        pod = self._newest()
        if self.cluster.closing or pod is None or pod["metadata"].get("deletionTimestamp"):
            raise Deleted
        if self.evicted:
            self.status.condition("DisruptionTarget", True, "TerminationByKubelet", self.evicted)
            raise Failed("Evicted", self.evicted)
        deadline = self.spec.get("activeDeadlineSeconds")
        if deadline and time.monotonic() - self._since > deadline:
            raise Failed("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        time.sleep(POLL_S)

    def _schedule(self) -> None:
        while True:
            staged = self.cluster.faults.for_pod("unschedulable", self.pod)
            with self.cluster.store.changed:
                node, message = ("", staged.message) if staged else scheduler.choose(self.cluster.store, self.pod)
                if node:
                    self.spec["nodeName"] = node
                    self.cluster.store.change(self.pod, lambda pod: pod.update(spec=self.spec))
                    break
            if self.status.condition("PodScheduled", False, "Unschedulable", message):
                self.cluster.store.event(self.pod, "FailedScheduling", message, "Warning", "default-scheduler")
            self.status.update()
            self._pause()
        self.status.words |= {
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "startTime": now(),
        }
        self.status.condition("PodScheduled", True)
        message = f"Successfully assigned {self.namespace}/{self.name} to {node}"
        self.cluster.store.event(self.pod, "Scheduled", message, source="default-scheduler")
        self.status.condition("Initialized", not self.spec.get("initContainers"))
        self.status.update()

    def _prepare_volumes(self) -> None:
        while True:
            try:
                return pod_files.write_volumes(self.cluster.store, self.pod, self.folder / "volumes", "127.0.0.1")
            except NotThere as missing:
                message = f"MountVolume.SetUp failed for volume: {missing}"
                self.cluster.store.event(self.pod, "FailedMount", message, "Warning")
                for _ in range(10):
                    self._pause()

    def _run_init(self, container: Object) -> None:
        name = container["name"]
        while True:
            run = self._start(container)
            while run.running:
                self.status.update()
                self._pause()
            self.status.update()
            if run.exit_code == 0:
                return
            if self.spec.get("restartPolicy") == "Never":
                raise Failed("", "")
            self._back_off(name)

    def _run_containers(self) -> None:
        for container in self.spec["containers"]:
            self._start(container)
        resume: dict[str, float] = {}
        policy = self.spec.get("restartPolicy", "Always")
        while True:
            for container in self.spec["containers"]:
                name = container["name"]
                run = self.runs[name][-1]
                if run.running:
                    run.probe()
                elif policy == "Always" or (policy == "OnFailure" and run.exit_code != 0):
                    if name not in resume:
                        resume[name] = time.monotonic() + self._crash(name)
                    if time.monotonic() >= resume[name]:
                        del resume[name]
                        self._start(container)
            mains = [self.runs[container["name"]][-1] for container in self.spec["containers"]]
            if not resume and not any(run.running for run in mains):
                if policy == "Always" or (policy == "OnFailure" and any(run.exit_code for run in mains)):
                    continue
                return self._end("Failed" if any(run.exit_code for run in mains) else "Succeeded")
            self.status.words["phase"] = "Running"
            ready = all(run.ready and run.running for run in mains)
            unready = [] if ready else [run.container["name"] for run in mains if not (run.ready and run.running)]
            for kind in ("ContainersReady", "Ready"):
                words = ("", "") if ready else ("ContainersNotReady", f"containers with unready status: {unready}")
                self.status.condition(kind, ready, *words)
            self.status.update()
            self._pause()

    def _back_off(self, name: str) -> None:
        until = time.monotonic() + self._crash(name)
        while time.monotonic() < until:
            self.status.update()
            self._pause()

    def _crash(self, name: str) -> float:
        """How long to wait before the next run: the first comes at once, then longer and longer."""
        failures = len(self.runs[name]) - 1
        if failures == 0:
            return 0.0
        seconds = min(self.cluster.backoff_s * 2 ** (failures - 1), LONGEST_BACKOFF_S)
        shown = f"{self.name}_{self.namespace}({self.pod['metadata']['uid']})"
        self.status.waiting[name] = (
            "CrashLoopBackOff",
            f"back-off {seconds:g}s restarting failed container={name} pod={shown}",
        )
        message = f"Back-off restarting failed container {name} in pod {shown}"
        self.cluster.store.event(self.pod, "BackOff", message, "Warning")
        return seconds

    def _start(self, container: Object) -> Run:
        """Pull the image, which only fails when staged, and start the process."""
        name, image = container["name"], container.get("image", "")
        store, faults = self.cluster.store, self.cluster.faults
        while staged := faults.for_pod("image", self.pod, image):
            first = name not in self.status.waiting
            if first:
                store.event(self.pod, "Failed", f'Failed to pull image "{image}": {staged.message}', "Warning")
                store.event(self.pod, "Failed", "Error: ErrImagePull", "Warning")
                self.status.waiting[name] = ("ErrImagePull", staged.message)
            else:
                message = f'Back-off pulling image "{image}"'
                if self.status.waiting[name][0] == "ErrImagePull":
                    store.event(self.pod, "BackOff", message)
                self.status.waiting[name] = ("ImagePullBackOff", f"{message}: ErrImagePull: {staged.message}")
            self.status.update()
            for _ in range(10):
                self._pause()
        while True:
            try:
                spec = self._sandbox_spec(container)
                break
            except NotThere as missing:
                self.status.waiting[name] = ("CreateContainerConfigError", str(missing))
                store.event(self.pod, "Failed", f"Error: {missing}", "Warning")
                self.status.update()
                for _ in range(10):
                    self._pause()
        if crash := faults.for_pod("crash", self.pod):
            lines = " ".join(shlex.quote(line) for line in crash.lines)
            spec["argv"] = ["sh", "-c", f"printf '%s\\n' {lines}; exit 1"]
        self.status.waiting.pop(name, None)
        run = Run(container, len(self.runs.get(name, ())), spec, self.folder)
        self.runs.setdefault(name, []).append(run)
        store.event(self.pod, "Started", f"Started container {name}")
        return run

    def _sandbox_spec(self, container: Object) -> Object:
        env = pod_files.environment(self.cluster.store, self.pod, container, "127.0.0.1")
        argv = pod_files.command_line(container, env)
        if not argv:
            raise NotThere(f"no command specified, and none is known for the image {container.get('image')}")

        def warn(message: str) -> None:
            self.cluster.store.event(self.pod, "FailedMount", message, "Warning")

        mounts = pod_files.mounts(self.pod, container, self.folder / "volumes", warn)
        mounts.append(
            {"source": str(self.kubelet.hosts_file(self.namespace)), "target": "/etc/hosts", "readonly": True}
        )
        return self.kubelet.sandbox_for(container.get("image", "")) | {
            "argv": argv,
            "env": env,
            "mounts": mounts,
            "cwd": container.get("workingDir") or "/",
            "hostname": env["HOSTNAME"],
            "readonly_root": (container.get("securityContext") or {}).get("readOnlyRootFilesystem", False),
        }

    def _terminate(self) -> None:
        """SIGTERM, the grace period, which another deletion may shorten, SIGKILL."""
        seconds = self._grace()
        runs = self._current()
        if seconds:
            for run in runs:
                run.signal(signal.SIGTERM)
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(run.running for run in runs):
            if (shorter := self._grace()) < seconds:
                seconds = shorter
                until = time.monotonic() + seconds
            time.sleep(POLL_S)
        self._kill()
        if not self.cluster.closing:
            self._end("Failed" if any(run.exit_code for run in runs) or not runs else "Succeeded")

    def _grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL; none where the pod is gone or the cluster ends."""
        pod = None if self.cluster.closing else self._newest()
        return pod["metadata"].get("deletionGracePeriodSeconds", 30) if pod else 0

    def _end(self, phase: str, **words: str) -> None:
        self.status.words |= {"phase": phase} | {key: value for key, value in words.items() if value}
        for kind in ("ContainersReady", "Ready"):
            self.status.condition(kind, False, "PodFailed" if phase == "Failed" else "PodCompleted")
        self.status.update()

    def _remove_when_deleted(self) -> None:
        with self.cluster.store.changed:
            pod = self._newest()
            if pod and pod["metadata"].get("deletionTimestamp"):
                self.cluster.store.remove(pod)
