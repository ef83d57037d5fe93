"""The chart's README, made from the comments of its values.yaml.

A comment of a key starts with ``# --`` on the line above it and may go on over further lines. A key without one
belongs to the value of the key that it stands in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MARK = "# -- "


@dataclass(frozen=True)
class Key:
    """A documented key: its path, its default, what it is, and whether it only groups other keys."""

    path: tuple[str, ...]
    default: Any
    text: str
    groups: bool


class UndocumentedKey(Exception):
    """A key that neither has a comment nor belongs to the value of one that has."""


def keys_of(values: Path) -> list[Key]:
    """All documented keys, in their order. Raises UndocumentedKey."""
    source = values.read_text(encoding="utf-8")
    root = yaml.compose(source)
    assert isinstance(root, yaml.MappingNode)
    return list(_walk(root, (), source.splitlines(), yaml.safe_load(source)))


def render_readme(chart: Path) -> str:
    """README.md of the chart in this folder."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    lines = [
        f"# The {about['name']} chart",
        "",
        f"{about['description']}. It needs Helm 3 or 4 and Kubernetes {about['kubeVersion'].removesuffix('-0')}.",
        "",
        "loadlab installs it with values that it makes from a load test. All that it makes is in the namespace of the",
        "release, is called after it, and ends or is removed with it:",
        "",
        *MADE,
        "",
        "`values.schema.json` refuses keys that are not in these tables. This file is made from the comments of",
        "`values.yaml`.",
    ]
    keys = keys_of(chart / "values.yaml")
    for group in [*(key for key in keys if key.groups), None]:
        path = group.path if group else ()
        own = [key for key in keys if key.path[:-1] == path and not key.groups]
        lines += ["", f"## `{'.'.join(path)}`" if group else "## Other keys", ""]
        if group:
            lines += [group.text, ""]
        lines += ["| key | default | what it is |", "| --- | --- | --- |"]
        for key in own:
            cells = (f"`{'.'.join(key.path)}`", _shown(key.default), key.text)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


MADE = """\
| object | what for |
| --- | --- |
| Job `RELEASE-master` | One Locust master. Never restarted; ended by its deadline whatever else happens. |
| Job `RELEASE-worker` | The workers. An evicted or crashed one is replaced a bounded number of times. |
| Service `RELEASE-master` | The master's two ports, inside the cluster only. |
| Secret `RELEASE-env` | The run's token and the other secret variables. |
| ServiceAccount `RELEASE` | An account without a token for the Kubernetes API. |
| NetworkPolicies `RELEASE-master`, `RELEASE-worker` | Nobody connects to workers, only workers to the master's port. |
| Pod `RELEASE-test` | Made by `helm test`: the master answers, and refuses who has no token. |""".splitlines()


def _walk(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str], values: Any) -> Iterator[Key]:
    for name, value in node.value:
        here = (*path, name.value)
        text = _comment_above(lines, name.start_mark.line)
        if text is None:
            raise UndocumentedKey(".".join(here))
        inner = values[name.value]
        groups = isinstance(value, yaml.MappingNode) and any(
            _comment_above(lines, child.start_mark.line) is not None
            for child, _ in value.value
            if child.start_mark.line != name.start_mark.line
        )
        yield Key(here, inner, text, groups)
        if groups:
            yield from _walk(value, here, lines, inner)


def _comment_above(lines: list[str], number: int) -> str | None:
    found: list[str] = []
    while number > 0 and lines[number - 1].strip().startswith("#"):
        number -= 1
        line = lines[number].strip()
        if line.startswith(MARK):
            return " ".join([line.removeprefix(MARK), *found])
        found.insert(0, line.removeprefix("#").strip())
    return None


def _shown(default: Any) -> str:
    if default in ("", None):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return f"`{text}`"
