"""Criteria as text: what each sentence means, that none is lost on the way, and errors that point at the place."""

from __future__ import annotations

import math

import pytest
from criteria_strategies import CRITERIA, NAMES, drafts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadlab.errors import SpecError
from loadlab.spec import Criteria, Criterion, Quantity
from loadlab.spec.criterion_rules import find_problem

P99 = Quantity("quantile", 0.99)

MEANINGS = {
    "p99 < 300ms": Criterion(P99, "<", 300.0, "ms"),
    "p99.9 <= 1.5s": Criterion(Quantity("quantile", 0.999), "<=", 1500.0, "ms"),
    "p50 < 2m": Criterion(Quantity("quantile", 0.5), "<", 120_000.0, "ms"),
    "mean < 80us": Criterion(Quantity("mean"), "<", 0.08, "ms"),
    "p95(GET /cart) < 200ms": Criterion(Quantity("quantile", 0.95, "/cart", "GET"), "<", 200.0, "ms"),
    "max( POST   /pay/(x) )<2s": Criterion(Quantity("max", None, "/pay/(x)", "POST"), "<", 2000.0, "ms"),
    'min("GET /a") > 1ms': Criterion(Quantity("min", None, "GET /a"), ">", 1.0, "ms"),
    r'min(GET "a \"b\" (c;\n\\") > 1ms': Criterion(Quantity("min", None, 'a "b" (c;\n\\', "GET"), ">", 1.0, "ms"),
    'count("grpc" Pay) > 3': Criterion(Quantity("count", None, "Pay", "grpc"), ">", 3.0),
    "count(GET *) > 3": Criterion(Quantity("count", None, "", "GET"), ">", 3.0),
    "count(*) > 3": Criterion(Quantity("count"), ">", 3.0),
    "count(error:Timeout) == 0": Criterion(Quantity("errors", None, "Timeout"), "==", 0.0),
    "count(error: HTTP 5*) == 0": Criterion(Quantity("errors", None, "HTTP 5*"), "==", 0.0),
    "count(error:*) == 0": Criterion(Quantity("errors"), "==", 0.0),
    'count("error:x") == 0': Criterion(Quantity("count", None, "error:x"), "==", 0.0),
    "error_ratio < 1%": Criterion(Quantity("error_ratio"), "<", 0.01),
    "error_ratio(checkout*) < 0.005 over 30s": Criterion(
        Quantity("error_ratio", None, "checkout*"), "<", 0.005, over_s=30.0
    ),
    "rps >= 450": Criterion(Quantity("rps"), ">=", 450.0, "/s"),
    "rps(GET /) >= 450/s": Criterion(Quantity("rps", None, "/", "GET"), ">=", 450.0, "/s"),
    "users <= 50": Criterion(Quantity("users"), "<=", 50.0),
    "metric(checkouts) > 10/s": Criterion(Quantity("metric", None, "checkouts"), ">", 10.0, "/s"),
    "metric(ORDER balance) > -2.5": Criterion(Quantity("metric", None, "ORDER balance"), ">", -2.5),
    "signal(pod_cpu) < 80% for 10m": Criterion(Quantity("signal", None, "pod_cpu"), "<", 80.0, "%", for_s=600.0),
    "signal(mem) < 512Mi": Criterion(Quantity("signal", None, "mem"), "<", 512.0, "Mi"),
    "signal(mem) < 3 over 30s": Criterion(Quantity("signal", None, "mem"), "<", 3.0, over_s=30.0),
    "rps drops > 50% within 15m": Criterion(Quantity("rps"), ">", 0.5, "", "drops", 900.0),
    "p95 rises >= 150% over 5s within 1m30s": Criterion(
        Quantity("quantile", 0.95), ">=", 1.5, "", "rises", 90.0, over_s=5.0
    ),
    "rps < 1 for 5m": Criterion(Quantity("rps"), "<", 1.0, "/s", for_s=300.0),
    "p99 < 2s over 1m for 90s from start else stop after 5s": Criterion(
        P99, "<", 2000.0, "ms", "", None, 60.0, 90.0, True, True, 5.0
    ),
    "p99 < 2s else stop": Criterion(P99, "<", 2000.0, "ms", stop=True),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_each_sentence_means_what_it_says(text: str) -> None:
    assert Criteria.parse(text) == (MEANINGS[text],)
    assert Criteria.parse(str(MEANINGS[text])) == (MEANINGS[text],)


def test_lists_come_in_every_form() -> None:
    text = "# limits\n\np99 < 300ms; rps >= 450 # and no less\n;; error_ratio < 1%;"
    three = Criteria.parse(text)
    assert str(three) == "p99 < 300ms; rps >= 450; error_ratio < 1%"
    assert Criteria.parse(["p99 < 300ms; rps >= 450", three[2]]) == three
    assert Criteria.parse(three) == Criteria.parse(str(three)) == Criteria.parse(three.texts()) == three
    assert Criteria.parse(three[0]) == three[:1]
    assert Criteria.parse("# nothing") == Criteria.parse([]) == ()
    assert eval(repr(three), {"Criteria": Criteria}) == three


WRONG = {
    "eror_ratio < 1%": (0, "Did you mean 'error_ratio'?"),
    "P99 < 3ms": (0, "Did you mean 'p99'?"),
    "latency < 3ms": (0, "write 'p99'"),
    "p101 < 3ms": (0, "between p0 and p100"),
    "p0 < 3ms": (0, "between p0 and p100"),
    "p < 3ms": (0, "'p' is not measured"),
    "< 3ms": (0, "begins with what is measured"),
    "p99(GET) < 3ms": (4, "'GET *' selects all requests of this type"),
    "p99() < 3ms": (4, "a name is expected"),
    "p99(GET /x < 3ms": (16, "closing bracket ')' is missing"),
    'p99("/x < 3ms': (4, "not closed"),
    r'p99("a\x") < 3ms': (6, r"in quotes \ stands before"),
    'p99(a"b") < 3ms': (5, "goes into quotes as a whole"),
    "count(error:) == 0": (12, "a name is expected"),
    "metric > 3": (7, "metric(checkouts)"),
    "users(x) < 3": (5, "nothing to select"),
    "p99": (3, "a comparison is expected"),
    "p99 /cart < 3ms": (4, "a name goes into brackets"),
    "p99 =< 3ms": (4, "write <="),
    "p99 = 3ms": (4, "write =="),
    "rps dops > 5% within 1m": (4, "Did you mean 'drops'?"),
    "p99 <": (5, "such as 300ms"),
    "p99 < 300": (9, "300ms"),
    "p99 < 300 over 30s": (9, "300ms"),
    "p99 < 300msec": (9, "no unit of time"),
    "p99 < -3ms": (6, "never below 0"),
    "p99 < 0ms": (4, "every run breaks it"),
    "p99 == 3ms": (4, "write < or >"),
    "p99 < 1e3ms": (7, "no unit of time"),
    f"p99 < {'9' * 400}s": (6, "a smaller number"),
    "rps > 1,000": (7, "without commas"),
    "rps > 5 rps": (8, "with /s"),
    "rps >= 0": (4, "every run keeps it"),
    "error_ratio < 150%": (14, "between 0 and 1"),
    "error_ratio < 5": (15, "in %: 5%"),
    "error_ratio <= 100%": (12, "every run keeps it"),
    "count < 1.5": (8, "whole numbers"),
    "count < 5 ms": (10, "has no unit"),
    "rps drops > 150% within 5m": (12, "more than 100%"),
    "rps drops > 50 within 5m": (14, "50%"),
    "rps drops 50%": (10, "drops > 50%"),
    "rps drops < 50% within 5m": (10, "takes > or >="),
    "rps drops > 50%": (15, "within 15m"),
    "rps drops > 50% within 5s": (23, "over 1s"),
    "rps drops > 50% for 5m": (20, "takes 'within'"),
    "max drops > 5% within 1m": (0, "single request"),
    "error_ratio rises > 5% within 1m": (0, "of 0 there is no share"),
    "p99 < 3ms for 500ms": (14, "whole seconds"),
    "p99 < 3ms for 30": (16, "30s"),
    "p99 < 3ms over": (14, "a time such as"),
    "p99 < 3ms over 100d": (15, "31d at most"),
    "p99 < 3ms fro 30s": (10, "is expected here"),
    "p99 < 3ms wihtin 30s": (10, "Did you mean 'within'?"),
    "p99 < 3ms within 30s": (17, "goes with drops or rises"),
    "p99 < 3ms for 3s over 3s": (17, "'over' stands before 'for'"),
    "p99 < 3ms for 3s for 3s": (17, "second time"),
    "p99 < 3ms from begin": (15, "'start' is expected after 'from'"),
    "p99 < 3ms else halt": (15, "'stop' is expected after 'else'"),
    "p99 < 3ms else stop after": (25, "a time such as"),
    "p99 < 3ms else stop afterp5s": (20, "is expected here"),
    "count >= 5 else stop": (11, "grows through the run"),
    "p99 < 3ms, rps > 4": (9, "is expected here"),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_points_at_the_character(text: str) -> None:
    place, words = WRONG[text]
    with pytest.raises(SpecError) as caught:
        Criteria.parse(f"rps > 3\n  {text}; p99 < 5ms" if ")" not in words else f"rps > 3\n  {text}")
    message, line, mark = str(caught.value).split("\n")
    assert message.startswith("criteria: ")
    assert words in message, message
    assert line.startswith("    " + text[:90])
    assert mark.index("^") - 4 == place, str(caught.value)
    assert caught.value.exit_code == 2


def test_an_entry_of_a_list_is_named() -> None:
    with pytest.raises(SpecError, match=r"criteria\[1\]: a time needs its unit"):
        Criteria.parse(["p99 < 3ms", "p99 < 3"])
    with pytest.raises(SpecError, match=r"criteria\[0\]: got 3"):
        Criteria.parse([3])
    with pytest.raises(SpecError, match=r"criteria\[0\]: got Criterion"):
        Criteria.parse(Criteria([Criterion(P99, "<", math.nan, "ms")]))
    with pytest.raises(SpecError, match="criteria: got 3"):
        Criteria.parse(3)
    with pytest.raises(SpecError, match=r"criteria: got \{\}"):
        Criteria.parse({})


@pytest.mark.parametrize(
    "criterion",
    [
        Criterion(P99, "<", math.nan, "ms"),
        Criterion(P99, "<", math.inf, "ms"),
        Criterion(P99, "<", 3.0, "s"),
        Criterion(Quantity("quantile"), "<", 3.0, "ms"),
        Criterion(Quantity("mean", 0.5), "<", 3.0, "ms"),
        Criterion(Quantity("median"), "<", 3.0, "ms"),  # type: ignore[arg-type]
        Criterion(P99, "~", 3.0, "ms"),  # type: ignore[arg-type]
        Criterion(P99, "<", 3.0, "ms", over_s=0.5),
        Criterion(P99, "<", 3.0, "ms", over_s=math.nan),
        Criterion(P99, "<", 3.0, "ms", stop_after_s=5.0),
        Criterion(Quantity("signal", None, "x"), "<", 3.0, "over"),
        Criterion(Quantity("metric", None, "*"), "<", 3.0),
        Criterion(Quantity("errors", None, "x", "GET"), "<", 3.0),
    ],
)
def test_objects_are_checked_as_texts_are(criterion: Criterion) -> None:
    with pytest.raises(SpecError, match="criteria: got Criterion"):
        Criteria.parse(criterion)


@settings(max_examples=150, deadline=None)
@given(CRITERIA)
@example(Criterion(Quantity("mean", None, "", "A\t"), "<=", 3.0, "ms"))
def test_every_criterion_survives_being_written(criterion: Criterion) -> None:
    text = str(criterion)
    assert Criteria.parse(text) == (criterion,)
    assert str(Criteria.parse(text)) == text
    assert "\n" not in text


@settings(max_examples=25, deadline=None)
@given(st.lists(CRITERIA, max_size=4))
def test_lists_survive_being_written(criteria: list[Criterion]) -> None:
    assert Criteria.parse(str(Criteria(criteria))) == tuple(criteria)
    assert Criteria.parse("\n# x\n".join(map(str, criteria))) == tuple(criteria)


@settings(max_examples=60, deadline=None)
@given(drafts())
def test_what_makes_no_sense_is_refused_as_an_object_and_as_text(criterion: Criterion) -> None:
    problem = find_problem(criterion)
    try:
        read = Criteria.parse(str(criterion))
    except SpecError:
        assert problem is not None
    else:
        assert (read == (criterion,)) == (problem is None)


PIECES = st.sampled_from(
    [
        *MEANINGS,
        *WRONG,
        "p",
        "p99",
        "<",
        ">=",
        "300",
        "ms",
        "%",
        "(",
        ")",
        '"',
        "\\",
        ";",
        "\n",
        "#",
        " ",
        "over",
        "for",
    ]
)


def mutate(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(list(MEANINGS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        removed = draw(st.integers(0, 3))
        text = text[:place] + draw(st.one_of(PIECES, st.text(max_size=2))) + text[place + removed :]
    return text


@settings(max_examples=250, deadline=None)
@given(st.one_of(st.composite(mutate)(), st.text(max_size=40), st.lists(PIECES, max_size=6).map(" ".join), NAMES))
@example("p50 < ")
@example("p99 < 1ms over 1.1.1s")
@example("p1e5 < 1ms")
@example("p٣ < 1ms")
@example("p99(\x00) < 1ms")
@example("p99 < 1\u00a0ms")
@example("signal(x) < 1drops")
def test_no_text_crashes(text: str) -> None:
    try:
        read = Criteria.parse(text)
    except SpecError as error:
        for each in error.problems or (error,):
            message, line, mark = str(each).rsplit("\n", 2)
            assert "\n" not in message
            assert len(mark) <= len(line) + 1
        return
    assert Criteria.parse(str(read)) == read
