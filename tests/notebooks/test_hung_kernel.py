"""A kernel that hangs in the middle of a load test: an infrastructure failure, and no load goes on."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from click.testing import CliRunner
from targets import storefront
from test_killed_kernel import LOCUSTFILE, processes_of, until

from loadlab.cli import main
from loadlab.report import execution

CELLS = (
    "host: str = ''\nlocustfile: str = ''\nruns: str = ''",
    "import loadlab, os, signal\n"
    "test = loadlab.LoadTest(locustfile=locustfile, host=host, users=5, run_time='10m', lease='3s')\n"
    "live = loadlab.start(test, runs=runs)\n"
    "live.swarm",
    "os.kill(os.getpid(), signal.SIGSTOP)  # as a loop in native code: it hears nothing and answers nobody",
    "live.wait()",
)


def write_notebook(folder: Path) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "hangs.ipynb")
    return folder / "hangs.ipynb"


def test_a_hung_kernel_is_an_infrastructure_failure_and_no_load_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit_s(_: execution.Execution, cell: object = None) -> float | None:
        return 1.0 if "SIGSTOP" in getattr(cell, "source", "") else None

    monkeypatch.setattr(execution.Execution, "remaining_s", limit_s)  # however long the swarm takes to start
    monkeypatch.setattr(execution, "BUSY_WAIT_S", 1.0)
    locustfile = tmp_path / "storefront.py"
    locustfile.write_bytes(LOCUSTFILE.read_bytes())
    out, junit = tmp_path / "out", tmp_path / "junit.xml"
    junit.write_text("of an earlier run")
    with storefront() as shop:
        given = {"host": shop.url, "locustfile": str(locustfile), "runs": str(tmp_path / "runs")}
        words = [
            "notebook",
            str(write_notebook(tmp_path)),
            "--output",
            str(out),
            "--junit",
            str(junit),
            "--timeout",
            "1s",
        ]
        for name, value in given.items():
            words += ["-p", f"{name}={value}"]
        answer = CliRunner().invoke(main, words)
        assert answer.exit_code == 4, answer.output
        assert shop.count() > 0
        until(lambda: not processes_of(locustfile))
    message = "the time-out of 1 s passed in code cell 4 of 5"
    assert f"loadlab: {message}. The notebook is saved as {out / 'hangs.ipynb'}" in answer.stderr
    banner = nbformat.read(out / "hangs.ipynb", as_version=4).cells[0].source
    assert "This notebook failed. Its results are not complete." in banner
    assert message in banner
    root = ElementTree.parse(junit).getroot()
    (case,) = root.iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("loadlab.storefront", "validity")
    assert message in str(case.find("error").get("message"))  # type: ignore[union-attr]
    assert not (out / "summary.json").exists()
