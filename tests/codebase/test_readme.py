"""README.md says what is so: its generated parts, its code, its commands and its links.

``pytest tests/codebase/test_readme.py --rewrite-docs`` writes the generated parts anew.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from sources import PROJECT

import loadlab
import loadlab.agent
from loadlab.cli import main
from loadlab.demo.__main__ import build_parser
from loadlab.results import Run
from loadlab.spec import LoadTest, format_duration

README = PROJECT / "README.md"
COMMANDS = sorted(main.commands)
HELP_WIDTH = 100


def render_fields() -> str:
    lines = ["| field | default | what it is | allowed |", "| --- | --- | --- | --- |"]
    for field in LoadTest.fields():
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
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else format(field.default, 'g')}`"


def render_help() -> str:
    parts = []
    for command in ([], *([name] for name in COMMANDS)):
        words = [*command, "--help"]
        result = CliRunner().invoke(main, words, prog_name="loadlab", terminal_width=HELP_WIDTH)
        assert result.exit_code == 0, result.output
        text = "\n".join(line.rstrip() for line in result.output.rstrip().splitlines())
        parts.append(f"### `{shlex.join(['loadlab', *command])}`\n\n```\n{text}\n```")
    return "\n\n".join(parts)


GENERATED = {"fields": render_fields, "help": render_help}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_parts_are_true(name: str, pytestconfig: pytest.Config) -> None:
    text = README.read_text(encoding="utf-8")
    match = re.search(rf"<!-- {name} -->\n(.*)<!-- end of {name} -->", text, re.DOTALL)
    assert match, f"README.md has no place for {name}"
    wanted = f"\n{GENERATED[name]()}\n\n"
    if pytestconfig.getoption("--rewrite-docs") and match[1] != wanted:
        README.write_text(text[: match.start(1)] + wanted + text[match.end(1) :], encoding="utf-8")
        return
    assert match[1] == wanted, "run pytest tests/codebase/test_readme.py --rewrite-docs"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_command_is_documented() -> None:
    text = README.read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"### `loadlab {name}`" in text


@pytest.mark.parametrize("source", blocks("python"), ids=lambda source: source.splitlines()[-1])
def test_the_python_uses_names_that_exist(source: str) -> None:
    tree = ast.parse(source)
    owners = {"loadlab": loadlab, "run": Run}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in owners:
            assert hasattr(owners[node.value.id], node.attr), ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            assert node.module == "loadlab.agent"
            assert all(hasattr(loadlab.agent, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "loadlab.LoadTest":
            given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            assert LoadTest(**given).describe()
            assert (PROJECT / given["locustfile"]).is_file()


@pytest.mark.parametrize("source", blocks("yaml"))
def test_the_yaml_is_a_load_test(source: str) -> None:
    test = LoadTest.from_dict(yaml.safe_load(source))
    assert [stage.users for stage in test.stages] == [20, 40]
    assert (PROJECT / test.locustfile).is_file()  # as the reader saves the file in the folder of the checkout


def console_commands() -> Iterator[list[str]]:
    for block in blocks("console"):
        for line in block.splitlines():
            assert line.startswith("$ "), line
            yield shlex.split(line.removeprefix("$ "), comments=True)


@pytest.mark.parametrize("words", list(console_commands()), ids=shlex.join)
def test_the_commands_exist(words: list[str]) -> None:
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    if words[:3] == ["python", "-m", "loadlab.demo"]:
        assert build_parser().parse_args(words[3:])
        return
    if words[0] == "source":
        assert words[1:] == [".venv/bin/activate"]
        return
    assert words[0] == "loadlab", words
    command = main.commands[words[1]]
    context = command.make_context(words[1], words[2:], parent=click.Context(main, info_name="loadlab"))
    assert context.params


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (PROJECT / target).is_file(), target


def test_every_table_of_a_run_is_named() -> None:
    from loadlab.schema import TABLES

    text = README.read_text(encoding="utf-8")
    assert all(f"{table}.parquet" in text for table in TABLES)
