"""A load test keeps its criteria on every way: dict, YAML, command line, run.json, regions."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from loadlab.cli import main
from loadlab.cli.loadtest_options import read_test
from loadlab.errors import SpecError
from loadlab.provenance import rerun_command
from loadlab.spec import Criteria, LoadTest, divide_test, write_options, yaml_document

TEXTS = ["p99 < 300ms", 'p95(GET "a; b, (\'c") < 2s else stop after 5s', "rps drops > 50% within 15m"]


@pytest.fixture
def test(tmp_path: Path) -> LoadTest:
    (tmp_path / "shop.py").write_text("")
    return LoadTest(locustfile=tmp_path / "shop.py", users=4, workers=4, criteria=TEXTS)


def test_they_are_criteria_and_texts_outside(test: LoadTest) -> None:
    assert isinstance(test.criteria, Criteria)
    assert test.to_dict()["criteria"] == TEXTS
    assert LoadTest.from_dict(test.to_dict()) == test
    assert test.replace(criteria="; ".join(TEXTS)) == test
    assert test.without_secrets() == test
    assert LoadTest(locustfile="a.py").to_dict()["criteria"] == []
    assert LoadTest(locustfile="a.py").criteria == ()
    assert hash(test.criteria) == hash(Criteria.parse(TEXTS))


def test_they_survive_yaml(test: LoadTest, tmp_path: Path) -> None:
    (tmp_path / "test.yaml").write_text(yaml_document(test.to_dict()))
    assert LoadTest.from_yaml(tmp_path / "test.yaml") == test
    (tmp_path / "list.yaml").write_text("locustfile: shop.py\ncriteria: |\n  p99 < 300ms   # slow\n  rps >= 3\n")
    assert LoadTest.from_yaml(tmp_path / "list.yaml").criteria.texts() == ["p99 < 300ms", "rps >= 3"]


def test_they_survive_the_command_line(test: LoadTest) -> None:
    words = shlex.split(rerun_command(test))[2:]
    assert words.count("--criterion") == 3
    context = main.commands["run"].make_context("run", words, parent=click.Context(main))
    fields = {name: context.params[name] for name in test.to_dict()}
    assert read_test(None, fields) == test
    assert write_options(test.replace(criteria=())).count("--criterion") == 0


def test_the_parts_of_a_test_have_none(test: LoadTest) -> None:
    assert [part.criteria for part in divide_test(test, ["eu", "us"]).values()] == [(), ()]


def test_a_wrong_one_is_told_with_everything_else_that_is_wrong() -> None:
    with pytest.raises(SpecError) as caught:
        LoadTest(locustfile="a.py", users=0, criteria=["p99 < 300ms", "p99 < 300"], thresholds="p99 < 1s")
    text = str(caught.value)
    assert text.startswith("3 problems:")
    assert "criteria[1]: a time needs its unit: 300ms" in text
    assert "Did you mean 'criteria'?" in text
    lines = text.splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip() == "^")
    assert lines[place].index("^") == lines[place - 1].index("300") + 3
