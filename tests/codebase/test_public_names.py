"""The public face of each part, and what importing loadlab costs."""

import ast
import importlib
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from sources import PACKAGE

import loadlab
from loadlab import schema

PARTS = sorted(f"loadlab.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py"))
HEAVY = ("pandas", "numpy", "scipy", "bokeh", "boto3", "locust", "gevent", "requests", "pyarrow", "papermill", "click")


@pytest.mark.parametrize("part", ["loadlab", *PARTS])
def test_every_public_name_is_described(part: str) -> None:
    module = importlib.import_module(part)
    assert module.__doc__, f"{part} says nothing about itself"
    names = getattr(module, "__all__", [])
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)), f"{part}.__all__"
    for name in names:
        value = getattr(module, name)
        if callable(value):
            assert value.__doc__, f"{part}.{name} has no docstring"
            assert not value.__doc__.startswith(f"{name}("), (
                f"{part}.{name} has only the docstring that dataclass makes"
            )
        elif not name.startswith("__"):
            assert described(part, name), f"{part}.{name} has no text below it"


def described(part: str, name: str) -> bool:
    """True if a constant has a docstring: a text below its assignment, in one of the modules of its part."""
    for path in PACKAGE.joinpath(part.removeprefix("loadlab").lstrip(".")).rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, following in itertools.pairwise(body):
            if (
                isinstance(statement, ast.Assign | ast.AnnAssign)
                and name in ast.unparse(statement).partition("=")[0].partition(":")[0].split()
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            ):
                return True
    return False


def test_importing_loadlab_loads_nothing_heavy() -> None:
    code = f"import sys, loadlab; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run_python(code) == "[]"


def test_a_load_test_can_be_described_without_anything_heavy() -> None:
    code = (
        "import sys, loadlab; loadlab.LoadTest(locustfile='a.py', users=3, stages=[]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_the_lazy_names_are_the_real_ones() -> None:
    for name in loadlab.__all__:
        assert getattr(loadlab, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        loadlab.__getattr__("runn")


def test_the_agent_and_the_readers_agree() -> None:
    from loadlab.agent import buckets

    for name in ("RELATIVE_ERROR", "GAMMA", "ZERO_BUCKET", "MAX_BUCKET"):
        assert getattr(buckets, name) == getattr(schema, name), name


def test_the_agent_writes_the_version_that_is_read() -> None:
    """Read from the source: importing the agent's master would patch this process for gevent."""
    tree = ast.parse(Path(PACKAGE / "agent" / "master.py").read_text(encoding="utf-8"))
    versions = [
        ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SCHEMA_VERSION"
    ]
    assert versions == [schema.SCHEMA_VERSION]


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
