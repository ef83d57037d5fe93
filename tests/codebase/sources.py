"""The source files of the project and what they import."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "loadlab"


class Import(NamedTuple):
    """One imported module, as a dotted name, where it is imported, and whether only a type checker sees it."""

    module: str
    place: str
    for_types: bool


def package_modules() -> list[Path]:
    """All Python files of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def kept_files() -> list[Path]:
    """What belongs to the project: files under version control, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


def part_of(path: Path) -> str:
    """The part of the package that a module belongs to: its folder, or its own name for a module beside the folders."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[Import]:
    """Every import in a file, also those inside functions and for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relative to itself; write the whole name"
            assert node.module is not None
            modules = [node.module]
            if node.module == "loadlab":
                modules = [f"loadlab.{alias.name}" for alias in node.names]
        for module in modules:
            place = f"{path.relative_to(PROJECT)}:{getattr(node, 'lineno', 0)}"
            yield Import(module, place, id(node) in typing_only)
