"""The notebook in a real JupyterLab, run by hand, and the report of that run: the archive's numbers, and figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jupyter_lab import jupyter_lab, run_all_cells
from playwright.sync_api import Browser, Page
from targets import storefront
from watched_page import Watch, open_offline, requests_by_endpoint, wait_for_figures

import loadlab
from loadlab.plot import format_count

CHECKOUT = Path(__file__).parents[2]
FIGURES = 9
"""Percentiles, throughput, users, heatmap, three of the generators, spectrum, response time against throughput."""


@dataclass
class LabRun:
    """A notebook that was run in JupyterLab: its page, what that did, the run it made, and the target's own count."""

    page: Page
    seen: Watch
    run: loadlab.Run
    served: int
    notebook: Path


@pytest.fixture(scope="module")
def lab_run(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRun]:
    """The notebook of the checkout, in a project as people have it, opened as `make lab` opens it."""
    base = tmp_path_factory.mktemp("lab")
    project, home = base / "project", base / "home"
    home.mkdir()
    shutil.copytree(CHECKOUT / "locustfiles", project / "locustfiles", ignore=shutil.ignore_patterns("__pycache__"))
    with storefront() as shop, jupyter_lab(project, home) as lab:
        parameters = {
            "host": shop.url,
            "users": 20,
            "spawn_rate": 20.0,
            "run_time": "4s",
            "locust_options": "--think-time 0.05",
        }
        notebook = write_notebook(project / "notebooks" / "load_test.ipynb", parameters)
        with lab.open(browser, "notebooks/load_test.ipynb") as (page, seen):
            run_all_cells(page, code_cells(notebook))
            yield LabRun(page, seen, loadlab.open_run("latest", project / "runs"), shop.count(), notebook)


def write_notebook(path: Path, parameters: dict[str, object]) -> Path:
    """The notebook of the checkout with other defaults, as somebody types them into its first cell."""
    notebook = json.loads((CHECKOUT / "notebooks" / path.name).read_text())
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "parameters")
    source = "".join(cell["source"])
    for name, value in parameters.items():
        source, changed = re.subn(rf"(?m)^({name}: \w+) = .*$", lambda found: f"{found[1]} = {value!r}", source)  # noqa: B023
        assert changed == 1, name
    cell["source"] = source
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))
    return path


def code_cells(notebook: Path) -> int:
    return sum(cell["cell_type"] == "code" for cell in json.loads(notebook.read_text())["cells"])


def test_every_cell_ran_and_the_run_lies_in_the_project(lab_run: LabRun) -> None:
    prompts = lab_run.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
    assert prompts == [f"[{n}]:" for n in range(1, code_cells(lab_run.notebook) + 1)]
    assert lab_run.page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert lab_run.run.path.parent == lab_run.notebook.parents[1] / "runs"
    assert not (lab_run.notebook.parent / "runs").exists()


def test_the_browser_shows_the_numbers_of_the_archive(lab_run: LabRun) -> None:
    requests = lab_run.run.requests
    assert requests["count"].sum() == lab_run.served
    by_endpoint = requests.groupby(["request_type", "name"], observed=True)["count"].sum()
    expected = {(str(request_type), str(name)): int(count) for (request_type, name), count in by_endpoint.items()}
    assert requests_by_endpoint(lab_run.page) == {**expected, ("", "Aggregated"): lab_run.served}
    verdict = lab_run.page.text_content(".loadlab-part.verdict") or ""
    assert lab_run.run.id in verdict
    assert f"{format_count(lab_run.served)} requests" in verdict


def test_the_progress_is_gone(lab_run: LabRun) -> None:
    assert lab_run.page.locator(".jp-OutputArea [role=status]").count() == 0


def test_the_figures_are_drawn_and_drawn_again_when_the_saved_notebook_is_opened(lab_run: LabRun) -> None:
    page = lab_run.page
    page.set_viewport_size({"width": 1280, "height": 7000})  # JupyterLab takes cells out of sight off the page
    wait_for_figures(page, FIGURES)
    page.keyboard.press("Control+s")
    page.wait_for_selector("#jp-main-dock-panel .jp-mod-dirty", state="detached")
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    wait_for_figures(page, FIGURES)
    assert requests_by_endpoint(page)["", "Aggregated"] == lab_run.served


def test_nothing_was_asked_of_another_machine(lab_run: LabRun) -> None:
    assert lab_run.seen.misdeeds == []


def test_the_link_opens_the_report(lab_run: LabRun) -> None:
    lab_run.page.get_by_role("link", name="report.html").click()
    report = lab_run.page.frame_locator(".jp-HTMLViewer iframe")
    assert lab_run.run.id in report.locator(".when").inner_text()


def test_the_report_shows_its_figures_and_the_numbers_of_the_archive(lab_run: LabRun, browser: Browser) -> None:
    requests = lab_run.run.requests
    with open_offline(browser, lab_run.run.path / "report.html") as (page, seen):
        wait_for_figures(page, FIGURES)
        headline = page.locator(".headlines > div", has_text="failed").inner_text().splitlines()
        table = page.locator("section[aria-labelledby=endpoints] table").first
        titles = [title.split()[0] for title in table.locator("thead th").all_text_contents()]
        cells = [row.locator("th, td").all_text_contents() for row in table.locator("tbody tr").all()]
        embedded = json.loads(page.locator("#loadlab-summary").text_content() or "")
        assert seen.misdeeds == []
    assert headline[:2] == ["Requests", format_count(lab_run.served)]
    counted = requests.groupby(["request_type", "name"], observed=True)["count"].sum()
    expected = {f"{request_type} {name}": format_count(count) for (request_type, name), count in counted.items()}
    shown = {row[0]: row[titles.index("Requests")].strip() for row in cells}
    assert shown == {"All requests": format_count(lab_run.served), **expected}
    assert embedded["total"]["count"] == requests["count"].sum()
