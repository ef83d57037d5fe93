"""Tables of the command line: aligned plain text in which nothing foreign can steer the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadlab.spec import format_duration

if TYPE_CHECKING:
    import pandas as pd

    from loadlab.launch.release import Found
    from loadlab.report import Parameter
    from loadlab.results import Run

_GAP = "  "
_INDENT = "    "
_VALIDITIES = {
    "valid": "is valid",
    "warning": "is valid, with warnings",
    "invalid": "is invalid: draw no conclusions from its numbers",
}
_VERDICTS = {"passed": "has passed", "failed": "has failed"}
_SIGNS = {"invalid": "✕", "warning": "!"}


def format_table(titles: Sequence[str], rows: Iterable[Sequence[str]], width: int | None = None) -> str:
    """Lines of columns, each as wide as its longest cell; columns without any content are left out.

    Where they are wider than `width`, the columns that find no room go on in further lines, indented.
    """
    cells = [[_printable(cell) for cell in row] for row in rows]
    used = [index for index, _ in enumerate(titles) if any(row[index] for row in cells)]
    lines = [[titles[index] for index in used], *([row[index] for index in used] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    parts = _fold(widths, width)
    return "\n".join(
        (_INDENT * (number > 0) + _GAP.join(line[column].ljust(widths[column]) for column in part)).rstrip()
        for line in lines
        for number, part in enumerate(parts)
        if not number or any(line[column] for column in part)
    )


def terminal_width() -> int | None:
    """The columns of the terminal that standard output is shown in; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fold(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """Which columns share a line."""
    parts: list[list[int]] = [[]]
    used = 0
    for column, own in enumerate(widths):
        if width is not None and parts[-1] and used + len(_GAP) + own > width:
            parts.append([])
            used = len(_INDENT) - len(_GAP)
        used += own + (len(_GAP) if parts[-1] or len(parts) > 1 else 0)
        parts[-1].append(column)
    return parts


def format_runs(runs: pd.DataFrame) -> str:
    """The frame of `workbench.runs`, a line a run."""
    labels = [name for name in runs.columns if name.startswith("label_")]
    rows = []
    for run in runs.to_dict("records"):
        rows.append(
            [
                str(run["id"]),
                _text(run["started"], lambda time: time.strftime("%Y-%m-%d %H:%M:%S")),
                str(run["status"]),
                str(run["validity"]),
                str(run["verdict"]),
                _text(run["users"], str),
                _text(run["run_time_s"], format_duration),
                str(run["host"]),
                " ".join(f"{name.removeprefix('label_')}={run[name]}" for name in labels if run[name]),
                str(run["problem"]),
            ]
        )
    titles = ["RUN", "STARTED (UTC)", "STATUS", "VALIDITY", "VERDICT", "USERS", "RUN TIME", "HOST", "LABELS", "PROBLEM"]
    return format_table(titles, rows, terminal_width())


def format_parameters(parameters: Mapping[str, Parameter]) -> str:
    """What a notebook takes, a line a parameter."""
    rows = [[each.name, each.default, each.allowed, each.help] for each in parameters.values()]
    return format_table(["PARAMETER", "DEFAULT", "ALLOWED", "MEANING"], rows, terminal_width())


def format_verdict(run: Run) -> str:
    """The verdict on `run`, and below it a line for each criterion and each check that it did not pass."""
    verdict, found = run.verdict, run.validity
    if verdict.status == "invalid" != found.status:
        judged = all(each.status != "invalid" for each in verdict.results)
        said = f"is invalid: {verdict.reasons[0] if judged else 'not every criterion could be judged'}".rstrip(".")
    else:
        said = _VERDICTS.get(verdict.status, _VALIDITIES[found.status])
    lines = [f"Run {run.id} {said}."]
    lines += [f"  {_printable(repr(each))}" for each in verdict.results]
    for status in ("invalid", "warning"):
        doubts = (check for check in found.checks if check.status == status)
        lines += [f"  {_SIGNS[status]} {each.name.replace('_', ' ')}: {_printable(each.text)}" for each in doubts]
    return "\n".join(lines)


def format_swarms(found: Iterable[tuple[Found, int]]) -> str:
    """Swarms in a cluster: run, owner, running pods, age, and when Kubernetes ends them."""
    now = datetime.now(UTC)
    rows = []
    for swarm, pods in found:
        left = "" if swarm.expires is None else format_duration(max(0, int((swarm.expires - now).total_seconds())))
        ends = "over" if swarm.is_expired else f"in {left}" if left else "unknown"
        age = format_duration(max(0, int((now - swarm.created).total_seconds())))
        rows.append((swarm.run_id, swarm.namespace, swarm.owner, str(pods), age, ends))
    return format_table(("run", "namespace", "owner", "pods", "age", "ends"), rows)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _text(value: Any, write: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else str(write(value))
