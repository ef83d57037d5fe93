"""Reads criteria from text by recursive descent. The grammar is in docs/criteria.md; a test keeps the two the same."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from loadlab.errors import SpecError
from loadlab.spec.criterion import LATENCIES, OF_REQUESTS, Criterion, Quantity
from loadlab.spec.criterion_reader import Reader
from loadlab.spec.criterion_rules import KEYWORDS, UNIT, find_problem
from loadlab.spec.criterion_selector import ERROR, read_selector
from loadlab.spec.durations import parse_duration

WORDS = ("mean", "min", "max", "error_ratio", "rps", "count", "users", "metric", "signal")
"""What a quantity is called; a percentile is p and its number."""

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")

TIME_UNITS: dict[str, Decimal] = {
    **dict.fromkeys(("us", "µs", "μs"), Decimal("0.001")),
    "ms": Decimal(1),
    "s": Decimal(1000),
    "m": Decimal(60_000),
}
"""Units of response times in milliseconds."""

CLAUSES = ("over", "for", "within", "from", "else")
"""What may follow the value, in this order."""

_PERCENTILE = re.compile(r"p([0-9]+(?:\.[0-9]+)?)")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_VALUE_UNIT = re.compile(r"%|/?[^\W\d_][\w/%-]*|/")
_AFTER = re.compile(r"after(?![\w.])")
_DURATION = re.compile(r"[0-9.][0-9.]*[^\W\d_]*(?:[0-9.]+[^\W\d_]+)*")


def parse_criteria(text: str, field: str = "criterion") -> tuple[Criterion, ...]:
    """The criteria in `text`, separated by semicolons or lines; ``#`` begins a comment.

    Raises one SpecError for all that are wrong, naming `field`, with each line and a mark below the character.
    """
    reader, found, errors = Reader(text, field), list[Criterion](), list[SpecError]()
    while True:
        reader.skip_blanks()
        if reader.peek() in (";", "\n"):
            reader.at += 1
        elif reader.peek() == "#":
            end = reader.text.find("\n", reader.at)
            reader.at = len(reader.text) if end < 0 else end
        elif reader.peek():
            begin = reader.at
            try:
                found.append(_Parser(reader).parse())
            except SpecError as error:
                errors.append(error)
                reader.at = begin
                reader.skip_criterion()
        elif errors:
            raise SpecError.several(errors)
        else:
            return tuple(found)


class _Parser:
    """Reads one criterion, and remembers where its parts stand."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.places = {"measure": reader.at}

    def parse(self) -> Criterion:
        reader = self.reader
        quantity = self._quantity()
        self._mark("comparison")
        change, comparison = self._comparison(quantity)
        self._mark("value")
        threshold, unit = self._value(quantity, change)
        criterion = Criterion(quantity, comparison, threshold, unit, change, **self._clauses())
        self.places["end"] = reader.at
        problem = find_problem(criterion)
        if problem is not None:
            reader.fail(self.places.get(problem.part, self.places["measure"]), problem.text)
        return criterion

    def _mark(self, part: str) -> None:
        self.reader.skip_blanks()
        self.places[part] = self.reader.at

    def _quantity(self) -> Quantity:
        reader = self.reader
        begin = reader.at
        quantile = None
        if found := reader.take(_PERCENTILE):
            share = float(Decimal(found[1]).scaleb(-2))
            if not 0 < share < 1:
                reader.fail(begin, "a percentile lies between p0 and p100, such as p50, p99 or p99.9")
            word, quantile = "quantile", share
        else:
            word = reader.take_word()
            if word not in WORDS:
                self._fail_measure(begin, word)
        reader.skip_blanks()
        self.places["selector"] = reader.at
        if not reader.take_text("("):
            return self._checked(Quantity(word, quantile))  # type: ignore[arg-type]
        reader.skip_blanks()
        is_error = word == "count" and reader.take(ERROR) is not None
        request_type, name = read_selector(reader, of_requests=word in OF_REQUESTS and not is_error)
        measure: Any = "errors" if is_error else word
        return self._checked(Quantity(measure, quantile, name, request_type))

    def _checked(self, quantity: Quantity) -> Quantity:
        """A quantity that is wrong in itself is told before what follows it."""
        problem = find_problem(Criterion(quantity, "==", 0.0))
        if problem is not None and problem.part in ("measure", "selector"):
            self.reader.fail(self.places[problem.part], problem.text)
        return quantity

    def _fail_measure(self, begin: int, word: str) -> None:
        allowed = f"p99 or another percentile, {', '.join(WORDS)}"
        if not word:
            self.reader.fail(begin, f"a criterion begins with what is measured: {allowed}")
        names = (*WORDS, "p50", "p90", "p95", "p99")
        other = {"latency": "p99", "errors": "error_ratio", "avg": "mean", "average": "mean", "median": "p50"}
        if word.lower() in other:
            self.reader.fail(begin, f"'{word}' is not measured; write '{other[word.lower()]}'; there is {allowed}")
        self.reader.fail(begin, f"'{word}' is not measured; there is {allowed}", word=word, among=names)

    def _comparison(self, quantity: Quantity) -> tuple[Any, Any]:
        """(change, comparison)."""
        reader = self.reader
        change = ""
        begin = reader.at
        if word := reader.take_word():
            if word not in ("drops", "rises"):
                allowed = "a comparison is expected here: <, <=, >, >=, ==, !=, or drops or rises and > with a share"
                reader.fail(begin, allowed, word=word, among=("drops", "rises"))
            change = word
            reader.skip_blanks()
            self.places["comparison"] = reader.at
        begin = reader.at
        for slip, meant in (("=<", "<="), ("=>", ">="), ("≤", "<="), ("≥", ">="), ("<>", "!="), ("≠", "!=")):
            if reader.text.startswith(slip, begin):
                reader.fail(begin, f"write {meant}")
        for comparison in COMPARISONS:
            if reader.take_text(comparison):
                return change, comparison
        if reader.peek() == "=":
            reader.fail(begin, "write == for 'is equal to'")
        if change:
            reader.fail(begin, f"a share is expected after '{change}', such as {change} > 50%")
        selected = "" if quantity.name or quantity.measure not in OF_REQUESTS else "; a name goes into brackets"
        return reader.fail(begin, f"a comparison is expected here: <, <=, >, >=, == or !={selected}")

    def _value(self, quantity: Quantity, change: str) -> tuple[float, str]:
        """(threshold, unit) in the base unit of the quantity."""
        reader, measure = self.reader, quantity.measure
        begin = reader.at
        number = reader.take(_NUMBER)
        if number is None:
            reader.fail(begin, f"a number is expected here, such as {_example(measure, change)}")
        if reader.peek() == ",":
            reader.fail(reader.at, "write numbers without commas: 1500")
        value = Decimal(number[0].rstrip("."))
        at_unit = reader.at
        reader.skip_blanks()
        unit_at = reader.at
        unit = self._unit()
        if not unit:
            reader.at = at_unit
        return self._in_base_unit(number[0], value, unit, unit_at, measure, change)

    def _unit(self) -> str:
        found = _VALUE_UNIT.match(self.reader.text, self.reader.at)
        if found is None or found[0] in KEYWORDS:
            return ""
        self.reader.at = found.end()
        return found[0]

    def _in_base_unit(
        self, given: str, value: Decimal, unit: str, at: int, measure: str, change: str
    ) -> tuple[float, str]:
        reader = self.reader
        if change:
            if unit != "%":
                reader.fail(at if unit else reader.at, f"a share in %, such as {given}%, is expected after '{change}'")
            return _float(value.scaleb(-2)), ""
        if measure in LATENCIES:
            if not unit:
                reader.fail(reader.at, f"a time needs its unit: {given}ms, or us, s or m")
            if unit not in TIME_UNITS:
                reader.fail(at, f"'{unit}' is no unit of time here; there is us, ms, s and m")
            return _float(value * TIME_UNITS[unit]), "ms"
        if measure == "error_ratio":
            if unit not in ("%", ""):
                reader.fail(at, "a share of requests is written in %, such as 1%, or from 0 to 1")
            if not unit and value >= 1:
                reader.fail(reader.at, f"a share below 1, or in %: {given}%")
            return _float(value.scaleb(-2) if unit else value), ""
        if measure == "rps":
            if unit not in ("/s", ""):
                reader.fail(at, "successful requests a second are a number alone, or with /s")
            return _float(value), "/s"
        if measure == "metric":
            if unit not in ("/s", ""):
                reader.fail(at, "a metric has no unit; /s makes a rate of what is counted")
            return _float(value), unit
        if measure == "signal":
            if unit and not UNIT.fullmatch(unit):
                reader.fail(at, "a unit such as %, cores, Mi or ms is expected here")
            return _float(value), unit
        if unit:
            reader.fail(at, f"'{unit}' is expected to be left out: this is counted, and has no unit")
        return _float(value), ""

    def _clauses(self) -> dict[str, Any]:
        """What follows the value, in the order of CLAUSES."""
        reader = self.reader
        values: dict[str, Any] = {}
        last = ""
        while True:
            reader.skip_blanks()
            begin = reader.at
            if reader.at_end():
                return values
            word = reader.take_word()
            if word not in CLAUSES:
                allowed = "'over', 'for', 'within', 'from start', 'else stop' or the end (';') is expected here"
                reader.fail(begin, allowed, word=word, among=CLAUSES)
            if word == last:
                reader.fail(begin, f"'{word}' is here for the second time")
            if last and CLAUSES.index(word) < CLAUSES.index(last):
                reader.fail(begin, f"'{word}' stands before '{last}'")
            last = word
            if word == "from":
                self._expect("start", "from")
                values["from_start"] = True
            elif word == "else":
                self.places["stop"] = begin
                self._expect("stop", "else")
                values["stop"] = True
                reader.skip_blanks()
                if reader.take(_AFTER):
                    values["stop_after_s"] = self._duration("after", "stop_after_s")
            else:
                values[f"{word}_s"] = self._duration(word, f"{word}_s")

    def _expect(self, word: str, before: str) -> None:
        self.reader.skip_blanks()
        begin = self.reader.at
        given = self.reader.take_word()
        if given != word:
            self.reader.fail(begin, f"'{word}' is expected after '{before}'", word=given, among=(word,))

    def _duration(self, word: str, part: str) -> float:
        reader = self.reader
        self._mark(part)
        begin = reader.at
        found = reader.take(_DURATION)
        example = "a time such as 30s, 10m or 1h30m"
        if found is None:
            reader.fail(begin, f"{example} is expected after '{word}'")
        if found[0].replace(".", "", 1).isdigit():
            reader.fail(reader.at, f"a time needs its unit: {found[0]}s, or {found[0]}m")
        seconds = parse_duration(found[0])
        if seconds is None:
            reader.fail(begin, f"{example} is expected after '{word}'")
        return seconds


def _float(value: Decimal) -> float:
    number = float(value)
    return math.inf if math.isinf(number) else number + 0.0


def _example(measure: str, change: str) -> str:
    if change:
        return "50%"
    return {"error_ratio": "1%", "rps": "450", "metric": "10/s", "signal": "80%"}.get(
        measure, "300ms" if measure in LATENCIES else "100"
    )
