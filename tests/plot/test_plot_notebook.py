from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import plot_samples as samples
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from plot_browser import OpenHtml

from loadlab.plot import enable_notebook, notebook, percentiles, show, throughput

LIBRARY = "application/javascript"
Output = dict[str, str]


@pytest.fixture
def run_cell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs functions as a kernel runs cells: each run with a number of its own, and the frontend's id of the cell."""
    monkeypatch.setattr(notebook, "_library_in", [])
    number = 0

    def run(cell: str | None, *calls: Any) -> list[Output]:
        nonlocal number
        number += 1
        parent = {"metadata": {} if cell is None else {"cellId": cell}}
        shell = SimpleNamespace(execution_count=number, get_parent=lambda: parent, kernel=None)
        monkeypatch.setattr(notebook, "get_ipython", lambda: shell)
        outputs: list[Output] = []
        monkeypatch.setattr(notebook, "_publish", outputs.append)
        for call in calls:
            call()
        return outputs

    return run


def libraries(outputs: list[Output]) -> int:
    return sum(LIBRARY in output for output in outputs)


def test_a_script_gets_words_and_no_script(capsys: pytest.CaptureFixture[str]) -> None:
    enable_notebook()
    show_percentiles()
    printed = capsys.readouterr().out
    assert printed.startswith("Response time percentiles.")
    assert "drawn in a notebook" in printed
    assert len(printed) < 1000


def show_percentiles() -> None:
    show(percentiles(samples.timeline()))


@pytest.mark.parametrize("cells", [("a", "b", "c"), (None, None, None)])
def test_the_library_is_put_into_a_notebook_once(run_cell: Any, cells: tuple[str | None, ...]) -> None:
    assert libraries(run_cell(cells[0], enable_notebook, enable_notebook, show_percentiles)) == 1
    assert libraries(run_cell(cells[1], show_percentiles)) == 0
    assert libraries(run_cell(cells[2], enable_notebook, show_percentiles)) == 0


def test_showing_a_figure_is_enough(run_cell: Any) -> None:
    library, figure = run_cell("a", show_percentiles)
    assert LIBRARY in library
    assert "highest p99" in figure["text/plain"]


def test_the_cell_that_holds_the_library_gets_it_again_when_it_is_run_again(run_cell: Any) -> None:
    run_cell("a", enable_notebook)
    run_cell("b", show_percentiles)
    assert libraries(run_cell("a", enable_notebook)) == 1
    assert libraries(run_cell("b", show_percentiles)) == 0
    assert libraries(run_cell("a", enable_notebook)) == 1


def test_a_figure_costs_only_its_data(run_cell: Any) -> None:
    run_cell("a", enable_notebook)
    (figure,) = run_cell("b", show_percentiles)
    assert len(figure["text/html"]) < 40_000


@pytest.mark.parametrize("library_first", [True, False])
def test_a_saved_figure_is_drawn_whenever_the_library_comes(
    run_cell: Any, open_html: OpenHtml, library_first: bool
) -> None:
    library, figure = run_cell("a", show_percentiles)
    parts = [f"<script>{library[LIBRARY]}</script>", figure["text/html"]]
    opened = open_html(f"<!doctype html><html><head></head>{''.join(parts[:: 1 if library_first else -1])}</html>")
    opened.wait_until_drawn(1)
    assert opened.errors == []


def test_without_scripts_the_figure_is_told_in_words(run_cell: Any, open_html: OpenHtml) -> None:
    _, figure = run_cell("a", show_percentiles)
    opened = open_html(f"<!doctype html><html><head></head>{figure['text/html']}</html>", policy="script-src 'none'")
    assert "Response time percentiles. p50, p90, p95, p99 over time" in opened.page.inner_text("body")
    assert "trusted notebook" in opened.page.inner_text("body")


def test_hostile_text_does_not_leave_its_output(run_cell: Any, open_html: OpenHtml) -> None:
    nasty = samples.NASTY + "</script><script>alert(2)</script>"
    counts = samples.errors_by_kind(samples.timeline(), (nasty,))
    library, figure = run_cell("a", lambda: show(throughput(samples.timeline(), counts)))
    opened = open_html(
        f"<!doctype html><html><head></head><script>{library[LIBRARY]}</script>{figure['text/html']}</html>"
    )
    opened.wait_until_drawn(1)
    assert opened.dialogs == []
    assert opened.errors == []


def test_a_notebook_that_was_run_and_exported_shows_its_figures_offline(open_html: OpenHtml) -> None:
    cells = [
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import plot_samples as samples\nfrom loadlab import plot\nplot.enable_notebook()",
        "plot.show(plot.overview(samples.timeline(), events=samples.events()))",
        "plot.show(plot.percentile_spectrum(samples.spectrum()))",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=180, kernel_name="python3").execute()
    exporter = HTMLExporter(require_js_url="", mathjax_url="", jquery_url="")
    html, _ = exporter.from_notebook_node(book)
    assert sys.getsizeof(nbformat.writes(book)) < 1_600_000
    opened = open_html(html)
    opened.wait_until_drawn(3)
    assert opened.dialogs == []
