"""The records of several regions become one stream: whatever the interleaving and the clocks, the rows are theirs."""

from __future__ import annotations

import random
from typing import Any

import pytest
from fake_master import T0, second
from hypothesis import given, settings
from hypothesis import strategies as st
from region_records import close_enough, event, expected_rows, numbered, plain_rows, region, report

from loadlab.stream import Record, TableBuilder, parse_record
from loadlab.stream.clocks import Offset, relative_offsets
from loadlab.stream.merging import Merger


def interleave(merger: Merger, streams: dict[str, list[Record]], order: random.Random) -> list[Record]:
    """Everything that `merger` makes of `streams` when they come mixed, in batches of up to three."""
    left = {name: list(records) for name, records in streams.items()}
    made = []
    while any(left.values()):
        name = order.choice([each for each in left if left[each]])
        size = order.randint(1, 3)
        made += merger.add(name, left[name][:size])
        del left[name][:size]
    return made


def built(records: list[Record]) -> TableBuilder:
    """The tables of `records` as they are read back from a journal."""
    tables = TableBuilder()
    for record in records:
        again = parse_record(record.line)
        assert again.payload == record.payload
        tables.add(again.payload)
    return tables


offsets = st.floats(-100, 100).map(lambda seconds: round(seconds, 6))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), offsets), min_size=2, max_size=4), st.integers())
def test_any_interleaving_and_any_clocks_give_the_rows_of_the_regions(
    shapes: list[tuple[int, int, float]], seed: int
) -> None:
    names = [f"region-{number}" for number in range(len(shapes))]
    clocks = {name: Offset(shape[2], 0.01) for name, shape in zip(names, shapes, strict=True)}
    payloads = {name: region(shape[0], shape[1]) for name, shape in zip(names, shapes, strict=True)}
    streams = {name: numbered(own) for name, own in payloads.items()}
    merger = Merger(clocks)
    made = interleave(merger, streams, random.Random(seed))
    assert [record.seq for record in made] == list(range(1, len(made) + 1))
    assert [record.kind for record in made].count("hello") == [record.kind for record in made].count("end") == 1
    assert (made[0].kind, made[-1].kind) == ("hello", "end")
    assert merger.ended

    tables = built(made)
    rows = plain_rows(tables)
    rows["events"] = [row for row in rows["events"] if "was put right" not in row[3]]
    expected: dict[str, list[tuple[Any, ...]]] = {table: [] for table in rows}
    for name, own in payloads.items():
        for table, found in expected_rows(name, clocks[name].seconds, own).items():
            expected[table] += found
    close_enough(
        {t: sorted(r, key=_key) for t, r in rows.items()}, {t: sorted(r, key=_key) for t, r in expected.items()}
    )
    assert tables.end is not None
    sent = {name: report["sent"] for name, report in tables.end["workers"].items()}
    assert sum(sent.values()) == sum(shape[0] * sum(t + 3 for t in range(shape[1])) for shape in shapes)
    assert tables.frame("requests")["count"].sum() == sum(sent.values())


def _key(row: tuple[Any, ...]) -> str:
    """An order that a microsecond does not change."""
    return repr((*row[1:], round(row[0] / 100)))


def test_the_loss_of_a_region_is_told_and_its_workers_are_lost() -> None:
    merger = Merger({"eu": Offset(0, 0), "us": Offset(-30.25, 0.02)})
    eu, us = numbered(region(1, 4)), numbered(region(2, 4, base=30))
    made = [*merger.add("eu", eu[:6]), *merger.add("us", us[:8])]
    made += merger.lose("us", "nothing has come for 10 s", T0 + 9.0)
    assert not merger.ended
    made += merger.add("eu", eu[6:])
    assert merger.ended
    tables = built(made)
    lost = tables.frame("events").query("kind == 'region_lost'").iloc[0]
    assert (lost["region"], lost["object"]) == ("us", "us")
    assert lost["text"] == "us is lost: nothing has come for 10 s"
    assert tables.end is not None
    workers = tables.end["workers"]
    assert {name: report["state"] for name, report in workers.items()} == {
        "eu/worker-1": "stopped",
        "us/worker-1": "lost",
        "us/worker-2": "lost",
    }
    recorded = tables.frame("requests")
    for name in ("eu", "us"):
        own = sum(report["sent"] for worker, report in workers.items() if worker.startswith(name))
        assert recorded.loc[(recorded["region"] == name), "count"].sum() == own
    assert workers["eu/worker-1"] == report(18)
    assert tables.end["reason"] == "run_time"
    assert tables.end["regions"]["us"]["state"] == "lost"
    assert tables.end["regions"]["us"]["clock_offset_ms"] == -30250


def test_a_worker_has_the_offset_and_the_error_of_both_steps() -> None:
    merger = Merger({"eu": Offset(0, 0), "us": Offset(-30.25, 0.02)})
    merger.add("eu", numbered(region(1, 4)))
    end = merger.add("us", numbered(region(1, 4)))[-1].payload
    assert end["workers"]["eu/worker-1"] == report(18)
    assert end["workers"]["us/worker-1"] == report(18, clock_offset_ms=-30248.5, clock_error_ms=20.5)


def test_all_lost_has_no_end() -> None:
    merger = Merger({"eu": Offset(0, 0), "us": Offset(0, 0)})
    made = merger.add("eu", numbered(region(1, 2))[:4])
    assert made == [], "not before every region has said hello"
    made += merger.lose("us", "gone", T0)
    assert made[0].kind == "hello"
    made += merger.lose("eu", "gone", T0)
    assert merger.all_lost
    assert {record.kind for record in made} == {"hello", "event"}


def test_a_stop_for_a_lost_region_is_the_reason() -> None:
    merger = Merger({"eu": Offset(0, 0), "us": Offset(0, 0)})
    merger.lose("us", "gone", T0)
    merger.stopped_for = "us"
    (*_, end) = merger.add(
        "eu", numbered([*region(1, 2)[:-1], {"kind": "end", "time": T0, "reason": "stopped", "workers": {}}])
    )
    assert end.payload["reason"] == "region_lost"


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (Offset(-30.0, 0.01), "the clock of us is 30.0 s ahead of that of eu; it was put right"),
        (Offset(2.0, 0.01), "the clock of us is 2.0 s behind that of eu; it was put right"),
        (Offset(0.9, 0.01), None),
        (None, "the clock of us could not be compared with the others: its times are its own"),
    ],
)
def test_a_clock_that_is_off_is_told(offset: Offset | None, words: str | None) -> None:
    merger = Merger({"eu": Offset(0, 0), "us": offset})
    made = [*merger.add("eu", numbered(region(1, 1))), *merger.add("us", numbered(region(1, 1)))]
    told = [record.payload["text"] for record in made if record.payload.get("event") == "warning"]
    assert told == ([] if words is None else [words])


def test_what_makes_no_sense_stays_as_it_is_for_the_tables_to_tell() -> None:
    merger = Merger({"eu": Offset(0, 0), "us": Offset(5.0, 0)})
    odd = [
        *region(1, 0)[:1],
        second(1, generators=[["worker-1"]]),
        second(1, exemplars=[[None] * 10]),
        {"kind": "weather"},
        {"kind": "event", "event": "note"},
        event(1, "note", text="fine"),
        {"kind": "gap", "from": 4, "to": 9},
    ]
    made = [*merger.add("eu", numbered(region(1, 1))), *merger.add("us", numbered(odd))]
    tables = built(made)
    told = tables.frame("events").query("region == 'us'")
    assert told["kind"].tolist() == ["warning"] * 5 + ["note", "warning"]
    assert "Records 4 to 9 of us are lost" in told["text"].iloc[-1]
    assert tables.gaps == []


def test_offsets_are_relative_to_the_first_region_that_is_known() -> None:
    measured = {"a": None, "b": Offset(10.0, 0.1), "c": Offset(4.0, 0.2)}
    relative = relative_offsets(measured)
    assert relative["a"] is None
    assert relative["b"] == Offset(0.0, 0.0)
    assert relative["c"] == pytest.approx(Offset(-6.0, 0.3))
