"""What is kept under version control: nothing that one machine or one run has left behind."""

import json
import re
from pathlib import Path

import pytest
from sources import PROJECT, kept_files

MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(?:home/\w+|Users/\w+|root|work)/[\w.]")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
NOTEBOOKS = [path for path in kept_files() if path.suffix == ".ipynb"]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in kept_files():
        if path.name != "LICENSE" and path.suffix not in (".png", ".parquet", ".gz"):
            found.append((path, path.read_text(encoding="utf-8")))
    return found


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine() -> None:
    assert matches(MACHINE_PATH) == []


def test_nothing_is_left_for_later() -> None:
    assert matches(UNFINISHED) == []


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_thin_and_without_output(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert cells[0]["cell_type"] == "markdown", "a notebook begins with its question"
    assert len(code) <= 12
    for cell in code:
        source = "".join(cell["source"])
        assert cell["outputs"] == [], source
        assert cell["execution_count"] is None, source
        assert not re.search(r"^\s*(?:def|for|while|try|class|async)\b", source, re.MULTILINE), source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_have_one_cell_of_described_parameters(path: Path) -> None:
    from loadlab.report import notebook_parameters

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    for name, parameter in notebook_parameters(path).items():
        assert parameter.types, f"{name} has no scalar type"
        assert parameter.help, f"{name} has no comment"
