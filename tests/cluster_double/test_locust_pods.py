"""Locust as pods: a master and its workers, and what is left when whoever started the cluster is killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from cluster_double import Cluster, cannot_run_pods
from cluster_double.tools import job

LOCUSTFILE = """
from locust import User, constant, task

class Busy(User):
    wait_time = constant(0.05)

    @task
    def work(self):
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=1.0, response_length=1, exception=None, context={}
        )
"""


def test_a_distributed_run(cluster: Cluster, free_port: int, second_free_port: int) -> None:
    web, bind = free_port, second_free_port
    cluster.create("ConfigMap", {"metadata": {"name": "locustfile"}, "data": {"main.py": LOCUSTFILE}}, "load")
    cluster.create("Service", {"metadata": {"name": "r-master"}, "spec": {"ports": [{"port": bind}]}}, "load")
    pod = {"volumes": [{"name": "files", "configMap": {"name": "locustfile"}}]}
    mounted: dict[str, Any] = {"volumeMounts": [{"name": "files", "mountPath": "/mnt/locust"}]}
    locust = ["locust", "-f", "/mnt/locust/main.py"]
    master = [*locust, "--master", "--master-bind-port", str(bind), "--web-port", str(web)]
    worker = [*locust, "--worker", "--master-host", "r-master.load.svc", "--master-port", str(bind)]
    ready = {"readinessProbe": {"tcpSocket": {"port": web}, "periodSeconds": 1}}
    cluster.create("Job", job("master", "", pod=pod, container={"command": master} | mounted | ready), "load")
    workers = job("worker", "", pod=pod, container={"command": worker} | mounted, parallelism=2, completions=2)
    cluster.create("Job", workers, "load")
    cluster.until(lambda: cluster.object("Job", "load", "master")["status"].get("ready"))
    url = f"http://127.0.0.1:{web}"
    cluster.until(lambda: len(requests.get(f"{url}/stats/requests", timeout=60).json()["workers"]) == 2)
    requests.post(f"{url}/swarm", data={"user_count": 4, "spawn_rate": 10, "host": "http://none"}, timeout=60)
    cluster.until(lambda: requests.get(f"{url}/stats/requests", timeout=60).json()["total_rps"] > 0)
    pids = {process.pid for process in psutil.Process().children(recursive=True)}
    cluster.delete("Job", "load", "master")
    cluster.delete("Job", "load", "worker")
    cluster.until(lambda: not cluster.objects("Pod", "load"))
    cluster.until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.mark.skipif(bool(cannot_run_pods()), reason=cannot_run_pods() or "pods can run")
def test_pods_end_with_whoever_runs_the_cluster(tmp_path: Path) -> None:
    script = f"""
    import sys, time
    sys.path.insert(0, {str(Path(__file__).parents[1])!r})
    from cluster_double import Cluster
    from cluster_double.tools import job
    with Cluster("load") as cluster:
        cluster.create("Job", job("long", "sleep 4711.25 & echo up; wait"), "load")
        pod = cluster.until(lambda: cluster.objects("Pod", "load"))[0]["metadata"]["name"]
        cluster.until(lambda: cluster.log("load", pod) == "up\\n")
        print("up", flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    pods = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while any(pod.is_running() and pod.status() != psutil.STATUS_ZOMBIE for pod in pods):
        assert time.monotonic() < deadline, "the pods have outlived their cluster"
        time.sleep(0.05)
    assert len(pods) >= 3
