"""Stream, journal and tables together: what is recorded, in what order, and what happens when a part gives up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_master import TOKEN, FakeMaster, end, hello, second

from loadlab.errors import StreamError, StreamLost
from loadlab.schema import TABLES
from loadlab.stream import Journal, Record, Recorder, RecordStream, TableBuilder, parse_record, read_journal


class Batches:
    """A source of records that is no stream: shows that Recorder asks for nothing but `batches` and `close`."""

    def __init__(self, *batches: list[dict[str, object]]) -> None:
        self._batches = batches
        self.closed = threading.Event()

    def batches(self) -> Iterator[list[Record]]:
        for batch in self._batches:
            if self.closed.is_set():
                return
            yield [parse_record(json.dumps(record).encode()) for record in batch]

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.ndjson") as opened:
        yield opened


def test_a_record_is_in_the_journal_and_in_the_tables_before_anybody_is_told(
    master: FakeMaster, journal: Journal
) -> None:
    master.add(hello(), second(0), second(1), end())
    tables = TableBuilder()
    told: list[int] = []

    def on_record(record: Record) -> None:
        told.append(record.seq)
        assert record.line in journal.path.read_bytes().splitlines()
        assert tables.last_seq == record.seq

    recorder = Recorder(RecordStream(master.url, TOKEN), journal, tables, on_record=on_record)
    recorder.run()
    assert recorder.callback_error is None
    assert told == [1, 2, 3, 4]
    assert journal.path.read_bytes() == b"".join(line + b"\n" for line in master.lines)


def test_the_journal_gives_the_same_tables_as_the_stream(master: FakeMaster, journal: Journal) -> None:
    master.add(hello(), *[second(t) for t in range(20)], {"kind": "news"}, second(5, kind="amend"), end())
    live, again = TableBuilder(), TableBuilder()
    Recorder(RecordStream(master.url, TOKEN), journal, live).run()
    for record in read_journal(journal.path):
        again.add(record.payload)
    for name in TABLES:
        assert again.arrow(name).equals(live.arrow(name))
    assert (again.hello, again.end, again.last_seq) == (live.hello, live.end, live.last_seq)


def test_stop_ends_a_recording_in_the_background(master: FakeMaster, journal: Journal) -> None:
    master.add(hello(), second(0))
    tables = TableBuilder()
    seen = threading.Event()
    stream = RecordStream(master.url, TOKEN, wait_s=90, patience_s=120)
    recorder = Recorder(stream, journal, tables, on_record=lambda record: seen.set() if record.seq == 2 else None)
    recorder.start()
    assert seen.wait(60)
    assert not recorder.wait(0)
    recorder.stop()
    assert recorder.wait(60)
    assert tables.rows("requests") == 1
    assert tables.end is None


def test_a_lost_master_is_raised_where_the_outcome_is_asked_for(master: FakeMaster, journal: Journal) -> None:
    master.add(hello(), second(0))
    tables = TableBuilder()
    stream = RecordStream(master.url, TOKEN, wait_s=0.05, patience_s=2.0)
    recorder = Recorder(stream, journal, tables, on_record=lambda record: master.stop() if record.seq == 2 else None)
    recorder.start()
    with pytest.raises(StreamLost):
        recorder.wait(60)
    assert tables.rows("requests") == 1
    assert [record.seq for record in read_journal(journal.path)] == [1, 2]


def test_waiting_for_what_was_not_started_is_a_mistake(journal: Journal) -> None:
    with pytest.raises(RuntimeError, match="before start"):
        Recorder(Batches(), journal, TableBuilder()).wait()


def test_a_full_disk_costs_the_journal_but_no_measurement(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], check=False).returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        batches = [[second(t, seq=t + 1)] for t in range(1000)]
        source, tables = Batches(*batches), TableBuilder()
        errors: list[StreamError] = []
        with Journal(disk / "journal.ndjson") as journal:
            recorder = Recorder(source, journal, tables, on_journal_error=errors.append)
            recorder.run()
        assert recorder.journal_error is journal.error is errors[0]
        assert len(errors) == 1
        assert tables.rows("requests") == 1000
        events = tables.frame("events")
        assert events["kind"].tolist() == ["journal_failed"]
        assert "No space left on device" in events["text"][0]
        seqs = [record.seq for record in read_journal(journal.path)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert 0 < len(seqs) < 1000
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_callback_that_raises_is_switched_off_and_said(journal: Journal) -> None:
    calls: list[int] = []

    def broken(record: Record) -> None:
        calls.append(record.seq)
        raise ZeroDivisionError("in the plot")

    tables = TableBuilder()
    recorder = Recorder(Batches([hello(seq=1)], [second(0, seq=2)]), journal, tables, on_record=broken)
    recorder.run()
    assert calls == [1]
    assert isinstance(recorder.callback_error, ZeroDivisionError)
    assert tables.rows("requests") == 1
    assert "ZeroDivisionError: in the plot" in tables.frame("events")["text"][0]


RECORD = """
import sys
from loadlab.stream import Journal, Recorder, RecordStream, TableBuilder
journal = Journal(sys.argv[1])
tell = lambda record: print(record.seq, flush=True)
Recorder(RecordStream(sys.argv[2], sys.argv[3]), journal, TableBuilder(), on_record=tell).run()
"""


def test_a_killed_recorder_leaves_all_that_it_showed(master: FakeMaster, tmp_path: Path) -> None:
    master.add(hello(), *[second(t) for t in range(500)])
    path = tmp_path / "journal.ndjson"
    process = subprocess.Popen([sys.executable, "-c", RECORD, path, master.url, TOKEN], stdout=subprocess.PIPE)
    shown = 0
    try:
        assert process.stdout is not None
        while shown < 700:
            shown = int(process.stdout.readline())
            if shown > 450:
                master.add(second(shown))
    finally:
        process.kill()
        rest, _ = process.communicate()
    shown = max([shown, *map(int, rest.split(b"\n")[:-1])])
    records = list(read_journal(path))
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert len(records) >= shown
    assert [record.line for record in records] == master.lines[: len(records)]
