"""Of several criteria that are wrong all are told at once, wherever they were written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from loadlab.cli import main
from loadlab.errors import SpecError
from loadlab.spec import Criteria, LoadTest


def problems_of(given: object) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Criteria.parse(given)
    return caught.value


def pointed_at(error: SpecError) -> list[str]:
    """What each mark of the message stands below, to the end of its word."""
    lines = str(error).splitlines()
    marks = [number for number, line in enumerate(lines) if line.strip() == "^"]
    return [(lines[number - 1][lines[number].index("^") :].split() or [""])[0] for number in marks]


ONE_TEXT = "p99 < 300; rps > 1; error_ration < 1%\nmaen < 3ms # not; this\n; p95 < 1s"


def test_all_of_one_text_are_told_in_their_order() -> None:
    error = problems_of(ONE_TEXT)
    assert str(error).startswith("3 problems:\n  - criteria: a time needs its unit")
    assert pointed_at(error) == [";", "error_ration", "maen"]
    assert [each.nearest for each in error.problems] == [None, "error_ratio", "mean"]
    assert error.field == "criteria"


def test_all_of_a_list_are_told_with_their_place() -> None:
    error = problems_of(["p99 < 300", "rps > 1", 7, "pp < 3; p99 > oops"])
    assert [each.field for each in error.problems] == ["criteria[0]", "criteria[2]", "criteria[3]", "criteria[3]"]
    assert str(error).startswith("4 problems:")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('p99("a;b") < 3; rps > 1', 1),
        ("p99(GET /a; rps > x", 2),
        ("p99(GET /a#b) < 3; rps > x", 2),
        ('p99("open) < 3ms; rps > x', 1),
        ("p99 < 3 # rps > x; rps > y", 1),
    ],
)
def test_a_wrong_one_is_left_where_it_ends(text: str, count: int) -> None:
    error = problems_of(text)
    assert len(error.problems or (error,)) == count
    assert ("problems:" in str(error)) == (count > 1)


def test_a_list_in_yaml_is_told_with_the_rest_of_the_test(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    (tmp_path / "shop.py").touch()
    path.write_text("locustfile: shop.py\nusers: 0\ncriteria:\n  - p99 < 300\n  - rsp > 1\n")
    with pytest.raises(SpecError) as caught:
        LoadTest.from_yaml(path)
    text = str(caught.value)
    assert text.count("problems:") == 1
    assert all(told in text for told in ("3 problems:", "users: got 0", "criteria[0]: ", "criteria[1]: "))


def test_all_options_are_told() -> None:
    result = CliRunner().invoke(
        main,
        ["run", "--locustfile", "shop.py", "--criterion", "p99 < 300", "--criterion", "", "--criterion", "rsp > 1"],
    )
    assert result.exit_code == 2
    assert "3 problems:" in result.stderr
    assert result.stderr.count("--criterion: ") == 3
