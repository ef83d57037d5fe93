"""The suite for real clusters, run over the double, so that it is known to work before it meets one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster_double import Cluster, cannot_run_pods
from helm_tools import helm

SUITE = Path(__file__).parents[1] / "cluster"
MODULES = sorted((path.stem.removeprefix("test_cluster_") for path in SUITE.glob("test_cluster_*.py")), reverse=True)

Ended = Future[subprocess.CompletedProcess[str]]

NOT_OVER_THE_DOUBLE = {
    "test_restricted_pods_are_all_that_the_namespace_takes": "the double does not enforce Pod Security labels",
    "test_the_role_is_enough": "the double hands out no ServiceAccount tokens and does not look at Roles",
}
"""Test -> why only a real cluster can pass it. What stands here is proven in another way: rendered pods against the
rules of the restricted profile in tests/launch/chart, and the Role against the double's record of all calls."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """All modules, each over a cluster of its own, two at a time: they wait most of their time."""
    if why := cannot_run_pods():
        pytest.skip(why)
    with ThreadPoolExecutor(2) as pool:
        yield {
            module: pool.submit(run_suite, tmp_path_factory.mktemp(module), f"test_cluster_{module}.py")
            for module in MODULES
        }


@pytest.mark.timeout(570)
@pytest.mark.parametrize("module", MODULES)
def test_the_suite_holds_over_the_double(suite: dict[str, Ended], module: str) -> None:
    ended = suite[module].result()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "skipped" not in ended.stdout, ended.stdout
    assert "left something" not in ended.stdout


def test_what_is_left_out_is_there() -> None:
    text = "".join(path.read_text() for path in SUITE.glob("test_*.py"))
    assert all(f"def {name}(" in text for name in NOT_OVER_THE_DOUBLE)


def test_the_suite_is_not_part_of_the_others() -> None:
    tests = SUITE.parent
    others = [path for path in tests.iterdir() if path.is_dir() and path.name not in ("cluster", "launch")]
    words = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--no-header", "tests"]
    words += [f"--ignore={path}" for path in others]
    listed = subprocess.run(words, cwd=SUITE.parents[1], capture_output=True, text=True, timeout=120)
    assert "tests/launch/test_cluster_suite.py" in listed.stdout, listed.stdout + listed.stderr
    assert "tests/cluster/" not in listed.stdout


def test_no_cluster_is_told_in_a_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pytest", "tests/cluster", "--no-header", "--exitfirst"]
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "LOADLAB_TEST_CONTEXT": ""}
    ended = subprocess.run(words, cwd=SUITE.parents[1], env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 4, ended.stdout + ended.stderr
    assert "no cluster: KUBECONFIG has no current context" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def run_suite(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    with Cluster(backoff_s=0.5) as cluster:
        environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig(folder / "kubeconfig")),
            "LOADLAB_HELM": str(helm()),
            "LOADLAB_TEST_FREE_PORTS": "1",
            "LOADLAB_TEST_DEADLINE": "30",
            "LOADLAB_TEST_NODE_WAIT": "10",
            "CI": "",
        }
        for name in ("CACHE", "CONFIG", "DATA"):
            environment[f"HELM_{name}_HOME"] = str(folder / f"helm-{name.lower()}")
        for name in ("LOADLAB_TEST_CONTEXT", "LOADLAB_TEST_NAMESPACE", "LOADLAB_GUARD"):
            environment.pop(name, None)
        words = [sys.executable, "-m", "pytest", str(SUITE / module), "--no-header", "--durations", "0"]
        words += ["-p", "no:cacheprovider", "--basetemp", str(folder / "suite")]
        for name in NOT_OVER_THE_DOUBLE:
            words += ["--deselect", f"tests/cluster/{module}::{name}"]
        ended = subprocess.run(
            words, cwd=SUITE.parents[1], env=environment, capture_output=True, text=True, timeout=540
        )
        left = [each["metadata"]["name"] for each in cluster.objects("namespaces")]
    assert left == ["default", "kube-system"], left
    return ended
