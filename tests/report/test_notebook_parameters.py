"""A notebook's parameters: what the cell declares, and what is taken for each."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from loadlab.errors import ReportError, SpecError
from loadlab.report.parameters import convert_parameters, read_parameters

CELL = """
host: str = "http://127.0.0.1:8000"  # where the load goes
users: int = 10  # simulated users
rate = 2.5
verbose = False
run_id = "0042"
label: str = "a=b"  # a default with an equals sign
limit: float | None = None  # None: no limit
note: "Optional[str]" = None
stages = [
    1,
    2,
]
anything = None
a, b = 1, 2
"""


def notebook(source: str = CELL) -> nbformat.NotebookNode:
    tagged = new_code_cell(source, metadata={"tags": ["parameters"]})
    return new_notebook(cells=[new_markdown_cell("# A question"), new_code_cell("x = 1"), tagged])


def test_the_cell_is_read_with_types_defaults_and_help() -> None:
    declared = read_parameters(notebook())
    assert list(declared) == [
        "host", "users", "rate", "verbose", "run_id", "label", "limit", "note", "stages", "anything",
    ]  # fmt: skip
    assert declared["host"].types == (str,)
    assert declared["host"].help == "where the load goes"
    assert declared["rate"].types == (float,)
    assert declared["verbose"].types == (bool,)
    assert declared["label"].default == "'a=b'"
    assert (declared["limit"].types, declared["limit"].nullable) == ((float,), True)
    assert declared["note"].nullable
    assert declared["stages"].types == ()
    assert declared["anything"].nullable


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("users", "0042", 42),
        ("users", 7, 7),
        ("users", "-1", -1),
        ("rate", "3", 3.0),
        ("rate", 3, 3.0),
        ("rate", "1e3", 1000.0),
        ("verbose", "true", True),
        ("verbose", "False", False),
        ("verbose", True, True),
        ("run_id", "0042", "0042"),
        ("run_id", "true", "true"),
        ("run_id", "none", "none"),
        ("host", "", ""),
        ("limit", "none", None),
        ("limit", "0.5", 0.5),
        ("limit", None, None),
        ("note", "null", None),
        ("note", "text", "text"),
        ("stages", [3], [3]),
        ("anything", "0042", "0042"),
    ],
)
def test_a_value_takes_the_declared_type(name: str, given: object, expected: object) -> None:
    value = convert_parameters(read_parameters(notebook()), {name: given})[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "allowed"),
    [
        ("users", "ten", "a whole number"),
        ("users", "1.5", "a whole number"),
        ("users", True, "a whole number"),
        ("users", "none", "a whole number"),
        ("users", None, "a whole number"),
        ("rate", "fast", "a finite number"),
        ("rate", "nan", "a finite number"),
        ("rate", float("inf"), "a finite number"),
        ("verbose", "yes", "true or false"),
        ("verbose", 1, "true or false"),
        ("run_id", 42, "text"),
        ("limit", "unlimited", "a finite number or none"),
    ],
)
def test_an_ill_typed_value_is_refused_with_what_is_allowed(name: str, given: object, allowed: str) -> None:
    with pytest.raises(SpecError) as caught:
        convert_parameters(read_parameters(notebook()), {name: given})
    message = str(caught.value)
    assert f"'{name}'" in message
    assert allowed in message
    assert repr(given) in message


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="Did you mean 'users'"):
        convert_parameters(read_parameters(notebook()), {"user": "5"})


def test_a_notebook_without_parameters_takes_none() -> None:
    declared = read_parameters(new_notebook(cells=[new_code_cell("x = 1")]))
    assert convert_parameters(declared, {}) == {}
    with pytest.raises(SpecError, match="the notebook has no parameters"):
        convert_parameters(declared, {"x": "2"})


def test_a_parameters_cell_that_is_not_python_is_reported() -> None:
    with pytest.raises(ReportError, match="not plain Python: line 2"):
        read_parameters(notebook("x = 1\n%matplotlib inline\n"))
