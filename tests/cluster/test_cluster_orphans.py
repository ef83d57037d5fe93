"""Whoever started a load is gone: it ends by itself, and anybody can clear up. The Role is enough for all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from place import RUN, Place, command, test_of, until

pytestmark = pytest.mark.usefixtures("clean")


def _start(place: Place, folder: Path, *words: str) -> subprocess.Popen[str]:
    test_of(place, folder)
    run = ["run", "--locustfile", "visitor.py", "--host", place.host, "--users", "4", "--spawn-rate", "20"]
    return subprocess.Popen(
        [sys.executable, "-m", "loadlab", *run, "--workers", "1", *place.options(), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _until_loaded(place: Place, process: subprocess.Popen[str]) -> None:
    before = place.seen()

    def loaded() -> bool:
        assert process.poll() is None, f"the run has ended: {process.communicate()[0]}"
        return place.seen() > before + 20

    until(loaded, "the target is loaded", 200)


def test_a_killed_launcher_leaves_no_load_and_gc_removes_the_rest(place: Place, folder: Path) -> None:
    process = _start(place, folder, "--run-time", "15m", "--lease", "5s")
    try:
        _until_loaded(place, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    [run_folder] = (folder / "runs").iterdir()
    where = place.where()
    try:
        place.seen_at_rest(60)
        pods = f"{RUN}={run_folder.name}"

        def over() -> bool:
            return {pod["status"]["phase"] for pod in place.get("pods", pods)} <= {"Succeeded", "Failed"}

        until(over, "the pods end when nobody has read them for the lease", 120)
        assert run_folder.name in command("swarms", *where, cwd=folder)
        dry = ["gc", "--dry-run", *where]
        until(lambda: f"would remove loadlab-{run_folder.name}" in command(*dry, cwd=folder), "gc finds it", 120)
        assert place.leftovers(), "a dry run has removed something"
        said = command("gc", *where, cwd=folder)
        assert f"loadlab-{run_folder.name}: removed" in said, said
    finally:
        if place.leftovers():
            command("stop", run_folder.name, *where, expect=(0, 4), cwd=folder)
    shown = command("show", run_folder.name, cwd=folder)
    assert run_folder.name in shown, "what had been recorded is lost"


def test_stop_ends_a_load_that_somebody_else_started(place: Place, folder: Path) -> None:
    process = _start(place, folder, "--run-time", "15m")
    try:
        _until_loaded(place, process)
        [run_folder] = (folder / "runs").iterdir()
        said = command("stop", run_folder.name[:14], *place.where(), cwd=folder)
        assert "removed" in said, said
        text, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode in (0, 3), text  # whether it had come to enough samples for a verdict
    assert "Traceback" not in text, text
    place.seen_at_rest()


def test_the_role_is_enough(place: Place, folder: Path) -> None:
    account = "loadlab-tester"
    where = ["--name", account, "--namespace", place.namespace, "--service-account", account]
    role = command("rbac", *where, cwd=folder)
    place.kubectl("create", "serviceaccount", account)
    try:
        place.kubectl("apply", "--filename", "-", stdin=role)
        token = place.kubectl("create", "token", account, "--duration", "1h").strip()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.touch(0o600)
        kubeconfig.write_text(_only_with(place, token))
        env = {"KUBECONFIG": str(kubeconfig)}
        test_of(place, folder)
        words = ["run", "--locustfile", "visitor.py", "--host", place.host, "--users", "4", "--run-time", "5s"]
        command(*words, "--workers", "1", *place.options(), expect=(0, 3), env=env, cwd=folder)
        assert "no swarms" in command("swarms", *place.where(), env=env, cwd=folder)
        assert "nothing to remove" in command("gc", *place.where(), env=env, cwd=folder)
        elsewhere = ["swarms", "--context", place.context, "--namespace", "kube-system"]
        refused = command(*elsewhere, expect=(4,), env=env, cwd=folder)
        assert "loadlab rbac" in refused, refused
    finally:
        for kind in ("rolebinding", "role", "serviceaccount"):
            place.kubectl("delete", kind, account, "--ignore-not-found")


def _only_with(place: Place, token: str) -> str:
    """The kubeconfig of the context, with this token instead of its user's own credentials."""
    minified = place.kubectl("config", "view", "--minify", "--flatten", "--output", "json")
    config = json.loads(minified)
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    return json.dumps(config)
