"""The grammar in docs/criteria.md, made into a regular expression, accepts what the parser accepts."""

from __future__ import annotations

import re
from pathlib import Path

from criteria_strategies import CRITERIA
from hypothesis import given, settings
from hypothesis import strategies as st
from test_criteria_text import mutate

from loadlab.errors import SpecError
from loadlab.spec import Criteria, Criterion

PAGE = Path(__file__).parents[2] / "docs" / "criteria.md"
GRAMMAR = PAGE.read_text(encoding="utf-8").partition("```ebnf\n")[2].partition("```")[0]

CLASSES = {
    "line end": r"\n",
    "blank": r"[ \t]+",
    "upper": "[A-Z]",
    "digit": "[0-9]",
    "letter": r"[^\W\d_]",
    "characters but quotes, semicolons and line ends, brackets in pairs": (
        r"""(?:[^";\n()]|\((?:[^";\n()]|\([^";\n]*\))*\))+"""
    ),
    "any character but a quote and a backslash": r"""[^"\\]""",
    "any character but a line end": r"[^\n]",
}
"""What the grammar leaves to words -> the same as a regular expression (brackets to a depth that texts have)."""

BLANKS = r"[ \t\r\xa0]*"

TOKENS = re.compile(r"""\s*(?:\(\*.*?\*\)\s*)?(?:"([^"]+)"|'([^']+)'|\?\s(.*?)\s\?|(\w[\w ]*\w|\w)|([=|,;()\[\]{}]))""")


class Grammar:
    """The page's grammar as one regular expression: none of its rules contains itself."""

    def __init__(self, text: str) -> None:
        upper, _, lower = text.partition("percentile =")
        self.rules: dict[str, tuple[str, str]] = {}
        for part, blanks in ((upper, BLANKS), (f"percentile ={lower}", "")):
            self.tokens = [match.groups() for match in TOKENS.finditer(part)]
            while self.tokens:
                name = self.tokens.pop(0)[3]
                assert self.sign() == "="
                self.take()
                self.blanks = blanks
                self.rules[name] = (self.choice(), blanks)
                assert self.take() == ";"

    def sign(self) -> str:
        return self.tokens[0][4] or ""

    def take(self) -> str:
        return self.tokens.pop(0)[4] or ""

    def choice(self) -> str:
        options = [self.sequence()]
        while self.sign() == "|":
            self.take()
            options.append(self.sequence())
        return f"(?:{'|'.join(options)})"

    def sequence(self) -> str:
        parts = [self.part()]
        while self.sign() == ",":
            self.take()
            parts.append(self.part())
        return self.blanks.join(parts)

    def part(self) -> str:
        double, single, special, name, sign = self.tokens.pop(0)
        if double or single:
            return re.escape(double or single)
        if special or name:
            return f"<{special or name}>"
        inside = self.choice()
        assert self.take() == {"(": ")", "[": "]", "{": "}"}[sign]
        return {"(": inside, "[": f"(?:{inside})?", "{": f"(?:{inside}{self.blanks})*"}[sign]

    def pattern(self, name: str) -> str:
        if name in CLASSES:
            return CLASSES[name]
        return re.sub(r"<([\w ,]+)>", lambda match: self.pattern(match[1]), self.rules[name][0])


WHOLE = re.compile(rf"{BLANKS}{Grammar(GRAMMAR).pattern('criteria')}{BLANKS}")


@given(CRITERIA)
@settings(max_examples=60)
def test_the_grammar_accepts_whatever_is_written(criterion: Criterion) -> None:
    assert WHOLE.fullmatch(str(criterion)), str(criterion)


@given(st.composite(mutate)())
@settings(max_examples=150)
def test_the_grammar_accepts_whatever_is_read(text: str) -> None:
    try:
        Criteria.parse(text)
    except SpecError:
        return
    assert WHOLE.fullmatch(text), text


def test_the_grammar_refuses() -> None:
    for text in (
        "p99",
        "p99 < 3ms for 3s over 3s",
        "rps drops > 5%",
        "p99( < 3ms",
        'p99("a) < 3ms',
        "p99 < 3ms else",
        "x < 3",
    ):
        assert not WHOLE.fullmatch(text), text
