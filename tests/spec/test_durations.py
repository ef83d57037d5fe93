import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlab.spec.durations import format_duration, nearest_duration, parse_duration, write_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 1 h 30 m ", 5400),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1d1h1m1s1ms", 90061.001),
        ("90", 90),
        ("1.25", 1.25),
        ("0", 0),
    ],
)
def test_parse(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "five", "10 minutes", "10x", "30m1h", "1m1m", "-5s", "+5s", "1e3", "5s!", "nan", "inf", "1:30"],
)
def test_not_a_duration(text):
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10 minutes", "10m"),
        ("1 Hour 30 Min", "1h30m"),
        ("250 millis", "250ms"),
        ("250 msec", "250ms"),
        ("90sec", "90s"),
        ("soon", None),
        ("5 lightyears", None),
        ("", None),
    ],
)
def test_nearest(text, meant):
    assert nearest_duration(text) == meant


@given(st.integers(0, 10**10))
def test_round_trip_to_the_millisecond(milliseconds):
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@given(st.floats(1e-9, 1e12))
def test_write_and_read_give_the_same_number(seconds):
    assert parse_duration(write_duration(seconds)) == seconds


def test_format():
    assert [format_duration(s) for s in (0, 90, 5400, 0.5, 86400, 3661.25)] == [
        "0s",
        "1m30s",
        "1h30m",
        "500ms",
        "1d",
        "1h1m1s250ms",
    ]
