"""A checkup ends in time and raises nothing, whatever it meets: real programs and servers that do not answer."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from locust_left import until

import loadlab
from loadlab import doctor
from loadlab.doctor import Checkup, Finding, examine, places
from loadlab.doctor.asking import Check, ask_for_code, carry_out

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: silent
contexts: [{{name: silent, context: {{cluster: silent, user: silent}}}}]
clusters: [{{name: silent, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: silent, user: {{token: x}}}}]
"""


def processes() -> list[list[str]]:
    """The command lines of what runs on this machine."""
    return [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]


def find(checkup: Checkup, name: str) -> Finding:
    (finding,) = [finding for finding in checkup.findings if finding.name == name]
    return finding


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_cluster_that_does_not_answer(silent_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(KUBECONFIG.format(port=silent_server))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{tmp_path / 'config'}")
    begun = time.monotonic()
    checkup = examine(tmp_path / "runs", within_s=3)
    took_s = time.monotonic() - begun
    finding = find(checkup, "cluster")
    assert finding.status == "warning"
    assert "no answer within" in finding.found
    assert checkup.ok
    assert took_s < 60
    asked = places.check_cluster(1.0)
    assert (asked.status, asked.found) == ("warning", "context 'silent': no answer within 1 s")
    assert "kubectl config get-contexts" in asked.mend


def test_nobody_is_asked_where_there_is_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    assert places.check_cluster(0.0).status == "optional"


def test_a_program_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    child = f"sh -c 'sleep 600; : {tmp_path}'"
    answer, code = ask_for_code("sh", "-c", f"{child} & sleep 600", within_s=0.3)
    assert (answer, code) == ("no answer within 0.3 s", None)
    until(lambda: not any(str(tmp_path) in word for process in processes() for word in process))


def test_what_hangs_and_what_fails_is_told_and_keeps_nobody() -> None:
    def fail() -> Finding:
        raise RuntimeError("<broken>")

    hanging = threading.Event()
    checks = (
        Check("a", "slow", lambda: [Finding("slow", "ok", str(hanging.wait(120)))]),
        Check("b", "failing", fail),
        Check("c", "well", lambda: [Finding("one", "ok", "1"), Finding("two", "ok", "2")]),
    )
    begun = time.monotonic()
    found = carry_out(checks, 2)
    assert time.monotonic() - begun < 60
    hanging.set()
    assert [(each.area, each.name, each.status, each.found) for each in found] == [
        ("a", "slow", "warning", "no answer within 2 s"),
        ("b", "failing", "warning", "could not be looked at: RuntimeError: <broken>"),
        ("c", "one", "ok", "1"),
        ("c", "two", "ok", "2"),
    ]


@pytest.mark.parametrize("runs", ["http://example.com/runs", "s3://"])
def test_a_place_that_is_none(runs: str) -> None:
    (finding,) = places.check_runs(runs)
    assert (finding.name, finding.status) == ("runs folder", "missing")
    assert finding.mend


def test_a_notebook_gets_its_answer_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    monkeypatch.setattr(doctor, "QUICKLY_S", 0.0)
    begun = time.monotonic()
    checkup = loadlab.check(tmp_path)
    assert time.monotonic() - begun < 60
    assert find(checkup, "locust starts").found == "no answer within 0 s"
    assert find(checkup, "this session").status == "ok"


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.usefixtures("no_aws")
def test_cloudwatch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert places.check_cloudwatch().status == "optional"
    (tmp_path / "config").write_text("[default]\nregion = eu-west-3\n")
    without_credentials = places.check_cloudwatch()
    assert (without_credentials.status, "no credentials" in without_credentials.found) == ("warning", True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    found = places.check_cloudwatch()
    assert found.status == "ok"
    assert "eu-west-3" in found.found
    assert "hunter2" not in found.found
    (tmp_path / "config").unlink()
    assert "no region" in places.check_cloudwatch().found
