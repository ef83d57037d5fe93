"""Notebooks in batch: every way in which papermill calls a failure a success is reported as a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from loadlab.errors import ReportError, SpecError
from loadlab.report import execution, find_notebook, notebook_parameters, run_notebook


def write(path: Path, *sources: str, parameters: str = "users: int = 1  # how many\nlabel = 'x'") -> Path:
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(textwrap.dedent(source).strip()) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def printed(notebook: Any) -> str:
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )


def fail(tmp_path: Path, *sources: str, **options: Any) -> tuple[str, Any]:
    """The message of a notebook that fails, and the notebook that was saved."""
    source = write(tmp_path / "in" / "question.ipynb", *sources)
    with pytest.raises(ReportError) as caught:
        run_notebook(source, output_dir=tmp_path / "out", **options)
    saved = tmp_path / "out" / "question.ipynb"
    assert str(saved) in str(caught.value)
    notebook = nbformat.read(saved, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert "This notebook failed" in notebook.cells[0].source
    assert notebook.metadata.papermill.exception is True
    return str(caught.value), notebook


def statuses(notebook: Any) -> list[str]:
    return [cell.metadata.papermill.status for cell in notebook.cells if cell.cell_type == "code"]


def test_a_notebook_runs_with_typed_parameters_and_says_what_it_made(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in" / "question.ipynb",
        "print(repr(users), repr(label))",
        """
        from IPython.display import display
        display({"application/vnd.loadlab.run+json": {"run_id": "r1", "report": "runs/r1/report.html"}}, raw=True)
        """,
        "import os; print(os.getcwd())",
    )
    lines: list[str] = []
    result = run_notebook(
        source,
        {"users": "5", "label": "0042"},
        output_dir=tmp_path / "out {braces}",
        working_dir=tmp_path,
        on_progress=lines.append,
    )
    assert result.ok
    assert result.parameters == {"users": 5, "label": "0042"}
    assert (result.run_id, result.report) == ("r1", Path("runs/r1/report.html"))
    assert result.path == tmp_path / "out {braces}" / "question.ipynb"
    output = printed(nbformat.read(result.path, as_version=4)).split("\n")
    assert output[:2] == ["5 '0042'", str(tmp_path)]
    assert lines[2] == "cell 3/5: print(repr(users), repr(label))"
    assert len(lines) == 5


def test_unknown_and_ill_typed_parameters_are_refused_before_anything_runs(tmp_path: Path) -> None:
    source = write(tmp_path / "question.ipynb", "print('ran')")
    with pytest.raises(SpecError, match="Did you mean 'users'"):
        run_notebook(source, {"user": "5"}, output_dir=tmp_path / "out")
    with pytest.raises(SpecError, match="a whole number"):
        run_notebook(source, {"users": "five"}, output_dir=tmp_path / "out")
    with pytest.raises(SpecError, match="overwrite"):
        run_notebook(source, output_dir=tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_failing_cell_is_named_with_its_error(tmp_path: Path) -> None:
    message, notebook = fail(
        tmp_path,
        "x = 1",
        "raise ValueError('a <b>bold</b> claim\\n\\nand [more](javascript:alert(1))')",
        "print('after')",
    )
    assert message.startswith("ValueError in code cell 3 of 4: a <b>bold</b> claim")
    banner = notebook.cells[0].source
    assert "&lt;b&gt;bold" in banner
    assert "\n" not in banner  # a blank line would end the HTML block and let the rest be read as Markdown
    assert [cell.source for cell in notebook.cells if "failed here" in cell.source]
    assert statuses(notebook) == ["completed", "completed", "failed", "pending"]


def test_a_killed_kernel_is_a_failure(tmp_path: Path) -> None:
    message, notebook = fail(tmp_path, "print('before')", "import os; os.kill(os.getpid(), 9)", "print('after')")
    assert "the kernel died in code cell 3 of 4" in message
    assert "SIGKILL" in message
    assert printed(notebook) == "before\n"
    assert statuses(notebook) == ["completed", "completed", "failed", "pending"]


def test_a_time_out_of_the_whole_notebook_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began, passed_s = time.monotonic(), [0.0]
    monkeypatch.setattr(execution, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed_s[0]))

    def let_time_pass(line: str) -> None:
        if line.startswith("cell 2/3"):
            passed_s[0] = began + 299 - time.monotonic()  # a second is left to this cell

    sources = ["import time; time.sleep(600)", "print('after')"]
    message, notebook = fail(tmp_path, *sources, timeout_s=300, on_progress=let_time_pass)
    assert "the time-out of 300 s passed in code cell 2 of 3" in message
    assert statuses(notebook) == ["completed", "failed", "pending"]


@pytest.mark.parametrize("code", ["0", "", "3"])
def test_leaving_by_exit_is_a_failure(tmp_path: Path, code: str) -> None:
    message, _ = fail(tmp_path, f"import sys; sys.exit({code})", "print('after')")
    assert f"sys.exit({code}) was called in code cell 2 of 3; 1 cell after it did not run" in message


def test_a_kernel_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    message, _ = fail(tmp_path, "x = 1", kernel_name="fortran77")
    assert "the kernel did not start: there is no kernel named 'fortran77' here" in message


def test_an_endless_error_message_is_shortened(tmp_path: Path) -> None:
    message, _ = fail(tmp_path, "raise ValueError('x' * 1_000_000)")
    assert len(message) < 1000
    assert "1,000,000 characters" in message


INTERRUPTED = """
import sys
from loadlab.report import run_notebook

def tell(line):
    print(line, flush=True)

try:
    result = run_notebook(sys.argv[1], output_dir=sys.argv[2], on_progress=tell)
    print("interrupted" if result.interrupted else "undisturbed", result.ok)
except KeyboardInterrupt as stop:
    print("KeyboardInterrupt", stop)
"""


def interrupt_in_cell(tmp_path: Path, cell: str) -> tuple[str, Any]:
    """What a process prints that runs a notebook and is interrupted once `cell` has opened FLAG, and the notebook."""
    flag = tmp_path / "flag"
    os.mkfifo(flag)
    source = write(tmp_path / "question.ipynb", f"FLAG = {str(flag)!r}", cell, "print('after')")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(source), str(tmp_path / "out")], stdout=subprocess.PIPE, text=True
    )
    try:
        flag.open().close()  # blocks until the cell has opened the other end
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    return output, nbformat.read(tmp_path / "out" / "question.ipynb", as_version=4)


def test_an_interrupted_cell_ends_the_notebook_and_propagates(tmp_path: Path) -> None:
    output, notebook = interrupt_in_cell(tmp_path, "import time; open(FLAG, 'w').close(); time.sleep(600)")
    assert "interrupt again to end the kernel" in output
    assert "KeyboardInterrupt interrupted in code cell 3 of 4; 1 cell after it did not run" in output
    assert "interrupted in code cell 3" in notebook.cells[0].source


def test_a_cell_that_handles_the_interrupt_lets_the_notebook_finish(tmp_path: Path) -> None:
    output, notebook = interrupt_in_cell(
        tmp_path,
        """
        import time
        try:
            open(FLAG, "w").close()
            time.sleep(600)
        except KeyboardInterrupt:
            print("stopped in good order")
        """,
    )
    assert output.splitlines()[-1] == "interrupted False"
    assert printed(notebook) == "stopped in good order\nafter\n"


def test_notebooks_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path / "notebooks" / "load_test.ipynb")
    assert find_notebook("load_test") == file
    assert find_notebook("load_test.ipynb") == file
    assert find_notebook(file) == file
    assert list(notebook_parameters("load_test")) == ["users", "label"]
    with pytest.raises(SpecError, match="Did you mean 'load_test'"):
        find_notebook("loadtest")
    with pytest.raises(SpecError, match="there is no notebooks folder"):
        find_notebook("load_test", folders=[])


def test_a_file_that_is_no_notebook_is_reported(tmp_path: Path) -> None:
    (tmp_path / "broken.ipynb").write_text("not JSON")
    with pytest.raises(ReportError, match="cannot be read as a notebook"):
        run_notebook(tmp_path / "broken.ipynb", output_dir=tmp_path / "out")
