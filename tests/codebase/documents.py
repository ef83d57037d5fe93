"""README.md and its fellows in docs/: their generated parts, their code blocks and their links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sources import PROJECT

from loadlab.cli import main
from loadlab.cli.cluster_commands import COMMANDS as CLUSTER_COMMANDS
from loadlab.spec import GuardRails, KubernetesOptions, LoadTest, format_duration
from loadlab.spec.specification import Specification

README = PROJECT / "README.md"
KUBERNETES = PROJECT / "docs" / "kubernetes.md"
CLOUDWATCH = PROJECT / "docs" / "cloudwatch.md"
OPENMETRICS = PROJECT / "docs" / "openmetrics.md"
DOCUMENTS = (README, KUBERNETES, CLOUDWATCH, OPENMETRICS)
HELP_WIDTH = 100


def every_command() -> list[str]:
    """The names of all commands, those of a group with its name before theirs."""
    names = []
    for name, command in main.commands.items():
        names += [name, *(f"{name} {inner}" for inner in getattr(command, "commands", ()))]
    return sorted(names)


ELSEWHERE = {
    KUBERNETES: sorted(str(command.name) for command in CLUSTER_COMMANDS),
    CLOUDWATCH: ["export cloudwatch"],
    OPENMETRICS: ["export openmetrics"],
}
COMMANDS = {
    README: [name for name in every_command() if not any(name in names for names in ELSEWHERE.values())],
    **ELSEWHERE,
}
"""Where each command is documented."""


def render_fields(kind: type[Specification]) -> str:
    """A table of the fields of a specification."""
    lines = ["| field | default | what it is | allowed |", "| --- | --- | --- | --- |"]
    for field in kind.fields():
        cells = (f"`{field.name}`", show_default(field), field.doc, field.allowed)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def show_default(field: Any) -> str:
    if field.required:
        return "required"
    if field.default in (None, "", (), {}):
        return ""
    if field.type == "duration":
        return f"`{format_duration(field.default)}`"
    if isinstance(field.default, str):
        return f"`{field.default}`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else format(field.default, 'g')}`"


def render_help(document: Path) -> str:
    """The help texts of a document's commands; README's begin with that of `loadlab` itself."""
    parts = []
    for command in ([[]] if document == README else []) + [name.split() for name in COMMANDS[document]]:
        words = [*command, "--help"]
        result = CliRunner().invoke(main, words, prog_name="loadlab", terminal_width=HELP_WIDTH)
        assert result.exit_code == 0, result.output
        text = "\n".join(line.rstrip() for line in result.output.rstrip().splitlines())
        parts.append(f"### `{shlex.join(['loadlab', *command])}`\n\n```\n{text}\n```")
    return "\n\n".join(parts)


GENERATED = {
    (README, "fields"): lambda: render_fields(LoadTest),
    (README, "help"): lambda: render_help(README),
    (KUBERNETES, "options"): lambda: render_fields(KubernetesOptions),
    (KUBERNETES, "guard"): lambda: render_fields(GuardRails),
    (KUBERNETES, "help"): lambda: render_help(KUBERNETES),
    (CLOUDWATCH, "help"): lambda: render_help(CLOUDWATCH),
    (OPENMETRICS, "help"): lambda: render_help(OPENMETRICS),
}
"""(Document, name of the part) -> what makes it."""


def blocks(language: str, *documents: Path) -> list[str]:
    """The code blocks of a language, of these documents or of all."""
    return [
        block
        for document in documents or DOCUMENTS
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


def console_commands() -> Iterator[list[str]]:
    """The words of every command of every console block; one behind a pipe counts for itself."""
    for block in blocks("console"):
        for line in block.splitlines():
            assert line.startswith("$ "), line
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while "|" in words:
                yield words[: words.index("|")]
                words = words[words.index("|") + 1 :]
            yield words
