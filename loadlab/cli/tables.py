"""Tables of the command line: aligned plain text in which nothing foreign can steer the terminal."""

from __future__ import annotations

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
_VERDICTS = {
    "valid": "is valid",
    "warning": "is valid, with warnings",
    "invalid": "is invalid: draw no conclusions from its numbers",
}
_SIGNS = {"invalid": "✕", "warning": "!"}


def format_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns, each as wide as its longest cell; columns without any content are left out."""
    cells = [[_printable(cell) for cell in row] for row in rows]
    used = [index for index, _ in enumerate(titles) if any(row[index] for row in cells)]
    lines = [[titles[index] for index in used], *([row[index] for index in used] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


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
                _text(run["users"], str),
                _text(run["run_time_s"], format_duration),
                str(run["host"]),
                " ".join(f"{name.removeprefix('label_')}={run[name]}" for name in labels if run[name]),
                str(run["problem"]),
            ]
        )
    titles = ["RUN", "STARTED (UTC)", "STATUS", "VALIDITY", "USERS", "RUN TIME", "HOST", "LABELS", "PROBLEM"]
    return format_table(titles, rows)


def format_parameters(parameters: Mapping[str, Parameter]) -> str:
    """What a notebook takes, a line a parameter."""
    rows = [[each.name, each.default, each.allowed, each.help] for each in parameters.values()]
    return format_table(["PARAMETER", "DEFAULT", "ALLOWED", "MEANING"], rows)


def format_verdict(run: Run) -> str:
    """Whether `run` can be trusted, and below it a line for each check that it did not pass, the worst first."""
    found = run.validity
    doubts = [(sign, check) for status, sign in _SIGNS.items() for check in found.checks if check.status == status]
    lines = [f"Run {run.id} {_VERDICTS[found.status]}."]
    lines += [f"  {sign} {check.name.replace('_', ' ')}: {_printable(check.text)}" for sign, check in doubts]
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
