"""The checkup, on this machine and on ones that lack something."""

import importlib.util
import json
import os
import subprocess
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from bokeh.resources import Resources

from loadlab.doctor import asking, examine, machine, notebook, packages


def find(checkup, name):
    (finding,) = [finding for finding in checkup.findings if finding.name == name]
    return finding


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))


def quick(monkeypatch, **answers):
    """`examine` without starting Locust and Jupyter; `answers` replace theirs."""
    kernels = {"kernelspecs": {"python3": {"spec": {"argv": ["python", "-m", "ipykernel_launcher"]}}}}
    known = {"locust": "locust 2.47.0 from somewhere", "jupyter": json.dumps(kernels), "timedatectl": "yes", **answers}
    for module in (machine, notebook, packages):
        monkeypatch.setattr(module, "ask", lambda *words, **_: next(known[word] for word in words if word in known))


def test_this_machine(tmp_path):
    checkup = examine(tmp_path / "runs")
    assert checkup.ok, str(checkup)
    assert find(checkup, "locust starts").found == f"locust {metadata.version('locust')}"
    assert find(checkup, "notebook kernel").status == "ok"
    assert not (tmp_path / "runs").exists()
    assert list(tmp_path.iterdir()) == []


def test_every_dependency_has_a_line(monkeypatch):
    quick(monkeypatch)
    names = {finding.name for finding in examine().findings}
    needed = {line.split(">=")[0].strip() for line in metadata.requires("loadlab") if "extra ==" not in line}
    assert needed
    assert needed <= names


@pytest.mark.parametrize(("installed", "found"), [(None, "not installed"), ("2.9.9", "2.9.9; ")])
def test_a_missing_or_old_package(monkeypatch, installed, found):
    def version(name):
        if name == "pandas":
            if installed is None:
                raise metadata.PackageNotFoundError
            return installed
        return real(name)

    real = metadata.version
    quick(monkeypatch)
    monkeypatch.setattr(metadata, "version", version)
    checkup = examine()
    finding = find(checkup, "pandas")
    assert not checkup.ok
    assert finding.status == "missing"
    assert finding.found.startswith(found)
    assert "pip install 'pandas>=" in finding.mend


def test_loadlab_not_installed(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError

    quick(monkeypatch)
    monkeypatch.setattr(metadata, "requires", requires)
    assert not examine().ok


@pytest.mark.parametrize(
    ("installed", "wanted"), [("2.47.0", "2.47"), ("10.0", "9.9"), ("3.0rc1", "3.0"), ("2026.1.post2", "2026.1")]
)
def test_versions_are_compared_as_numbers(installed, wanted):
    assert packages.release(installed) >= packages.release(wanted)


def test_locust_that_does_not_start(monkeypatch):
    quick(monkeypatch, locust="Traceback ...\nImportError: no gevent")
    finding = find(examine(), "locust starts")
    assert (finding.status, finding.found) == ("missing", "ImportError: no gevent")


@pytest.mark.parametrize(
    ("answer", "status", "found"),
    [
        ("No module named jupyter", "missing", "No module named jupyter"),
        ('{"kernelspecs": {"ir": {}}}', "missing", "no kernel 'python3' among: ir"),
        (
            '{"kernelspecs": {"python3": {"spec": {"argv": ["/opt/other/bin/python"]}}}}',
            "warning",
            "'python3' starts /opt/other/bin/python, not this Python, so notebooks may not find loadlab",
        ),
        (
            json.dumps({"kernelspecs": {"python3": {"spec": {"argv": [sys.executable]}}}}),
            "ok",
            "'python3' starts this Python",
        ),
    ],
)
def test_kernel(monkeypatch, answer, status, found):
    quick(monkeypatch, jupyter=answer)
    finding = find(examine(), "notebook kernel")
    assert (finding.status, finding.found) == (status, found)


def test_programs_that_are_not_there_are_optional(monkeypatch):
    quick(monkeypatch)
    monkeypatch.setenv("PATH", "/nonexistent")
    checkup = examine()
    assert find(checkup, "git").status == "optional"
    assert find(checkup, "git").mend == "apt-get install git"
    assert checkup.ok


def test_runs_folder_that_cannot_be_written(monkeypatch, tmp_path):
    quick(monkeypatch)
    (tmp_path / "file").write_text("")
    finding = find(examine(tmp_path / "file" / "runs"), "runs folder")
    assert finding.status == "missing"
    assert "--runs" in finding.mend


def test_one_cpu(monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert find(examine(), "CPUs").status == "warning"


def test_few_open_files(monkeypatch):
    import resource

    quick(monkeypatch)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    assert find(examine(), "open files").found.startswith("up to 4,096")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    assert find(examine(), "open files").status == "ok"


def test_clock_in_the_past(monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(machine.time, "time", lambda: 0.0)
    assert find(examine(), "clock").status == "missing"


def test_a_question_that_cannot_be_asked():
    assert "nonexistent" in asking.ask("/nonexistent/program")


def test_no_loopback(monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(machine, "LOOPBACK", "192.0.2.1")  # of documentation: no interface has it
    finding = find(examine(), "ports")
    assert (finding.status, "192.0.2.1" in finding.found) == ("missing", True)


def test_bokeh_without_its_library(monkeypatch, tmp_path):
    assert notebook.check_figures().status == "ok"
    library = importlib.util.find_spec("bokeh").origin
    put_in = "".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    assert (Path(library).parent / notebook.LIBRARY).read_text() in put_in
    (tmp_path / "bokeh").mkdir()
    (tmp_path / "bokeh" / "__init__.py").write_text("")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: PathFinder.find_spec(name, [str(tmp_path)]))
    finding = notebook.check_figures()
    assert finding.status == "missing"
    assert finding.found.endswith("bokeh.min.js: No such file or directory")
    assert "--force-reinstall bokeh" in finding.mend or "--reinstall bokeh" in finding.mend


def test_widgets(monkeypatch):
    assert notebook.check_widgets().status == "ok"
    monkeypatch.setattr(notebook, "WIDGETS", notebook.WIDGETS.with_name("nothing.json"))
    finding = notebook.check_widgets()
    assert finding.status == "warning"
    assert finding.mend.endswith("jupyterlab_widgets")


def test_command(tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "loadlab", "doctor"]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stdout
    assert "– git" in answer.stdout
    (tmp_path / "runs").write_text("a file")
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 4
    assert "✕ runs folder" in answer.stdout
