"""The reader against a real HTTP server that breaks in every way a master or the network between can."""

from __future__ import annotations

import json
import threading
import time

import pytest
from fake_master import TOKEN, FakeMaster, end, hello, second
from locust_left import until
from ports import reserve_ports

from loadlab.errors import SchemaMismatch, StreamError, StreamLost
from loadlab.stream import RecordStream


def read_all(master: FakeMaster, **options: float) -> list[int]:
    stream = RecordStream(master.url, TOKEN, **options)
    return [record.seq for record in stream]


def test_reads_every_record_as_it_was_sent_and_stops_after_the_end(master: FakeMaster) -> None:
    master.add(hello(), second(0), second(1), end(), second(2))
    stream = RecordStream(master.url, TOKEN)
    records = list(stream)
    assert [record.seq for record in records] == [1, 2, 3, 4]
    assert [record.line for record in records] == master.lines[:4]
    assert [record.payload for record in records] == [json.loads(line) for line in master.lines[:4]]
    assert stream.ended
    assert stream.last_seq == 4


def test_resumes_after_the_number_that_was_read_last(master: FakeMaster) -> None:
    master.add(hello(), second(0), second(1), end())
    assert read_all(master, after=2) == [3, 4]


def test_waits_for_records_that_come_later(master: FakeMaster) -> None:
    master.add(hello())
    seen: list[int] = []
    for record in RecordStream(master.url, TOKEN):
        seen.append(record.seq)
        master.add(second(record.seq) if record.seq < 5 else end())
    assert seen == [1, 2, 3, 4, 5, 6]
    assert all(wait == 1.0 for _, wait in master.asked)


def test_takes_a_long_history_in_several_answers(master: FakeMaster) -> None:
    master.add(hello(), *[second(t) for t in range(2500)], end())
    assert read_all(master) == list(range(1, 2503))
    assert [after for after, _ in master.asked] == [0, 1000, 2000]


@pytest.mark.parametrize("fault", ["cut length", "cut chunks", "cut close"])
def test_a_torn_answer_gives_its_whole_records_and_the_torn_one_is_asked_for_again(
    master: FakeMaster, fault: str
) -> None:
    master.add(hello(), second(0), second(1))
    master.faults.append(fault)
    stream = RecordStream(master.url, TOKEN)
    seen = []
    for record in stream:
        seen.append(record.seq)
        if record.seq == 3:
            master.add(end())
    assert seen == [1, 2, 3, 4]
    assert master.asked[1][0] == 2, "records 1 and 2 were whole and are not read again"


@pytest.mark.parametrize("fault", ["500", "503", "404", "302", "drop"])
def test_goes_on_after_failed_answers(master: FakeMaster, fault: str) -> None:
    master.add(hello(), second(0), end())
    master.faults.extend([fault] * 3)
    assert read_all(master) == [1, 2, 3]
    assert [wait for _, wait in master.asked] == [1.0, 0.0, 0.0, 0.0], "no long poll while it is unclear who listens"


def test_reads_a_slow_answer(master: FakeMaster) -> None:
    master.add(hello(), *[second(t) for t in range(10)], end())
    master.faults.append("slow")
    assert read_all(master) == list(range(1, 13))


def test_records_that_come_again_are_dropped(master: FakeMaster) -> None:
    master.add(hello(), second(0), second(1))
    stream = RecordStream(master.url, TOKEN)
    seen = []
    for record in stream:
        seen.append(record.seq)
        if record.seq == 3:
            master.faults.append("again")
            master.add(end())
    assert seen == [1, 2, 3, 4]


def test_a_master_that_comes_back_on_the_same_port_is_read_on(master: FakeMaster) -> None:
    master.add(hello(), second(0))
    seen: list[int] = []
    for record in RecordStream(master.url, TOKEN):
        seen.append(record.seq)
        if record.seq == 2:
            master.stop()
            master.add(second(1), end())
            threading.Timer(0.3, master.start).start()
    assert seen == [1, 2, 3, 4]


def test_a_master_that_is_gone_is_lost_after_the_patience(master: FakeMaster) -> None:
    master.add(hello(), second(0))
    stream = RecordStream(master.url, TOKEN, wait_s=0.1, patience_s=2.0)
    records = iter(stream)
    seen = [next(records).seq, next(records).seq]
    master.stop()
    stopped = time.monotonic()
    with pytest.raises(StreamLost, match=r"Connection refused.*last record read is 2") as caught:
        next(records)
    assert time.monotonic() - stopped > 1.9
    assert caught.value.last_seq == 2
    assert seen == [1, 2]
    assert not stream.ended


def test_a_master_that_hangs_is_lost_after_the_patience(master: FakeMaster) -> None:
    master.faults.extend(["hang"] * 5)
    with pytest.raises(StreamLost, match="timed out"):
        read_all(master, wait_s=0.1, patience_s=0.4)


def test_a_master_that_only_fails_is_lost_with_its_words(master: FakeMaster) -> None:
    master.faults.extend(["500"] * 100)
    with pytest.raises(StreamLost, match="HTTP 500"):
        read_all(master, wait_s=0.1, patience_s=2.0)


def test_the_time_out_that_ends_the_patience_does_not_hide_what_went_wrong(master: FakeMaster) -> None:
    master.faults.extend(["500", "hang"])
    with pytest.raises(StreamLost, match="for 2 s: HTTP 500"):
        read_all(master, wait_s=0.1, patience_s=2.0)
    assert len(master.asked) == 2


def test_a_torn_record_that_never_gets_whole_is_lost(master: FakeMaster) -> None:
    master.add(hello())
    master.faults.extend(["cut close"] * 100)
    with pytest.raises(StreamLost, match="middle of a record"):
        read_all(master, wait_s=0.1, patience_s=2.0)


def test_time_that_the_caller_takes_is_not_the_masters_silence(master: FakeMaster) -> None:
    master.add(hello(), second(0))
    seen = []
    for record in RecordStream(master.url, TOKEN, wait_s=0.05, patience_s=2.0):
        seen.append(record.seq)
        if record.seq == 2:
            time.sleep(2.1)
            master.faults.append("500")
            master.add(end())
    assert seen == [1, 2, 3]


def test_a_wrong_token_is_refused_in_a_sentence_that_does_not_show_it(master: FakeMaster) -> None:
    with pytest.raises(StreamError, match="refuses this run's token") as caught:
        list(RecordStream(master.url, "another-token"))
    assert not isinstance(caught.value, StreamLost)
    assert "another-token" not in str(caught.value)


def test_the_token_does_not_follow_a_redirect(master: FakeMaster) -> None:
    elsewhere = FakeMaster()
    try:
        master.faults.append(f"redirect {elsewhere.url}/loadlab/stream?after=0&wait=0&limit=1")
        master.add(end())
        assert read_all(master) == [1]
        assert elsewhere.asked == []
    finally:
        elsewhere.close()


def test_a_hole_is_an_error_and_the_records_before_it_are_kept(master: FakeMaster) -> None:
    master.add(hello(), second(0), second(1) | {"seq": 5})
    records = iter(RecordStream(master.url, TOKEN))
    assert [next(records).seq, next(records).seq] == [1, 2]
    with pytest.raises(StreamError, match="records 3 to 4 are missing before record 5"):
        next(records)


@pytest.mark.parametrize("seq", [3, 6, 7])
def test_a_hole_that_a_gap_explains_is_none(master: FakeMaster, seq: int) -> None:
    master.add(hello(), second(0), {"kind": "gap", "seq": seq, "from": 3, "to": 6})
    master.add(second(1) | {"seq": max(seq, 6) + 1}, end() | {"seq": max(seq, 6) + 2})
    assert read_all(master) == [1, 2, seq, max(seq, 6) + 1, max(seq, 6) + 2]


@pytest.mark.parametrize(
    "gap",
    [{"from": 9, "to": 6}, {"from": "3", "to": 6}, {"to": 6}, {"from": 3, "to": 6, "seq": 9}],
)
def test_a_gap_that_makes_no_sense_is_an_error(master: FakeMaster, gap: dict[str, object]) -> None:
    master.add(hello(), second(0), {"kind": "gap", "seq": 3} | gap)
    with pytest.raises(StreamError, match="makes no sense"):
        read_all(master)


@pytest.mark.parametrize("changes", [{"schema": 1}, {"schema": None}, {"relative_error": 0.02}])
def test_another_record_format_is_refused(master: FakeMaster, changes: dict[str, object]) -> None:
    master.add(hello(**changes), second(0))
    with pytest.raises(SchemaMismatch, match="same version of loadlab"):
        read_all(master)


def test_something_else_than_records_is_quoted(master: FakeMaster) -> None:
    master.faults.append("html")
    with pytest.raises(StreamError, match="Please log in"):
        read_all(master)


@pytest.mark.parametrize(
    "line", [b"[1]", b'{"seq":1}', b'{"seq":"1","kind":"end"}', b'{"seq":true,"kind":"end"}', b"\xff"]
)
def test_a_line_that_is_no_record_is_an_error(master: FakeMaster, line: bytes) -> None:
    master.lines.append(line)
    with pytest.raises(StreamError, match="makes no stream of records"):
        read_all(master)


def test_close_ends_a_read_that_waits(master: FakeMaster) -> None:
    master.add(hello())
    stream = RecordStream(master.url, TOKEN, wait_s=90, patience_s=120)
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(record.seq for record in stream), daemon=True)
    reader.start()
    until(lambda: len(master.asked) >= 2)  # the second request waits for a record that never comes
    stream.close()
    reader.join(60)
    assert not reader.is_alive(), "close() took as long as the answer"
    assert seen == [1]
    assert not stream.ended


def test_close_ends_the_pause_between_tries() -> None:
    (unused,) = reserve_ports(1)
    url = f"http://127.0.0.1:{unused}"
    stream = RecordStream(url, TOKEN, patience_s=60)
    reader = threading.Thread(target=lambda: list(stream), daemon=True)
    reader.start()
    stream.close()
    reader.join(60)
    assert not reader.is_alive()


def test_close_from_the_loop_ends_it(master: FakeMaster) -> None:
    master.add(hello(), second(0), second(1))
    with RecordStream(master.url, TOKEN) as stream:
        batches = stream.batches()
        next(batches)
        stream.close()
        assert list(batches) == []
    assert list(stream) == []


def test_proxies_of_the_environment_are_left_aside(master: FakeMaster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    master.add(hello(), end())
    assert read_all(master) == [1, 2]


def test_patience_has_to_outlast_the_wait() -> None:
    with pytest.raises(ValueError, match="patience_s must be more than wait_s"):
        RecordStream("http://127.0.0.1:1", TOKEN, wait_s=5, patience_s=5)
