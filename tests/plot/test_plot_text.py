from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlab.plot import MISSING, format_count, format_ms, format_number, format_percent, plain_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.001234, "0.00123"),
        (0.5, "0.500"),
        (1, "1.00"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (123.4, "123"),
        (999.6, "1,000"),
        (1234.5, "1,230"),
        (1_234_567, "1,230,000"),
        (-45.67, "-45.7"),
        (math.nan, MISSING),
        (math.inf, MISSING),
    ],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert format_number(value) == shown


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_shown_number_is_within_half_a_percent(value: float) -> None:
    assert float(format_number(value).replace(",", "")) == pytest.approx(value, rel=0.005)


@pytest.mark.parametrize(
    ("value_ms", "shown"),
    [(0, "0 ms"), (0.0456, "0.0456 ms"), (12.34, "12.3 ms"), (999.4, "999 ms"), (999.7, "1.00 s"), (61_000, "61.0 s")],
)
def test_durations_carry_their_unit(value_ms: float, shown: str) -> None:
    assert format_ms(value_ms) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(0, "0 %"), (1e-9, "< 0.001 %"), (0.0123, "1.23 %"), (0.99991, "> 99.9 %"), (1, "100 %"), (math.nan, MISSING)],
)
def test_percentages_do_not_round_some_to_none_or_to_all(ratio: float, shown: str) -> None:
    assert format_percent(ratio) == shown


def test_counts_are_exact() -> None:
    assert format_count(1_234_567) == "1,234,567"
    assert format_count(math.nan) == MISSING


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /cart", "GET /cart"),
        ("a\nb\tc", "a b c"),
        ("nul \0 bell \a", "nul ␀ bell ␇"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("\x9b", "\ufffd"),
        ("ünïcode 🛒", "ünïcode 🛒"),
        (None, "None"),
    ],
)
def test_foreign_text_becomes_printable(text: object, shown: str) -> None:
    assert plain_text(text) == shown


def test_a_megabyte_of_text_is_cut() -> None:
    assert plain_text("x" * 1_000_000, 40) == "x" * 39 + "…"
    assert plain_text("x" * 40, 40) == "x" * 40


@given(st.text(st.characters(codec=None), max_size=100))
def test_plain_text_can_always_be_written_and_is_one_line(text: str) -> None:
    shown = plain_text(text, 50)
    shown.encode("utf-8")
    assert len(shown) <= 50
    assert len(shown.splitlines()) <= 1
