"""The rendered commands run: Locust starts from the agent's files alone, and its Jobs end as completed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ports import reserve_ports
from rendering import TOKEN, Object, environment, one, render

import loadlab.agent
from loadlab import redaction

LOCUSTFILE = """
from locust import User, constant, task
from words import WORD


class Failing(User):
    wait_time = constant(0.05)

    @task
    def fail(self):
        self.environment.events.request.fire(
            request_type="TRY", name=open("word.txt").read() + WORD, response_time=1, response_length=0,
            exception=RuntimeError("as expected"), context={},
        )
"""

STARTED_WITHIN_S = 120.0


@pytest.fixture
def objects(tmp_path: Path) -> list[Object]:
    """A release whose ConfigMaps are folders of this test."""
    work, agent = tmp_path / "locust", tmp_path / "on-the-path" / "loadlab" / "agent"
    work.mkdir()
    (work / "main.py").write_text(LOCUSTFILE, encoding="utf-8")
    (work / "words.py").write_text("WORD = 'two'\n", encoding="utf-8")
    (work / "word.txt").write_text("one ", encoding="utf-8")
    shutil.copytree(Path(loadlab.agent.__file__).parent, agent, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(redaction.__file__, agent.parent)
    web_port, master_port = reserve_ports(2)
    return render(
        {
            "loadtest": {
                "locust_locustfile": f"main.py,{agent}/loadlab_agent.py",
                "locust_locustfile_path": str(work),
                "locust_locustfile_configmap": "a",
                "environment": {"PYTHONPATH": str(agent.parents[1])},
            },
            "master": {"args": ["--expect-workers", "1"]},
            "service": {"port": web_port},
            "loadlab": {"masterPort": master_port},
        }
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Object], subprocess.Popen[bytes]]]:
    """Starts a container as a process of this machine, by a Python that knows Locust but not loadlab."""
    running = []
    home = tmp_path / "home"
    home.mkdir()
    packages = Path(pytest.__file__).parents[1]

    def start(container: Object) -> subprocess.Popen[bytes]:
        variables = {"LOADLAB_TOKEN": TOKEN, "PATH": os.environ["PATH"]}
        for name, value in environment(container).items():
            variables[name] = value if isinstance(value, str) else "pod-1"
        variables["HOME"] = str(home)
        # -S: no .pth file makes loadlab itself importable; the libraries are named instead
        variables["PYTHONPATH"] = f"{variables['PYTHONPATH']}:{packages}"
        command, arguments = container["command"], container["args"]
        assert command[0] == "python"
        words = [sys.executable, "-S", *command[1:], *(_here(word) for word in arguments)]
        log = (tmp_path / f"{len(running)}.log").open("wb")
        running.append(
            subprocess.Popen(
                words, env=variables, cwd=container.get("workingDir"), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def _here(word: str) -> str:
    return word.replace("loadlab-r1-master", "127.0.0.1")


def test_master_and_worker_end_well_although_requests_failed(
    objects: list[Object], start: Callable[[Object], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    master, worker = (
        one(objects, "Job", f"-{name}")["spec"]["template"]["spec"]["containers"][0] for name in ("master", "worker")
    )
    address = f"http://127.0.0.1:{master['ports'][0]['containerPort']}"
    processes = [start(master), start(worker)]
    probe = start(one(objects, "Pod", "-test")["spec"]["containers"][0])  # what helm test runs
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def status() -> dict[str, Any]:
        assert [process.poll() for process in processes] == [None, None], logs(tmp_path)
        try:
            return dict(session.get(f"{address}/loadlab/status", timeout=60).json())
        except requests.ConnectionError:
            return {"workers": 0}

    wait_until(lambda: status()["workers"] == 1, tmp_path)
    assert probe.wait(STARTED_WITHIN_S) == 0, logs(tmp_path)
    assert requests.get(f"{address}/swarm", timeout=60).status_code == 401
    session.post(f"{address}/swarm", data={"user_count": 2, "spawn_rate": 2}, timeout=60).raise_for_status()

    def stream() -> str:
        return session.get(f"{address}/loadlab/stream", timeout=60).text

    wait_until(lambda: "one two" in stream(), tmp_path)
    assert "pod-1" in stream(), "the worker has the name of its pod"
    session.post(f"{address}/loadlab/quit", timeout=60).raise_for_status()
    assert [process.wait(STARTED_WITHIN_S) for process in processes] == [0, 0], logs(tmp_path)
    assert list((tmp_path / "home").iterdir()) == [], "Locust writes nothing"
    assert not list((tmp_path / "locust").rglob("__pycache__"))


def wait_until(is_so: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, logs(folder)
        time.sleep(0.1)


def logs(folder: Path) -> str:
    return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')}" for path in sorted(folder.glob("*.log")))
