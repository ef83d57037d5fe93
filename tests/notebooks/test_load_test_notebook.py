"""The notebook load_test in batch, run to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from targets import storefront

import loadlab
from loadlab.plot import format_count
from loadlab.report import NotebookResult, export_html, run_notebook

CHECKOUT = Path(__file__).parents[2]
LOAD = {"users": 20, "spawn_rate": 20, "locust_options": "--think-time 0.05"}
CRITERIA = ("error_ratio < 90% from start", "p50 < 0.001ms from start")


@dataclass
class Executed:
    """The notebook after its run: what the batch run says, the saved file, the run, and the target's own count."""

    result: NotebookResult
    notebook: Any
    run: loadlab.Run
    served: int


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executed]:
    """Run from the checkout's root, as a person types it: the locustfile is the default, a relative path."""
    base = tmp_path_factory.mktemp("batch")
    with storefront(faults={"errors": {"GET /search": {"rate": 0.3, "status": 503}}}) as shop:
        result = run_notebook(
            CHECKOUT / "notebooks" / "load_test.ipynb",
            {"host": shop.url, "run_time": "4s", "runs": str(base / "runs"), "criteria": "; ".join(CRITERIA), **LOAD},
            output_dir=base / "executed",
            working_dir=CHECKOUT,
        )
        assert result.run_id is not None
        notebook = nbformat.read(result.path, as_version=4)
        yield Executed(result, notebook, loadlab.open_run(result.run_id, base / "runs"), shop.count())


def test_it_says_which_run_and_report_it_made(executed: Executed) -> None:
    assert executed.result.ok
    assert executed.result.report == executed.run.path / "report.html"
    assert executed.run.id in executed.result.report.read_text(encoding="utf-8")


def test_the_archive_holds_what_the_shop_served(executed: Executed) -> None:
    assert executed.run.requests["count"].sum() == executed.served
    assert executed.run.conservation["sent"] == executed.served
    assert executed.run.requests["failures"].sum() > 0


def test_only_results_are_left_in_the_executed_notebook(executed: Executed) -> None:
    nbformat.validate(executed.notebook)
    outputs = [(cell.id, output) for cell in executed.notebook.cells for output in cell.get("outputs", [])]
    assert [cell for cell, output in outputs if output.output_type == "error"] == []
    assert [cell for cell, output in outputs if output.get("name") == "stderr"] == []
    assert not any("widget" in mimetype for _, output in outputs for mimetype in output.get("data", {}))
    line, run_output = [output for cell, output in outputs if cell == "run"]
    assert run_output.output_type == "execute_result"
    assert list(line.data) == ["text/plain"], "where nobody watches there is a line, and no panel"
    told = rf"{executed.run.id}: finished, after \d+ s, {executed.served:,} requests, .*As of \d\d:\d\d:\d\d UTC\."
    assert re.fullmatch(told, line.data["text/plain"])
    assert not re.search(r"\d of \d+ s, ", json.dumps([output for _, output in outputs]))


def test_the_verdict_on_the_criteria_comes_with_the_run(executed: Executed) -> None:
    results = executed.run.verdict.results
    assert [(each.criterion, each.status) for each in results] == list(zip(CRITERIA, ("passed", "failed"), strict=True))
    (cell,) = [cell for cell in executed.notebook.cells if cell.id == "run"]
    shown = unescape(cell.outputs[-1].data["text/html"])
    for sign, each in zip(("✓ met", "✕ broken"), results, strict=True):
        assert re.search(rf"{re.escape(each.criterion)}\s*<.*?{sign}.*?{re.escape(each.text)}", shown, re.DOTALL)


def test_the_exported_page_shows_the_numbers_of_the_archive(executed: Executed) -> None:
    page = export_html(executed.result.path).read_text(encoding="utf-8")
    cell = r'<td class="number">([^<]*)</td>'
    rows = re.findall(rf'<th class="long" scope="row">([^<]*)</th><td class="line">.*?</td>{cell}{cell}{cell}', page)
    shown = {
        (kind, unescape(name)): (int(count.replace(",", "")), int(failed.replace(",", "")))
        for endpoint, count, _, failed in rows
        for kind, _, name in [endpoint.partition(" ")]
    }
    requests = executed.run.requests
    counted = requests.groupby(["request_type", "name"], observed=True)[["count", "failures"]].sum()
    expected = {
        (str(key[0]), str(key[1])): (int(row["count"]), int(row["failures"])) for key, row in counted.iterrows()
    }
    total = (executed.served, int(requests["failures"].sum()))
    assert shown == {**expected, ("All", "requests"): total}
    assert f"{format_count(executed.served)} requests: " in page
    assert "503" in page
