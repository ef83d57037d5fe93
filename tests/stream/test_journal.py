"""The journal on real disks: killed, torn, full, read while it is written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_master import end, hello, second
from hypothesis import given
from hypothesis import strategies as st

from loadlab.errors import StreamError
from loadlab.stream import Journal, claimed, is_being_written, read_journal
from loadlab.stream.journal import RESERVE_BYTES


def line(seq: int, **payload: object) -> bytes:
    return json.dumps({"seq": seq, "kind": "note"} | payload).encode()


def test_every_record_is_one_line_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    lines = [b'{"seq": 1,  "kind":"hello"}', b'{"kind":"second","seq":2,"t":1.50}', b'{"seq":3,"kind":"end"}']
    with Journal(path) as journal:
        journal.append(lines[:2])
        journal.append(lines[2:])
        assert path.read_bytes() == b"\n".join(lines) + b"\n", "with the operating system before the journal is closed"
    reader = read_journal(path)
    assert [record.line for record in reader] == lines
    assert (reader.state.records, reader.state.last_seq, reader.state.torn_bytes, reader.state.ended) == (3, 3, 0, True)


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    path.write_bytes(line(1) + b"\n")
    with pytest.raises(StreamError, match="File exists"):
        Journal(path)
    assert path.read_bytes() == line(1) + b"\n"


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="No such file or directory"):
        Journal(tmp_path / "gone" / "journal.ndjson")
    with pytest.raises(StreamError, match="cannot be read"):
        list(read_journal(tmp_path / "gone" / "journal.ndjson"))


def test_closing_removes_the_reserve_and_refuses_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.ndjson")
    assert (tmp_path / "journal.ndjson.reserve").stat().st_size == RESERVE_BYTES
    journal.close()
    journal.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal.ndjson"]
    with pytest.raises(StreamError, match="is closed"):
        journal.append([line(1)])
    with pytest.raises(StreamError, match="is closed"):
        journal.sync()


@given(cut=st.integers(min_value=0), texts=st.lists(st.text(), min_size=1, max_size=5))
def test_wherever_it_is_torn_the_whole_records_before_are_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.ndjson"
    lines = [line(number, text=text) for number, text in enumerate(texts, 1)]
    whole = b"".join(one + b"\n" for one in lines)
    cut %= len(whole) + 1
    path.write_bytes(whole[:cut])
    ends = [sum(len(one) + 1 for one in lines[: number + 1]) - 1 for number in range(len(lines))]
    expected = sum(cut >= position for position in ends)  # a record that lacks only its line feed is whole
    reader = read_journal(path)
    assert [record.line for record in reader] == lines[:expected]
    assert reader.state.damaged_lines == 0
    start_of_torn = ends[expected - 1] + 1 if expected else 0
    assert reader.state.torn_bytes == max(cut - start_of_torn, 0)


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    path.write_bytes(line(1) + b"\n" + b"\0" * 4096 + line(2) + b"\n" + line(3) + b"\n")
    reader = read_journal(path)
    assert [record.seq for record in reader] == [1, 3]
    assert reader.state.damaged_lines == 1


def test_an_empty_journal_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    path.touch()
    reader = read_journal(path)
    assert list(reader) == []
    assert reader.state.records == reader.state.last_seq == reader.state.torn_bytes == 0


KEEP_WRITING = """
import json, sys
from loadlab.stream import Journal
journal = Journal(sys.argv[1])
for number in range(20_000):
    journal.append([json.dumps({"seq": 2 * number + i, "kind": "note", "text": "x" * 700}).encode() for i in (1, 2)])
    journal.sync()
    if number == 50:
        print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that writes the journal at `path` until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP_WRITING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_killed_writer_leaves_every_whole_record_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    with writer(path) as process:
        assert is_being_written(path)
        process.kill()
        process.wait()
        assert not is_being_written(path)
    reader = read_journal(path)
    seqs = [record.seq for record in reader]
    assert len(seqs) >= 102
    assert seqs == list(range(1, len(seqs) + 1))
    assert reader.state.damaged_lines == 0
    assert reader.state.torn_bytes < 800
    assert not reader.state.ended


def test_reading_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    with writer(path):
        for _ in range(10):
            reader = read_journal(path)
            seqs = [record.seq for record in reader]
            assert seqs == list(range(1, len(seqs) + 1))
            assert reader.state.damaged_lines == 0


def test_the_lock_is_seen_within_the_process_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    assert not is_being_written(path)
    journal = Journal(path)
    assert is_being_written(path)
    journal.close()
    assert not is_being_written(path)


def test_whoever_recovers_a_journal_is_alone_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    with claimed(path) as alone:
        assert not alone, "there is none yet"
    journal = Journal(path)
    with claimed(path) as alone:
        assert not alone
    journal.close()
    with claimed(path) as alone, claimed(path) as second:
        assert alone
        assert not second
        assert is_being_written(path)
    assert not is_being_written(path)


def test_a_journal_is_claimed_where_locks_ask_how_the_file_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def network_flock(fd: int, operation: int) -> None:  # NFS: flock is emulated by fcntl's locks
        mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        if mode == (os.O_RDONLY if operation & fcntl.LOCK_EX else os.O_WRONLY):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", network_flock)
    path = tmp_path / "journal.ndjson"
    with Journal(path):
        assert is_being_written(path)
    with claimed(path) as alone:
        assert alone


@contextlib.contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own in `folder`; skips the test where none can be made."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a tmpfs needs root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    with tmpfs(tmp_path / "disk", "256k") as disk:
        yield disk


def test_a_full_disk_keeps_every_whole_record_and_room_for_the_last_status(small_disk: Path) -> None:
    path = small_disk / "journal.ndjson"
    journal = Journal(path)
    kept = 0

    def fill() -> None:
        nonlocal kept
        while True:
            journal.append([line(kept + 1, text="x" * 1000)])
            kept += 1

    with pytest.raises(StreamError, match="No space left on device"):
        fill()
    assert journal.error is not None
    assert kept > 100
    assert is_being_written(path), "the run still has an owner"

    with pytest.raises(OSError, match="No space left on device"):
        (small_disk / "master.log").write_bytes(b"x" * 60000)
    (small_disk / "master.log").unlink()
    journal.give_reserve_up()
    (small_disk / "run.json").write_bytes(b"x" * 60000)
    with pytest.raises(StreamError, match="Nothing more is written"):
        journal.append([line(kept + 1)])
    journal.close()
    assert not is_being_written(path)
    reader = read_journal(path)
    assert [record.seq for record in reader] == list(range(1, kept + 1))
    assert reader.state.torn_bytes == 0


def test_what_a_full_disk_refused_is_written_once_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(100_000))
    with Journal(small_disk / "journal.ndjson") as journal:
        with pytest.raises(StreamError, match="No space left on device"):
            journal.append([line(number, text="x" * 1000) for number in range(1, 201)])
        with pytest.raises(StreamError, match="Nothing more is written"):
            journal.append([line(201)])
        waiting = journal.retry()
        assert 0 < waiting == len(journal.unwritten) < 200
        journal.give_reserve_up()
        still = journal.retry()
        assert 0 < still < waiting, "the reserve has made some room"
        assert journal.error is not None
        filler.unlink()
        assert journal.retry() == 0
        assert (journal.error, journal.unwritten) == (None, [])
        journal.append([line(202)])
    reader = read_journal(journal.path)
    assert [record.seq for record in reader] == list(range(1, 203))
    assert reader.state.torn_bytes == reader.state.damaged_lines == 0


@pytest.mark.parametrize(("size", "reserve"), [("256k", 65536), ("2m", 1 << 19), ("16m", 1 << 20)])
def test_a_small_disk_gives_a_small_reserve(tmp_path: Path, size: str, reserve: int) -> None:
    with tmpfs(tmp_path / "disk", size) as disk, Journal(disk / "journal.ndjson"):
        assert (disk / "journal.ndjson.reserve").stat().st_size == pytest.approx(reserve, rel=0.01)


def test_a_batch_that_fits_in_part_keeps_its_whole_records(small_disk: Path) -> None:
    path = small_disk / "journal.ndjson"
    journal = Journal(path)
    with pytest.raises(StreamError, match="No space left on device"):
        journal.append([line(number, text="x" * 1000) for number in range(1, 1000)])
    journal.close()
    reader = read_journal(path)
    seqs = [record.seq for record in reader]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > 100
    assert reader.state.torn_bytes == 0


def test_a_disk_that_is_full_from_the_start_is_said_and_left_clean(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    with pytest.raises(StreamError, match="No space left on device"):
        Journal(small_disk / "journal.ndjson")
    assert [entry.name for entry in small_disk.iterdir()] == ["filler"]


FILL_TO_THE_LIMIT = """
import resource, signal, sys
from loadlab.errors import StreamError
from loadlab.stream import Journal
journal = Journal(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    for number in range(1, 100):
        journal.append([b'{"seq":%d,"kind":"note","text":"%s"}' % (number, b"x" * 300)])
except StreamError as error:
    print(error)
journal.close()
"""


def test_a_limit_on_the_size_of_files_is_one_more_refusal(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    done = subprocess.run(
        [sys.executable, "-c", FILL_TO_THE_LIMIT, str(path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    reader = read_journal(path)
    seqs = [record.seq for record in reader]
    assert seqs == list(range(1, len(seqs) + 1))
    assert reader.state.torn_bytes == 0
    assert 9_000 < path.stat().st_size <= 10_000


def test_closed_files_are_closed(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        with Journal(tmp_path / f"{number}.ndjson") as journal:
            journal.append([json.dumps({"seq": 1} | record).encode() for record in (hello(), second(0), end())])
            journal.sync(at_once=True)
        is_being_written(journal.path)
        list(read_journal(journal.path))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_disk_is_asked_once_a_second_and_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, synced, fsync = [100.0], [], os.fsync
    monkeypatch.setattr("loadlab.stream.journal.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("loadlab.stream.journal.os.fsync", lambda fd: (synced.append(clock[0]), fsync(fd)))
    with Journal(tmp_path / "journal.ndjson") as journal:
        synced.clear()
        for tick in range(40):
            clock[0] = 100.0 + tick / 10
            journal.append([line(tick + 1)])
            journal.sync()
        assert synced == [101.0, 102.0, 103.0]
        journal.sync(at_once=True)
        assert synced[3:] == [103.9]


def test_a_disk_that_fails_to_keep_what_was_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    journal = Journal(tmp_path / "journal.ndjson")
    journal.append([line(1)])
    monkeypatch.setattr("loadlab.stream.journal.os.fsync", broken)
    with pytest.raises(StreamError, match="Input/output error"):
        journal.sync(at_once=True)
    with pytest.raises(StreamError, match="Nothing more is written"):
        journal.append([line(2)])
    journal.close()
    assert [record.seq for record in read_journal(journal.path)] == [1]
