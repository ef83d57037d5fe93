"""README.md and its fellows in docs/ say what is so: their generated parts, their code, their commands and their links.

``pytest tests/codebase/test_readme.py --rewrite-docs`` writes the generated parts anew.
"""

import ast
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from documents import COMMANDS, DOCUMENTS, GENERATED, README, blocks, console_commands, every_command
from helm_tools import run_helm
from sources import PROJECT

import loadlab
import loadlab.agent
from loadlab.cli import main
from loadlab.demo.__main__ import build_parser
from loadlab.launch.helm import CHART
from loadlab.results import Run
from loadlab.spec import GuardRails, KubernetesOptions, LoadTest

FOREIGN = {"kind", "kubectl", "helm", "docker", "promtool"}
"""Programs that the documents use besides the project's own."""


@pytest.mark.parametrize(("document", "name"), GENERATED, ids=lambda part: getattr(part, "name", part))
def test_generated_parts_are_true(document: Path, name: str, pytestconfig: pytest.Config) -> None:
    text = document.read_text(encoding="utf-8")
    match = re.search(rf"<!-- {name} -->\n(.*)<!-- end of {name} -->", text, re.DOTALL)
    assert match, f"{document.name} has no place for {name}"
    wanted = f"\n{GENERATED[document, name]()}\n\n"
    if pytestconfig.getoption("--rewrite-docs") and match[1] != wanted:
        document.write_text(text[: match.start(1)] + wanted + text[match.end(1) :], encoding="utf-8")
        return
    assert match[1] == wanted, "run pytest tests/codebase/test_readme.py --rewrite-docs"


def test_every_command_is_documented_in_one_place() -> None:
    texts = {document: document.read_text(encoding="utf-8") for document in DOCUMENTS}
    assert sorted(name for names in COMMANDS.values() for name in names) == every_command()
    for home, names in COMMANDS.items():
        for name in names:
            assert [document for document in DOCUMENTS if f"### `loadlab {name}`" in texts[document]] == [home]


@pytest.mark.parametrize("source", blocks("python"), ids=lambda source: source.splitlines()[-1])
def test_the_python_uses_names_that_exist(source: str) -> None:
    tree = ast.parse(source)
    owners = {"loadlab": loadlab, "loadlab.export": loadlab.export, "run": Run}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners:
            assert hasattr(owners[ast.unparse(node.value)], node.attr), ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            assert node.module == "loadlab.agent"
            assert all(hasattr(loadlab.agent, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "loadlab.LoadTest":
            given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            assert LoadTest(**given).describe()
            assert (PROJECT / given["locustfile"]).is_file()
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "loadlab.make_launcher":
            assert KubernetesOptions(**{word.arg: ast.literal_eval(word.value) for word in node.keywords})


def check_test(given: dict[str, Any], tmp_path: Path) -> None:
    test = LoadTest.from_dict(given)
    assert (PROJECT / test.locustfile).is_file()  # as the reader saves the file in the folder of the checkout
    assert [stage.users for stage in test.stages] in ([], [20, 40])


def check_guard_rails(given: dict[str, Any], tmp_path: Path) -> None:
    rails = GuardRails.from_dict(given)
    test = LoadTest(locustfile="shop.py", host="http://shop.demo.svc.cluster.local", users=200, workers=4)
    rails.check(test, context=rails.contexts[0], namespace="load")


def check_values(given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(json.dumps(given), encoding="utf-8")
    words = ["template", "r", CHART, "--values", tmp_path / "values.yaml"]
    rendered = run_helm(*words, "--set", "loadtest.environment_secret.LOADLAB_TOKEN=t", home=tmp_path)
    assert rendered.returncode == 0, rendered.stderr


def check_kind(given: dict[str, Any], tmp_path: Path) -> None:
    assert (given["kind"], given["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert {node["role"] for node in given["nodes"]} == {"control-plane", "worker"}


def check_object(given: dict[str, Any], tmp_path: Path) -> None:
    import kubernetes_validate

    kubernetes_validate.validate(given, "1.35", strict=True)


CHECKS: dict[str, Callable[[dict[str, Any], Path], None]] = {
    "": check_test,
    "shop.yaml": check_test,
    "guard.yaml": check_guard_rails,
    "values.yaml": check_values,
    "kind.yaml": check_kind,
    "claim.yaml": check_object,
}
"""The name of the file, which a block's first line tells as a comment -> what has to hold of it."""


@pytest.mark.parametrize("source", blocks("yaml"), ids=lambda source: source.splitlines()[0])
def test_the_yaml_is_what_it_says(source: str, tmp_path: Path) -> None:
    named = re.match(r"# ([\w.]+)\n", source)
    CHECKS[named[1] if named else ""](yaml.safe_load(source), tmp_path)


@pytest.mark.parametrize("words", list(console_commands()), ids=shlex.join)
def test_the_commands_exist(words: list[str]) -> None:
    while "=" in words[0]:
        name = words.pop(0).partition("=")[0]
        assert name in (PROJECT / "tests" / "cluster" / "conftest.py").read_text(encoding="utf-8")
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    if words[:3] == ["python", "-m", "loadlab.demo"]:
        assert build_parser().parse_args(words[3:])
        return
    if words[0] == "source":
        assert words[1:] == [".venv/bin/activate"]
        return
    if words[0] in FOREIGN:
        return
    assert words[0] == "loadlab", words
    command, words = main.commands[words[1]], words[2:]
    if isinstance(command, click.Group):
        command, words = command.commands[words[0]], words[1:]
    context = command.make_context(command.name, words, parent=click.Context(main, info_name="loadlab"))
    assert context.params


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_to_files(document: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", document.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        file = (document.parent / target).resolve() if target else document
        assert file.is_file(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in headings}, heading


def test_every_table_of_a_run_is_named() -> None:
    from loadlab.schema import TABLES

    text = README.read_text(encoding="utf-8")
    assert all(f"{table}.parquet" in text for table in TABLES)


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if document != README], ids=lambda d: d.name)
def test_each_document_is_found_from_the_readme(document: Path) -> None:
    assert f"(docs/{document.name})" in README.read_text(encoding="utf-8")
