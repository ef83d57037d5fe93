"""docs/criteria.md says what is so: its examples are criteria, and its grammar has the words of the parser."""

import ast
import re

import pytest
from sources import PROJECT

import loadlab
from loadlab.errors import SpecError
from loadlab.spec import Criteria, LoadTest
from loadlab.spec.criterion_rules import KEYWORDS
from loadlab.spec.criterion_text import COMPARISONS, TIME_UNITS, WORDS
from loadlab.spec.durations import UNITS

PAGE = PROJECT / "docs" / "criteria.md"
TEXT = PAGE.read_text(encoding="utf-8")
GRAMMAR = re.search(r"```ebnf\n(.*?)```", TEXT, re.DOTALL)[1]  # type: ignore[index]
EXAMPLES = re.findall(r"^\| `([^`]*[<>=][^`]*)` \|", TEXT, re.MULTILINE)
SENSE, _, NONSENSE = TEXT.partition("and what makes no sense")
INLINE = [text for text in re.findall(r"(?<!\| )`([^`\n]+)`", SENSE) if re.search(r"\S (<|<=|>|>=|==) \d", text)]
SIGNS = {*'();#,%-."_/*?\\', ":", "error", "p", "/s", "n", "r", "t"}


def test_the_page_has_examples_of_every_kind() -> None:
    read = [Criteria.parse(text)[0] for text in EXAMPLES]
    assert {criterion.quantity.measure for criterion in read} == {
        *("quantile", "mean", "max", "error_ratio", "rps", "count", "errors", "users", "metric", "signal")
    }
    assert {criterion.change for criterion in read} == {"", "drops", "rises"}
    assert any(criterion.stop for criterion in read)
    assert any(criterion.from_start for criterion in read)


@pytest.mark.parametrize("text", [*EXAMPLES, *INLINE])
def test_each_example_is_a_criterion(text: str) -> None:
    criteria = Criteria.parse(text)
    assert len(criteria) == 1
    assert Criteria.parse(str(criteria)) == criteria


def test_what_makes_no_sense_is_refused() -> None:
    examples = re.findall(r"`([^`]+)`", NONSENSE)
    assert len(examples) == 3
    for text in examples:
        with pytest.raises(SpecError):
            Criteria.parse(text)


def test_the_grammar_has_the_words_of_the_parser() -> None:
    without_comments = re.sub(r"\(\*.*?\*\)", "", GRAMMAR)
    terminals = {one or other for one, other in re.findall(r"\"([^\"\n]+)\"|'([^'\n]+)'", without_comments)}
    units = {unit for unit in UNITS if unit != "ms"} | TIME_UNITS.keys() - {"μs"}
    assert terminals - SIGNS == {*WORDS, *COMPARISONS, *KEYWORDS, *units, ";"} - SIGNS


def test_the_python_of_the_page_uses_names_that_exist() -> None:
    for source in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                owner = {"loadlab": loadlab, "run": loadlab.Run}.get(ast.unparse(node.value), Criteria)
                assert hasattr(owner, node.attr), ast.unparse(node)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "loadlab.LoadTest":
                assert len(LoadTest(**{word.arg: ast.literal_eval(word.value) for word in node.keywords}).criteria) == 3


def test_the_page_is_found_from_the_readme() -> None:
    assert "(docs/criteria.md)" in (PROJECT / "README.md").read_text(encoding="utf-8")
