import json
from pathlib import Path

import pytest

from loadlab.agent import feed as feed_module
from loadlab.agent.feed import Feed


def seqs(lines: bytes) -> list[int]:
    return [json.loads(line)["seq"] for line in lines.splitlines()]


def test_a_late_reader_gets_everything() -> None:
    feed = Feed(lambda: 1.0)
    for number in range(5):
        feed.append("event", {"number": number})
    assert seqs(feed.read(0, 100)) == [1, 2, 3, 4, 5]
    assert seqs(feed.read(3, 100)) == [4, 5]
    assert seqs(feed.read(0, 2)) == [1, 2]
    assert feed.read(5, 100) == b""


def test_what_no_longer_fits_is_told_as_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MAX_BYTES", 600)
    feed = Feed(lambda: 1.0)
    for number in range(100):
        feed.append("event", {"number": number, "text": f"{number * 7919:x}" * 5})
    first, *rest = [json.loads(line) for line in feed.read(0, 1000).splitlines()]
    assert first["kind"] == "gap"
    assert first["from"] == 1
    assert [record["seq"] for record in rest] == list(range(first["to"] + 1, 101))


def test_unread_records_are_spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = tmp_path / "spool.ndjson"
    monkeypatch.setenv("LOADLAB_AGENT_SPOOL", str(spool))
    feed = Feed(lambda: 1.0)
    for number in range(5):
        feed.append("event", {"number": number})
    feed.touch(5)
    feed.spool_unread()
    assert not spool.exists()
    feed.append("end", {})
    feed.spool_unread()
    assert seqs(spool.read_bytes()) == [6]
