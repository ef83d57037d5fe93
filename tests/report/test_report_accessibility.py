"""axe-core finds nothing serious in the report, nor in what a run and a load test show in a notebook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from axe_tools import find_faults
from report_browser import Open, wait_for_figures
from report_samples import report_data
from verdict_samples import BROKEN, MET, UNKNOWN, verdict

from loadlab import LoadTest
from loadlab.report import TABLES, ReportData, render_table, render_verdict, write_report

JUPYTERLAB = {
    "light": "--jp-layout-color0: #ffffff; --jp-ui-font-color1: rgba(0,0,0,.87); --jp-ui-font-color2: rgba(0,0,0,.6)",
    "dark": "--jp-layout-color0: #111111; --jp-ui-font-color1: #ffffff; --jp-ui-font-color2: rgba(255,255,255,.7)",
}
"""The colours of JupyterLab's two themes that cells use."""


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return replace(report_data(40, verdict=verdict(BROKEN, MET, UNKNOWN)), kept_in="runs/r20261123-095958-k3x9")


@pytest.fixture(scope="module")
def report(sample: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sample, tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report(report: Path, visit: Open, scheme: str) -> None:
    with visit(report, color_scheme=scheme) as seen:
        seen.page.set_viewport_size({"width": 1800, "height": 900})  # no table is wider than its place
        wait_for_figures(seen.page)
        seen.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        assert find_faults(seen.page) == []


@pytest.mark.parametrize("theme", JUPYTERLAB)
def test_what_a_notebook_shows(sample: ReportData, tmp_path: Path, visit: Open, theme: str) -> None:
    test = LoadTest(locustfile="shop.py", host="http://shop.example", users=50, stop_timeout=5)
    parts = [render_verdict(sample), *(render_table(sample, name) for name in TABLES), test._repr_html_()]
    colours = "background: var(--jp-layout-color0); color: var(--jp-ui-font-color1)"
    page = tmp_path / "cells.html"
    page.write_text(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Cells</title>'
        f"<style>:root {{ {JUPYTERLAB[theme]} }} body {{ {colours} }}</style></head>"
        f"<body><main><h1>Cells</h1>{''.join(parts)}</main></body></html>",
        encoding="utf-8",
    )
    with visit(page) as seen:
        assert find_faults(seen.page) == []


def test_a_fault_is_found(tmp_path: Path, visit: Open) -> None:
    page = tmp_path / "faulty.html"
    page.write_text(
        '<!DOCTYPE html><html lang="en"><title>x</title><main><p style="color:#ccc">pale</p><img src="data:,">'
    )
    with visit(page) as seen:
        faults = find_faults(seen.page)
    assert {fault.split(":")[0] for fault in faults} == {"serious color-contrast", "critical image-alt"}
