"""A swarm of pods: waits for them, reaches the master, notices when one is lost, and removes everything."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from loadlab.errors import LaunchError, LaunchTimeout, LoadlabError
from loadlab.launch.bundle import LOCUST_PATH
from loadlab.launch.cluster import Cluster, is_inside_cluster
from loadlab.launch.diagnosis import check_locustfile_fits, explain, tell_end
from loadlab.launch.driven import DrivenSwarm
from loadlab.launch.pod_state import find_troubles, is_over, is_ready, main_container
from loadlab.launch.release import Release
from loadlab.redaction import Redactor, secret_values
from loadlab.spec import LoadTest, hide_text

LOOK_S = 0.5
"""Pause between two looks at pods that are not ready yet."""

QUIET_S = 15.0
"""So long nothing is told of pods that are just starting."""

WATCH_S = 2.0
"""Pause between two looks at pods that are at work."""


class KubernetesSwarm(DrivenSwarm):
    """Master and workers as the pods of one release; see `Swarm`."""

    def __init__(self, test: LoadTest, token: str, release: Release, web_port: int, logs: Path) -> None:
        super().__init__(test, token)
        self.release = release
        self.logs = logs
        self._redact = Redactor(secret_values(test.environment))
        logs.mkdir(parents=True, exist_ok=True)
        self._web_port = web_port
        self._stack = ExitStack()
        self._lost: list[str] = []
        self._logged: set[str] = set()
        self._closed = threading.Event()
        self.given_up = threading.Event()
        """Makes `wait_until_ready`, in another thread, raise LaunchError soon."""
        self._watcher: threading.Thread | None = None

    @property
    def cluster(self) -> Cluster:
        """The cluster that the release is in."""
        return self.release.cluster

    def pods(self, component: str = "") -> list[dict[str, Any]]:
        """The release's pods, of one component ("master" or "worker") or all."""
        own = f"component={component}" if component else "component in (master,worker)"
        return self.cluster.list("pods", f"app.kubernetes.io/instance={self.release.name},{own}")

    def wait_until_ready(self, timeout_s: float, tell: Callable[[str], None]) -> None:
        """Return when the master answers and all workers are connected.

        Raises LaunchError at once for what waiting does not mend, LocustfileError for what the locustfile does,
        LaunchTimeout with the last reason.
        """
        began = time.monotonic()
        told = ""
        while True:
            if self.given_up.is_set():
                raise LaunchError(f"{self.release.name} was given up while it was starting")
            pods = self.pods()
            self._raise_what_crashed(pods)
            reasons = self._reasons(pods)
            status = None
            master = next((pod for pod in pods if _component(pod) == "master" and is_ready(pod)), None)
            if master is not None:
                self._reach(master)
                status = self._api.status()
            if status is not None and status["workers"] >= status["workers_expected"]:
                check_locustfile_fits(self.test, status["locustfile"])
                break
            reason = "; ".join(reasons) or _stage(status)
            waited_s = time.monotonic() - began
            if waited_s > timeout_s:
                raise LaunchTimeout(f"the swarm was not ready within {timeout_s:g} s: {reason}")
            if reason != told and (reasons or waited_s > QUIET_S):
                tell(f"waiting for {self.release.name}: {reason}")
                told = reason
            time.sleep(LOOK_S)
        self._begin_to_watch()

    def rejoin(self) -> None:
        """Reach the master of a release that another process has installed. Raises LaunchError without a master."""
        master = next((pod for pod in self.pods("master") if is_ready(pod)), None)
        if master is None:
            raise LaunchError(f"{self.release.name} has no master that could be reached")
        self._reach(master)
        self._begin_to_watch()

    def _begin_to_watch(self) -> None:
        self._watcher = threading.Thread(target=self._watch, name="loadlab-pods", daemon=True)
        self._watcher.start()

    def _reasons(self, pods: list[dict[str, Any]]) -> list[str]:
        """Why pods are not ready; raises LaunchError when one of the reasons will not go away."""
        if len([pod for pod in pods if is_ready(pod)]) > self.test.workers:
            return []
        jobs = self.cluster.list("jobs", self.release.selector)
        events = self.cluster.list("events", fields="involvedObject.kind=Job")
        names = {job["metadata"]["name"] for job in jobs}
        troubles = find_troubles(pods, jobs, [each for each in events if each["involvedObject"]["name"] in names])
        hopeless = [str(trouble) for trouble in troubles if trouble.hopeless]
        if hopeless:
            raise LaunchError("the swarm does not come up: " + "; ".join(hopeless))
        return [str(trouble) for trouble in troubles]

    def _raise_what_crashed(self, pods: list[dict[str, Any]]) -> None:
        """Tell a Locust that ended before the test began by what it wrote, as for a local process."""
        for pod in pods:
            name, status = pod["metadata"]["name"], pod.get("status", {})
            for container in status.get("initContainerStatuses") or ():
                code, log = self._last_words(name, container)
                if code:
                    raise LaunchError(tell_end(f"{container['name']} of {name}", hide_text(log), code))
            for container in status.get("containerStatuses") or ():
                if container["name"] != main_container(pod):
                    continue
                code, log = self._last_words(name, container)
                if code is not None:
                    local = log.replace(f"{LOCUST_PATH}/", f"{self.test.locustfile.resolve().parent}/")
                    raise explain(name, local, code, self.test.locustfile)

    def _last_words(self, pod: str, container: dict[str, Any]) -> tuple[int | None, str]:
        """The exit code of a container and what it wrote before; None for one that has not ended, or was too big."""
        now, before = container.get("state", {}), container.get("lastState", {})
        ended = now.get("terminated") or before.get("terminated")
        if ended is None or ended.get("reason") == "OOMKilled":
            return None, ""
        log = self.cluster.log(pod, container["name"], previous="terminated" not in now) or ""
        if not log and before:
            log = self.cluster.log(pod, container["name"]) or ""
        return ended["exitCode"], log

    def _reach(self, master: dict[str, Any]) -> None:
        """Make `url` lead to the master's web port, once."""
        if self.url:
            return
        if self.cluster.kubeconfig_context is None and is_inside_cluster():  # names of Services are those of its own
            self.url = f"http://{self._service_name() or master['status']['podIP']}:{self._web_port}"
        else:
            port = self._stack.enter_context(self.cluster.forward(master["metadata"]["name"], self._web_port))
            self.url = f"http://127.0.0.1:{port}"
        self.connect()

    def _service_name(self) -> str | None:
        """The DNS name of the Service in front of the web port; None for a chart that has none."""
        for service in self.cluster.list("services", f"app.kubernetes.io/instance={self.release.name}"):
            if any(port["port"] == self._web_port for port in service["spec"].get("ports") or ()):
                return f"{service['metadata']['name']}.{self.cluster.namespace}.svc"
        return None

    def _watch(self) -> None:
        """Note the pods that end although nobody asked them to, and save what they wrote while it can be had."""
        while not self._closed.wait(WATCH_S):
            try:
                pods = self.pods()
            except LoadlabError:  # the cluster does not answer for a while: nothing is known to be lost
                continue
            lost = [_part(pod) for pod in pods if is_over(pod)]
            if not any(_component(pod) == "master" for pod in pods):
                lost.append("master")
            self._lost = lost
            for pod in pods:
                if is_over(pod) and not self._closed.is_set():
                    with suppress(LoadlabError, OSError):  # `close` tries again
                        self._save_log(pod)

    def lost_parts(self) -> list[str]:
        """See `Swarm.lost_parts`."""
        return [] if self._closed.is_set() else self._lost

    def sent_by_worker(self) -> dict[str, int] | None:
        """None: a pod's own count does not outlive it."""
        return None

    def close(self) -> None:
        """See `Swarm.close`. Saves the pods' logs first. What could not be removed is told on standard error."""
        if self._closed.is_set():
            return
        self._closed.set()
        with ExitStack() as steps:  # from the last to the first, each of them whatever has become of the others
            steps.callback(self.cluster.close)
            steps.callback(self._remove)
            steps.callback(self._stack.close)
            self._save_logs()
            if self._watcher is not None:
                self._watcher.join(WATCH_S)

    def _remove(self) -> None:
        try:
            left = self.release.remove()
        except LoadlabError as error:
            left = [str(error)]
        if left:
            text = f"{self.release.name} could not be removed completely: {', '.join(left)}; `loadlab gc` tries again"
            print(text, file=sys.stderr)  # noqa: T201 - whoever started the load has to know

    def _save_logs(self) -> None:
        """Save what can be saved: neither the cluster nor the disk keeps what was installed from being removed."""
        missing: list[str] = []
        try:
            for pod in self.pods():
                try:
                    self._save_log(pod)
                except (LoadlabError, OSError) as error:
                    missing.append(f"the log of {pod['metadata']['name']} could not be had: {error}\n")
        except LoadlabError as error:
            missing.append(f"the logs of the pods could not be had: {error}\n")
        if missing:
            with suppress(OSError):
                (self.logs / "missing.log").write_text("".join(missing), encoding="utf-8")

    def _save_log(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        if name not in self._logged and (text := self.cluster.log(name, main_container(pod))) is not None:
            (self.logs / f"{_part(pod)}.log").write_text(self._redact(text), encoding="utf-8")
            if is_over(pod):
                self._logged.add(name)


def _stage(status: dict[str, Any] | None) -> str:
    if status is None:
        return "the pods are starting"
    return f"{status['workers']} of {status['workers_expected']} workers are connected"


def _component(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"].get("component", ""))


def _part(pod: dict[str, Any]) -> str:
    """ "master", or the pod's own name without the release's: "worker-0-x7k2p"."""
    if _component(pod) == "master":
        return "master"
    name = str(pod["metadata"]["name"])
    found = re.search(r"worker.*", name)
    return found[0] if found else name
