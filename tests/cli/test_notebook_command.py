"""`loadlab notebook` with small notebooks of its own."""

import json
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from loadlab import workbench
from loadlab.report import RUN_MIMETYPE


@pytest.fixture
def notebooks(folder):
    (folder / "notebooks").mkdir()

    def write(name, *cells):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        notebook.cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")

    write("sum", "a: int = 1  # the first number\nb: float | None = None", "print('sum', a + (b or 0))")
    write("fails", "a: int = 1", "1 / 0")
    write("refuses", "a: str = '60s'", "import loadlab\nloadlab.LoadTest(locustfile='a.py', run_time=a)")
    return folder


def test_parameters(notebooks, cli):
    answer = cli("notebook", "sum", "--parameters")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[1:] == [
        "a          1        a whole number           the first number",
        "b          None     a finite number or none",
    ]


def test_run(notebooks, cli):
    answer = cli("notebook", "sum", "-p", "a=2", "-p", "b=0.5", "--html", "--timeout", "2m")
    assert answer.exit_code == 0, answer.stderr
    saved = notebooks / "executed" / "sum.ipynb"
    assert answer.stdout == f"Notebook: {saved}\nPage: {saved.with_suffix('.html')}\n"
    assert "sum 2.5" in saved.read_text(encoding="utf-8")
    assert "sum 2.5" in saved.with_suffix(".html").read_text(encoding="utf-8")


def test_the_verdict_on_the_run_of_a_notebook(recorded, cli, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    run = workbench.open_run()
    notebook = nbformat.v4.new_notebook()
    shown = {RUN_MIMETYPE: {"run_id": run.id, "report": str(run.path / "report.html")}}
    sources = ["runs: str = 'runs'", f"from IPython.display import display\ndisplay({shown!r}, raw=True)"]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, "judged.ipynb")
    answer = cli("notebook", "judged.ipynb", "-q", "--junit", "results/judged.xml", "-o", "results")
    assert answer.exit_code == 3, answer.stderr
    _, report, verdict, *doubts, summary, junit = answer.stdout.splitlines()
    assert (summary, junit) == ("Summary: results/summary.json", "JUnit: results/judged.xml")
    assert json.loads(Path("results/summary.json").read_text()) == run.summary_json
    assert Path("results/judged.xml").read_text() == run.render("junit")
    assert report == f"Report: {run.path / 'report.html'}"
    assert verdict == f"Run {run.id} is invalid: draw no conclusions from its numbers."
    signs = {"passed": "✓", "failed": "✕", "invalid": "?"}
    assert [line[:4] for line in doubts[:2]] == [f"  {signs[each.status]} " for each in run.verdict.results]
    told = [*(each.text for each in run.verdict.results), *run.validity.reasons]
    assert sorted(line.partition(": ")[2] for line in doubts) == sorted(told)


def test_a_value_that_a_cell_refuses_is_wrong_usage(notebooks, cli):
    answer = cli("notebook", "refuses", "-q", "-p", "a=5x")
    assert answer.exit_code == 2
    saved = notebooks / "executed" / "refuses.ipynb"
    assert answer.stderr.startswith("loadlab: run_time: got '5x'; allowed: a duration such as 90s")
    assert (
        f"above 0. This stopped the notebook in code cell 3 of 3. The notebook is saved as {saved}\n" in answer.stderr
    )


def test_a_notebook_without_a_run_has_nothing_for_a_junit_file(notebooks, cli):
    answer = cli("notebook", "sum", "-q", "--junit", "junit.xml")
    assert answer.exit_code == 4
    assert "the notebook displayed no run" in answer.stderr
    assert "the notebook displayed no run" in junit_error("junit.xml")


def test_a_junit_file_that_cannot_be_written_is_refused_before_anything_starts(notebooks, cli):
    answer = cli("notebook", "sum", "-q", "--junit", "missing/junit.xml")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("loadlab: --junit: got 'missing/junit.xml'")
    assert not (notebooks / "executed").exists()


def junit_error(path):
    (error,) = ElementTree.parse(path).getroot().iter("error")
    return error.get("message")


def test_a_failure_is_one(notebooks, cli):
    (notebooks / "executed").mkdir()
    (notebooks / "executed" / "summary.json").write_text("of an earlier run")
    (notebooks / "executed" / "fails.html").write_text("of an earlier run")
    answer = cli("notebook", "fails", "-q", "--junit", "junit.xml")
    assert answer.exit_code == 4
    assert "ZeroDivisionError" in junit_error("junit.xml")
    assert not (notebooks / "executed" / "summary.json").exists()
    assert not (notebooks / "executed" / "fails.html").exists()
    assert "ZeroDivisionError" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert (notebooks / "executed" / "fails.ipynb").exists()
