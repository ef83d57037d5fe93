"""An executed notebook as HTML: everything is there without a network, and nothing asks for one."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from report_browser import Open, wait_for_figures

from loadlab.errors import ReportError
from loadlab.report import export_html, run_notebook

FIGURE = """
import pandas as pd
from loadlab import plot
plot.enable_notebook()
spectrum = pd.DataFrame({"quantile": [0.1, 0.5, 0.9, 0.99], "value_ms": [1.0, 2.0, 5.0, 20.0]})
plot.show(plot.percentile_spectrum(spectrum))
"""
NAMES = """pd.DataFrame({"name": ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>"]})"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebook")
    cells = [new_markdown_cell("# How slow is it?"), new_code_cell(FIGURE.strip()), new_code_cell(NAMES)]
    nbformat.write(new_notebook(cells=cells), folder / "question.ipynb")
    return run_notebook(folder / "question.ipynb", output_dir=folder / "out").path


def test_the_page_shows_outputs_without_code_and_without_a_network(executed: Path, visit: Open) -> None:
    page = export_html(executed)
    assert page == executed.with_suffix(".html")
    assert page.stat().st_size < 3_000_000
    with visit(page) as seen:
        wait_for_figures(seen.page)
        assert seen.misdeeds == []
        text = seen.page.inner_text("body")
        assert "How slow is it?" in text
        assert "<img src=x onerror=alert(1)>" in text
        assert "import pandas" not in text
        assert seen.page.locator("canvas").count() >= 1
        assert seen.page.evaluate("typeof window.require") == "undefined"


def test_nothing_in_the_page_is_loaded_from_elsewhere(executed: Path, tmp_path: Path) -> None:
    html = export_html(executed, tmp_path / "with code.html", show_code=True).read_text(encoding="utf-8")
    assert "import pandas" in re.sub(r"<[^>]*>", "", html)
    assert re.findall(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)=[\"'](?!data:)[^\"']*", html) == []
    assert "cdnjs" not in html


def test_a_failed_notebook_shows_its_banner_and_the_error_as_text(tmp_path: Path, visit: Open) -> None:
    source = tmp_path / "question.ipynb"
    cell = new_code_cell("raise ValueError('<img src=x onerror=alert(1)>\\n\\n</pre><script>alert(2)</script>')")
    nbformat.write(new_notebook(cells=[cell, new_code_cell("print('after')")]), source)
    with pytest.raises(ReportError):
        run_notebook(source, output_dir=tmp_path / "out")
    with visit(export_html(tmp_path / "out" / "question.ipynb")) as seen:
        assert seen.misdeeds == []
        banner = seen.page.locator("[role=alert]").inner_text()
        assert "This notebook failed" in banner
        assert "ValueError in code cell 1 of 2: <img src=x" in banner
        assert seen.page.locator("#loadlab-failed-cell").count() == 1


def test_a_missing_notebook_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be read as a notebook"):
        export_html(tmp_path / "none.ipynb")
