"""The whole way of a measurement: record, journal, tables, Parquet, DataFrame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab.schema import TABLES
from loadlab.store import Archive, RunFolder
from loadlab.stream import Journal, TableBuilder, read_journal

T0 = 1_763_932_000

counts = st.integers(0, 2**31 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=6) | st.sampled_from(["<img src=x onerror=alert(1)>", "\0", "🛒", "x" * 5000, "'\"\\"])
buckets = st.lists(st.integers(-1024, 1036), max_size=6).map(lambda found: [found, [7] * len(found)])
request = st.builds(
    lambda plain, histogram, intended: [*plain, *histogram, *intended],
    st.tuples(text, text, counts, counts, counts, numbers, numbers | st.none(), numbers | st.none()),
    buckets,
    buckets | st.just([None, None]),
)
second = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["second", "amend"]),
        "t": st.integers(T0, T0 + 20),
        "requests": st.lists(request, max_size=4),
        "errors": st.lists(st.tuples(text, text, text, text, counts, text), max_size=3),
        "exemplars": st.lists(
            st.tuples(st.just(T0 + 0.5), text, text, numbers, counts, text, text, text, text, text), max_size=2
        ),
        "metrics": st.lists(st.tuples(text, text, text, numbers), max_size=2),
        "users": st.dictionaries(text, counts, max_size=2),
        "generators": st.lists(
            st.tuples(text, counts, counts, numbers, counts, numbers, numbers | st.none()), max_size=2
        ),
    }
)
event = st.fixed_dictionaries(
    {
        "kind": st.just("event"),
        "time": st.floats(T0, T0 + 20),
        "event": text,
        "object": text,
        "text": text,
        "data": st.dictionaries(text, numbers, max_size=2),
    }
)


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    rows = plain.to_dict("records")
    for row in rows:
        for name in ("histogram", "intended_histogram"):
            if row.get(name) is not None:
                row[name] = list(row[name])
    return rows


@settings(max_examples=20, deadline=None)
@given(st.lists(second | event, max_size=5))
def test_what_arrives_is_what_is_opened(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("runs")
    lines = [json.dumps({"seq": seq} | record).encode() for seq, record in enumerate(records, 1)]
    run = RunFolder.create(root, "r20261123-210640-abcd", {})
    live = TableBuilder()
    with Journal(run.journal_path) as journal:
        journal.append(lines)
    for line in lines:
        live.add(json.loads(line))

    recovered = TableBuilder()
    for record in read_journal(run.journal_path):
        recovered.add(record.payload)
    run.write_tables({name: recovered.arrow(name) for name in TABLES})
    run.remove_journal()

    archive = Archive(run.path)
    assert sum(live.rows(name) for name in ("requests", "events")) == sum(
        len(record["requests"]) if "requests" in record else 1 for record in records
    ), "nothing was refused"
    for name in TABLES:
        expected = live.frame(name).sort_values("time", kind="stable", ignore_index=True)
        assert as_rows(archive.table(name)) == as_rows(expected)


def test_a_run_that_was_killed_is_opened_from_its_journal(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "r20261123-210640-abcd", {"status": "running"})
    row = ["GET", "/", 1, 0, 10, 5.0, 5.0, 5.0, [81], [1], None, None]
    lines = [json.dumps({"seq": i, "kind": "second", "t": T0 + i, "requests": [row]}).encode() for i in range(1, 51)]
    run.journal_path.write_bytes(b"\n".join(lines)[:-7])
    tables = TableBuilder()
    reader = read_journal(run.journal_path)
    for record in reader:
        tables.add(record.payload)
    assert reader.state.records == 49
    assert reader.state.torn_bytes == len(lines[-1]) - 7
    run.write_tables({name: tables.arrow(name) for name in TABLES})
    assert Archive(run.path).requests["count"].sum() == 49
