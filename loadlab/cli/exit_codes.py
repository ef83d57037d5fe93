"""What the commands end with. LoadlabErrors carry their own codes: 2 wrong usage, 4 it could not be carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadlab.analyse import Verdict
    from loadlab.report import NotebookResult
    from loadlab.results import Run

FINE = 0
FAILED = 1
INVALID = 3
UNEXPECTED = 4
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def exit_code_of_verdict(verdict: Verdict) -> int:
    """0 when the criteria are met, or when there are none and the run can be trusted; 1 when one is broken; 3 when the
    run cannot be trusted or a criterion could not be judged."""
    return {"failed": FAILED, "invalid": INVALID}.get(verdict.status, FINE)


def exit_code_of_notebook(result: NotebookResult, run: Run | None) -> int:
    """130 when a person interrupted it, else the code of `run`, the one that it displayed, else 0."""
    if result.interrupted:
        return INTERRUPTED
    return FINE if run is None else exit_code_of_verdict(run.verdict)
