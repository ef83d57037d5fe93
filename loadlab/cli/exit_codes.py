"""What the commands end with. LoadlabErrors carry their own codes: 2 wrong usage, 4 it could not be carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadlab.report import NotebookResult
    from loadlab.results import Run

FINE = 0
FAILED = 1
INVALID = 3
UNEXPECTED = 4
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def exit_code_of_run(run: Run) -> int:
    """By its verdict: 0 for one that has passed, or has no criteria, also with warnings; 1 failed, 3 invalid."""
    return {"failed": FAILED, "invalid": INVALID}.get(run.verdict.status, FINE)


def exit_code_of_notebook(result: NotebookResult, run: Run | None) -> int:
    """130 when a person interrupted it, else the code of `run`, the one that it displayed, else 0."""
    if result.interrupted:
        return INTERRUPTED
    return FINE if run is None else exit_code_of_run(run)
