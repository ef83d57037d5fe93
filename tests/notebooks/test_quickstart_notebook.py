"""The notebook quickstart in batch, run to its end, and the demo shop that it starts."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest

import loadlab
from loadlab.plot import format_count
from loadlab.report import NotebookResult, run_notebook

CHECKOUT = Path(__file__).parents[2]
WITHOUT_LOAD = ("parameters", "check", "sample")


@dataclass
class Executed:
    """The notebook after its run: what the batch run says, the saved cells by their ids, and the folder of the runs."""

    result: NotebookResult
    cells: dict[str, Any]
    runs: Path


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executed]:
    base = tmp_path_factory.mktemp("quickstart")
    result = run_notebook(
        "quickstart",
        {"run_time": "4s", "users": "20", "runs": str(base / "runs")},
        output_dir=base / "executed",
        working_dir=CHECKOUT / "notebooks",
    )
    notebook = nbformat.read(result.path, as_version=4)
    return Executed(result, {cell.id: cell for cell in notebook.cells}, base / "runs")


def shown(executed: Executed, cell: str) -> str:
    """What a cell shows, as a page has it."""
    outputs = executed.cells[cell].outputs
    return unescape("".join(str(output.get("data", {}).get("text/html", "")) for output in outputs))


def text(executed: Executed, cell: str) -> str:
    return "".join(str(output.get("text", "")) for output in executed.cells[cell].outputs)


def test_the_first_cells_need_no_load_and_come_first(executed: Executed) -> None:
    code = [
        name for name, cell in executed.cells.items() if cell.cell_type == "code" and name in {*WITHOUT_LOAD, "shop"}
    ]
    assert code == [*WITHOUT_LOAD, "shop"]
    took_s = sum(executed.cells[name].metadata.papermill.duration for name in WITHOUT_LOAD)
    assert took_s < 120, "seconds, on a machine that does nothing else"


def test_nothing_is_missing(executed: Executed) -> None:
    page = shown(executed, "check")
    assert "Ready" in page
    assert re.search(r"this session</th>.*?a notebook in batch", page)


def test_the_sample_run_is_shown_and_judged_again(executed: Executed) -> None:
    sample = loadlab.sample_run(executed.runs)
    first, second = shown(executed, "sample"), shown(executed, "judge")
    count = format_count(sample.requests["count"].sum())
    for page in (first, second):
        assert sample.id in page
        assert f"{count} requests" in page
    assert "loadlab-part verdict failed" in first
    assert "loadlab-part verdict passed" in second


def test_the_test_of_ones_own_is_in_the_report(executed: Executed) -> None:
    run = loadlab.open_run("latest", executed.runs)
    assert executed.result.run_id == run.id
    assert executed.result.report == run.path / "report.html"
    assert run.id in shown(executed, "report")
    assert run.conservation["sent"] == run.requests["count"].sum() > 0
    assert [str(each) for each in run.criteria] == ["p95 < 500ms", "error_ratio < 5%"]


def test_nothing_is_left_but_results(executed: Executed) -> None:
    outputs = [output for cell in executed.cells.values() for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert not any("widget" in mimetype for output in outputs for mimetype in output.get("data", {}))


def test_the_shop_ends_with_the_kernel(executed: Executed) -> None:
    found = re.search(r"at (http://\S+):", text(executed, "shop"))
    assert found
    assert wait_until_gone(found[1])


def test_the_shop_ends_with_a_process_that_is_killed() -> None:
    code = "import loadlab, sys; shop = loadlab.demo_shop(); print(shop.url, flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as process:  # type: ignore[call-overload]
        url = process.stdout.readline().strip()
        assert answers(url)
        process.kill()
    assert wait_until_gone(url)


def answers(url: str) -> bool:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_until_gone(url: str) -> bool:
    deadline = time.monotonic() + 90
    while answers(url):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
