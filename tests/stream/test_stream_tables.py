"""Records become rows: against plain Python, chunk borders included, and with text as hostile as JSON allows."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fake_master import T0, end, hello, second
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab.schema import TABLES, arrow_schema, column_names, empty_frame
from loadlab.stream import TableBuilder, growing
from loadlab.stream.columns import as_text

FULL_SECOND = {
    "seq": 2,
    "kind": "second",
    "t": T0,
    "requests": [
        ["GET", "/cart", 3, 1, 300, 30.5, 5.5, 15.0, [86, 136], [1, 2], None, None],
        ["CUSTOM", "untimed", 2, 0, 0, 0.0, None, None, [], [], [90], [2]],
    ],
    "errors": [["GET", "/cart", "HTTP 503", "no <n>", 1, "no 17"]],
    "exemplars": [[T0 + 0.25, "GET", "/cart", 15.0, 503, "http://h/cart", "ab", "cd", "worker-1", "no 17"]],
    "metrics": [["checkout", "count", "worker-1", 2], ["online", "gauge", "worker-2", 1.5]],
    "users": {"ShopUser": 2, "Admin": 0},
    "generators": [
        ["worker-1", 1, 3, 12.5, 50_000_000, 1.25, -0.5],
        ["worker-2", 1, 2, 11.5, 51_000_000, 1.5, None],
    ],
    "missing": [],
}


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """`frame` as plain Python values, missing ones as None, without the region of a run that has one only."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {str(key): value for key, value in row.items() if (key, value) != ("region", "")}
        for row in plain.to_dict("records")
    ]


def test_a_second_fills_every_table_that_the_stream_feeds() -> None:
    tables = TableBuilder()
    tables.add(hello(seq=1))
    tables.add(FULL_SECOND)
    time = pd.Timestamp(T0, unit="s", tz="UTC")
    cart, untimed = rows(tables.frame("requests"))
    assert list(cart.values())[:9] == [time, "GET", "/cart", 3, 1, 300, 30.5, 5.5, 15.0]
    assert list(cart["histogram"]) == [{"bucket": 86, "count": 1}, {"bucket": 136, "count": 2}]
    assert cart["intended_histogram"] is None
    assert list(untimed.values())[:9] == [time, "CUSTOM", "untimed", 2, 0, 0, 0.0, None, None]
    assert len(untimed["histogram"]) == 0
    assert list(untimed["intended_histogram"]) == [{"bucket": 90, "count": 2}]
    assert [list(row.values()) for row in rows(tables.frame("errors"))] == [
        [time, "GET", "/cart", "HTTP 503", "no <n>", 1, "no 17"]
    ]
    assert [list(row.values()) for row in rows(tables.frame("exemplars"))] == [
        [time + pd.Timedelta("250ms"), "GET", "/cart", 15.0, 503, "http://h/cart", "ab", "cd", "worker-1", "no 17"]
    ]
    assert [list(row.values()) for row in rows(tables.frame("metrics"))] == [
        [time, "checkout", "count", "worker-1", 2.0],
        [time, "online", "gauge", "worker-2", 1.5],
    ]
    assert [list(row.values()) for row in rows(tables.frame("users"))] == [[time, "ShopUser", 2], [time, "Admin", 0]]
    assert [list(row.values()) for row in rows(tables.frame("generators"))] == [
        [time, "worker-1", 1, 3, 12.5, 50_000_000, 1.25, -0.5],
        [time, "worker-2", 1, 2, 11.5, 51_000_000, 1.5, None],
    ]
    assert tables.rows("events") == tables.rows("signals") == 0


def test_every_table_has_the_dtypes_of_the_schema_empty_or_not() -> None:
    tables = TableBuilder()
    for name, frame in tables.frames().items():
        pd.testing.assert_frame_equal(frame, empty_frame(name))
    tables.add(FULL_SECOND)
    assert list(tables.frames()) == list(TABLES)
    for name, frame in tables.frames().items():
        assert list(frame) == column_names(name)
        assert tables.arrow(name).schema.equals(arrow_schema(name), check_metadata=True)
        tables.arrow(name).validate(full=True)
        for column in TABLES[name]:
            if column.dtype != "category":
                assert frame[column.name].dtype == empty_frame(name)[column.name].dtype


def test_events_keep_their_moment_and_their_numbers() -> None:
    tables = TableBuilder()
    tables.add(
        {
            "seq": 1,
            "kind": "event",
            "time": T0 + 0.25,
            "event": "stage",
            "object": "1",
            "text": "é",
            "data": {"users": 7},
        }
    )
    tables.add_event("master_lost", "it is gone", time=T0 + 1.5)
    first, last = rows(tables.frame("events"))
    assert first == {
        "time": pd.Timestamp(T0, unit="s", tz="UTC") + pd.Timedelta("250ms"),
        "kind": "stage",
        "object": "1",
        "text": "é",
        "data": '{"users": 7}',
    }
    assert (last["kind"], last["text"], last["object"], last["data"]) == ("master_lost", "it is gone", "", "{}")


def test_hello_end_and_gaps_are_kept() -> None:
    tables = TableBuilder()
    tables.add(hello(seq=1))
    tables.add({"seq": 5, "kind": "gap", "from": 2, "to": 5})
    tables.add(end(seq=6, workers={"worker-1": {"sent": 3}}))
    assert tables.hello is not None
    assert tables.hello["run_id"] == "r20251123-210640-abcd"
    assert tables.end is not None
    assert tables.end["workers"] == {"worker-1": {"sent": 3}}
    assert tables.gaps == [(2, 5)]
    assert tables.last_seq == 6
    (event,) = rows(tables.frame("events"))
    assert event["kind"] == "warning"
    assert "2 to 5 are lost" in event["text"]


def test_a_late_part_adds_rows_and_completes_its_second() -> None:
    tables = TableBuilder()
    generators = [["worker-2", 1, 3, 1.0, 1, 1.0, None]]
    tables.add(second(0, seq=2, missing=["worker-2", "worker-3"]))
    tables.add(second(1, seq=3))
    assert tables.missing == {T0: {"worker-2", "worker-3"}}
    tables.add(second(0, seq=4, kind="amend", generators=generators))
    assert tables.missing == {T0: {"worker-3"}}
    tables.add(second(0, seq=5, kind="amend", generators=[["worker-3", *generators[0][1:]]]))
    assert tables.missing == {}
    assert tables.frame("requests").groupby("time")["count"].sum().tolist() == [9, 3]
    assert tables.last_second == T0 + 1


@pytest.mark.parametrize(
    "record",
    [
        {"seq": 9, "kind": "weather", "sun": True},
        {"seq": 9},
        {"seq": 9, "kind": ["second"]},
        {"seq": 9, "kind": "second"},
        {"seq": 9, "kind": "second", "t": "noon"},
        second(1, seq=9, requests=[["GET", "/cart"]]),
        second(1, seq=9, requests=[FULL_SECOND["requests"][0], FULL_SECOND["requests"][1][:-1]]),
        second(1, seq=9, requests=[["GET", "/", 1.5, 0, 0, 0.0, None, None, [], [], None, None]]),
        second(1, seq=9, requests=[["GET", "/", 1, 0, 2**70, 0.0, None, None, [], [], None, None]]),
        second(1, seq=9, requests=[["GET", "/", 1, 0, 0, 0.0, None, None, [1, 2], [1], None, None]]),
        second(1, seq=9, requests=[["GET", "/", 1, 0, 0, 0.0, None, None, [40_000], [1], None, None]]),
        second(1, seq=9, requests=[["GET", "/", 1, 0, 0, 0.0, None, None, [1], [2**40], None, None]]),
        second(1, seq=9, requests=[["GET", ["/"], 1, 0, 0, 0.0, None, None, [], [], None, None]]),
        second(1, seq=9, users=["ShopUser"]),
        second(1, seq=9, exemplars=[[math.inf, "GET", "/", 1.0, 200, "", "", "", "", ""]]),
        second(1, seq=9, metrics=[["online", "gauge", "worker-1", "many"]]),
        {"seq": 9, "kind": "second", "t": 10**30},
        second(1, seq=9, missing=5),
        second(1, seq=9, missing=[["worker-1"]]),
        {"seq": 9, "kind": "event", "event": "note"},
        {"seq": 9, "kind": "event", "event": "note", "time": 1e300},
        {"seq": 9, "kind": "end", "time": math.inf},
        {"seq": 9, "kind": "gap", "from": None, "to": 3},
    ],
)
def test_a_record_that_does_not_fit_is_a_warning_and_changes_nothing_else(record: dict[str, Any]) -> None:
    tables = TableBuilder()
    tables.add(second(0, seq=8))
    before = {name: tables.rows(name) for name in TABLES}
    tables.add(record)
    after = {name: tables.rows(name) for name in TABLES}
    assert after == before | {"events": before["events"] + 1}
    (event,) = rows(tables.frame("events"))
    assert event["kind"] == "warning"
    assert "9" in event["text"]
    moment = T0 + 1 if record.get("t") == T0 + 1 else T0
    assert event["time"] == pd.Timestamp(moment, unit="s", tz="UTC"), "its own time, else that of the record before"
    assert tables.last_second == T0
    assert json.loads(event["data"])["seq"] == 9
    tables.add(second(2, seq=10))
    assert tables.rows("requests") == 2


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\0",
    "a\0b",
    "🛒 ☃ é",
    "'\"\\`${}\r\n\t",
    "\u202egnp.exe",
    "x" * 2**20,
    "",
    "nan",
    "None",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_survives_unchanged(text: str) -> None:
    tables = TableBuilder()
    record = second(
        0,
        seq=2,
        requests=[[text, text, 1, 1, 0, 1.0, 1.0, 1.0, [1], [1], None, None]],
        errors=[[text, text, text, text, 1, text]],
    )
    tables.add(json.loads(json.dumps(record)))
    (request,) = rows(tables.frame("requests"))
    (error,) = rows(tables.frame("errors"))
    assert request["request_type"] == request["name"] == text
    assert [value for value in error.values() if isinstance(value, str)] == [text] * 5


def test_lone_surrogates_become_replacement_characters_and_pairs_become_whole() -> None:
    tables = TableBuilder()
    for name in ('"\\ud800"', '"\\udfff"', '"\\ud83d\\uded2"', '"\\ufffd"'):
        line = json.dumps(second(0, requests=[["GET", "NAME", 1, 0, 0, 1.0, 1.0, 1.0, [], [], None, None]]))
        tables.add(json.loads(line.replace('"NAME"', name)))
    frame = tables.frame("requests")
    assert frame["name"].tolist() == ["\ufffd", "\ufffd", "🛒", "\ufffd"]
    assert frame["name"].cat.categories.tolist() == ["\ufffd", "🛒"], "two spellings of one name are one name"


@given(st.text(st.characters(), max_size=20) | st.none() | st.integers())
def test_text_always_becomes_valid_utf8(value: object) -> None:
    text = as_text(value)
    text.encode()
    if isinstance(value, str) and not any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        assert text == value


def many(tables: TableBuilder, seconds: int, names: int = 5) -> None:
    for t in range(seconds):
        requests = [
            ["GET", f"/{t % 3}/{name}", t + 1, 0, name, float(t), None if t % 7 == 0 else 1.0, 2.0]
            + [list(range(t % 4)), [1] * (t % 4)]
            + ([None, None] if t % 2 else [[5], [t]])
            for name in range(names)
        ]
        tables.add(second(t, seq=t + 2, requests=requests))


@pytest.mark.parametrize("chunk_rows", [1, 7, 64, 10_000])
def test_chunks_leave_no_trace(monkeypatch: pytest.MonkeyPatch, chunk_rows: int) -> None:
    monkeypatch.setattr(growing, "CHUNK_ROWS", chunk_rows)
    tables = TableBuilder()
    many(tables, 40)
    table = tables.arrow("requests")
    table.validate(full=True)
    assert table.num_rows == 200
    expected_t = np.repeat(np.arange(40), 5)
    assert table["count"].to_pylist() == (expected_t + 1).tolist()
    assert table["name"].to_pylist() == [f"/{t % 3}/{n}" for t in range(40) for n in range(5)]
    assert table["min_ms"].to_pylist() == [None if t % 7 == 0 else 1.0 for t in expected_t.tolist()]
    assert [len(value) for value in table["histogram"].to_pylist()] == (expected_t % 4).tolist()
    assert [value is None for value in table["intended_histogram"].to_pylist()] == (expected_t % 2 == 1).tolist()
    for chunk in table["name"].chunks:
        assert chunk.dictionary.equals(table["name"].chunk(0).dictionary)


@pytest.mark.parametrize("chunk_rows", [1, 7, 64, 10_000])
def test_a_reader_that_comes_again_and_again_sees_every_row_once(
    monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(growing, "CHUNK_ROWS", chunk_rows)
    tables = TableBuilder()
    seen: list[int] = []
    for t in range(30):
        tables.add(second(t, seq=t + 2, requests=second(t)["requests"] * (t % 4)))
        if t % 3 == 0:
            seen += tables.since("requests", len(seen))["time"].astype("int64").tolist()
    seen += tables.since("requests", len(seen))["time"].astype("int64").tolist()
    assert seen == tables.frame("requests")["time"].astype("int64").tolist()
    assert len(tables.since("requests", len(seen))) == 0


@pytest.mark.parametrize("chunk_rows", [1, 7, 10_000])
def test_the_last_seconds_hold_late_parts_and_nothing_older(monkeypatch: pytest.MonkeyPatch, chunk_rows: int) -> None:
    monkeypatch.setattr(growing, "CHUNK_ROWS", chunk_rows)
    tables = TableBuilder()
    assert len(tables.last("requests", 5)) == 0
    many(tables, 40, names=2)
    tables.add(second(38, kind="amend"))
    tables.add(second(3, kind="amend"))
    frame = tables.last("requests", 3)
    assert sorted(((frame["time"].astype("int64") // 10**6) - T0).tolist()) == [37, 37, 38, 38, 38, 39, 39]


def test_much_text_is_split_into_chunks_that_arrow_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "CHUNK_CHARS", 1000)
    tables = TableBuilder()
    for t in range(50):
        tables.add_event("note", "x" * 300, time=T0 + t)
    assert tables.arrow("events")["text"].num_chunks > 10
    assert tables.frame("events")["text"].str.len().tolist() == [300] * 50


def test_reading_while_another_thread_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "CHUNK_ROWS", 50)
    tables = TableBuilder()
    writer = threading.Thread(target=many, args=(tables, 2000))
    writer.start()
    row = 0
    while writer.is_alive():
        table = tables.arrow("requests")
        table.validate(full=True)
        assert table.num_rows % 5 == 0, "never half a second"
        row += len(tables.since("requests", row))
        tables.last("requests", 5)
    writer.join()
    row += len(tables.since("requests", row))
    assert row == tables.rows("requests") == 10_000


counts = st.integers(0, 2**31 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
histogram = st.lists(st.tuples(st.integers(-1024, 1036), counts), max_size=5).map(
    lambda pairs: ([bucket for bucket, _ in pairs], [count for _, count in pairs])
)
request = st.tuples(text, text, counts, counts, st.integers(0, 2**62), floats, floats | st.none(), floats | st.none())


@settings(max_examples=50)
@given(st.lists(st.lists(st.tuples(request, histogram, histogram | st.just((None, None))), max_size=4), max_size=6))
def test_any_second_comes_out_as_it_went_in(seconds: list[list[Any]]) -> None:
    tables = TableBuilder()
    expected = []
    for t, requests in enumerate(seconds):
        line = second(t, seq=t, requests=[[*plain, *pairs, *intended] for plain, pairs, intended in requests])
        tables.add(json.loads(json.dumps(line)))
        for plain, (buckets, numbers), (late, late_numbers) in requests:
            pairs = [{"bucket": b, "count": c} for b, c in zip(buckets, numbers, strict=True)]
            intended = (
                None if late is None else [{"bucket": b, "count": c} for b, c in zip(late, late_numbers, strict=True)]
            )
            expected.append([(T0 + t) * 1_000_000, *plain, pairs, intended, ""])
    table = tables.arrow("requests")
    table = table.set_column(0, "time", table["time"].cast(pa.int64()))
    assert [list(row.values()) for row in table.to_pylist()] == expected
