"""Finding out why an executed notebook failed, and marking the saved file so that nobody takes it for a result."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papermill.execute import ERROR_MARKER_TAG

from loadlab import errors
from loadlab.errors import LoadlabError, ReportError
from loadlab.report.execution import Execution
from loadlab.report.notebook_file import new_markdown_cell, read_notebook, write_notebook

MESSAGE_LENGTH = 500
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Failure:
    """Why a notebook failed. `index` is the position of the cell to look at, None when no cell had begun.

    `exit_code` is that of the LoadlabError which ended it: 2 when a cell was given a wrong value.
    """

    text: str
    index: int | None
    exit_code: int = ReportError.exit_code


def find_failure(notebook: Any, execution: Execution) -> Failure | None:
    """What went wrong in an executed notebook, or None when every code cell ran without an error.

    papermill's own status cannot be trusted: cells that a dead kernel never ran are marked completed there.
    """
    cells = notebook.cells
    index = execution.cell_index
    where = _describe_cell(cells, index)
    if execution.ending == "died":
        return Failure(f"the kernel died {where}: {execution.detail}", index)
    if execution.ending == "timeout":
        return Failure(f"the time-out of {execution.timeout_s:g} s passed {where}", index)
    if execution.ending == "not started":
        return Failure(f"the kernel did not start: {execution.detail}", None)
    if execution.ending == "interrupted":
        return Failure(f"interrupted {where}", index)
    for position, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return _failed_cell(cells, position, output)
    skipped = [position for position, cell in enumerate(cells) if _is_code(cell) and cell.execution_count is None]
    if skipped:
        return Failure(f"the notebook stopped {where}{_skipped(len(skipped))}", index)
    return None


def mark_failure(path: Path, failure: Failure) -> None:
    """Put a banner at the top of the saved notebook and an anchor at the cell, and set papermill's marks right."""
    notebook = read_notebook(path)
    cells = [cell for cell in notebook.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])]
    notebook.metadata.setdefault("papermill", {})["exception"] = True
    for position, cell in enumerate(cells):
        status = cell.metadata.get("papermill")
        if status is None:
            continue
        if position == failure.index:
            status.update(status="failed", exception=True)
        elif failure.index is None or position > failure.index:
            status.update(status="pending", exception=None)
    if failure.index is not None:
        anchor = (
            '<div id="loadlab-failed-cell" style="border-top:3px solid #b3261e"><b>The notebook failed here.</b></div>'
        )
        cells.insert(failure.index, new_markdown_cell(anchor, [ERROR_MARKER_TAG]))
    link = ' <a href="#loadlab-failed-cell">Go to the cell.</a>' if failure.index is not None else ""
    text = html.escape(failure.text).replace("\n", "&#10;")
    banner = (
        '<div role="alert" style="border:2px solid #b3261e;border-radius:6px;padding:0.8em 1em">'
        '<b style="color:#b3261e">This notebook failed. Its results are not complete.</b>'
        f'{link}<pre style="white-space:pre-wrap;margin:0.5em 0 0">{text}</pre></div>'
    )
    cells.insert(0, new_markdown_cell(banner, [ERROR_MARKER_TAG]))
    notebook.cells = cells
    write_notebook(notebook, path)


def _failed_cell(cells: Any, position: int, output: Any) -> Failure:
    where = _describe_cell(cells, position)
    later = sum(_is_code(cell) for cell in cells[position + 1 :])
    if output.ename == "SystemExit":
        code = output.evalue if re.fullmatch(r"-?\d*", output.evalue) else repr(output.evalue)
        return Failure(f"sys.exit({code}) was called {where}{_skipped(later)}", position)
    if output.ename == "KeyboardInterrupt":
        return Failure(f"interrupted {where}{_skipped(later)}", position)
    message = _ANSI.sub("", output.evalue).strip()
    if len(message) > MESSAGE_LENGTH:
        message = message[:MESSAGE_LENGTH] + f"… ({len(message):,} characters)"
    known = getattr(errors, output.ename, None)
    if isinstance(known, type) and issubclass(known, LoadlabError):  # it speaks for itself, to people
        between = "\n" if "\n" in message else " "
        return Failure(f"{message}{between}This stopped the notebook {where}.", position, known.exit_code)
    return Failure(f"{output.ename} {where}: {message}".rstrip(": "), position)


def _describe_cell(cells: Any, index: int | None) -> str:
    if index is None:
        return "before the first cell"
    number = sum(_is_code(cell) for cell in cells[: index + 1])
    return f"in code cell {number} of {sum(_is_code(cell) for cell in cells)}"


def _is_code(cell: Any) -> bool:
    """Whether the cell is one that runs."""
    return (
        cell.cell_type == "code" and bool(cell.source.strip()) and "skip-execution" not in cell.metadata.get("tags", [])
    )


def _skipped(cells: int) -> str:
    return f"; {cells} {'cell' if cells == 1 else 'cells'} after it did not run" if cells else ""
