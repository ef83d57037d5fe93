"""Reads a swarm's record stream into a journal and into tables.

Each public name is imported when it is first used: a run begins before pandas is there.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadlab.stream.client import RecordStream as RecordStream
    from loadlab.stream.journal import Journal as Journal
    from loadlab.stream.journal import claimed as claimed
    from loadlab.stream.journal import is_being_written as is_being_written
    from loadlab.stream.journal import reserve_path as reserve_path
    from loadlab.stream.live import WINDOW_S as WINDOW_S
    from loadlab.stream.live import LiveSeconds as LiveSeconds
    from loadlab.stream.merged import MergedStream as MergedStream
    from loadlab.stream.merged import open_records as open_records
    from loadlab.stream.record import Record as Record
    from loadlab.stream.record import parse_record as parse_record
    from loadlab.stream.recorder import Recorder as Recorder
    from loadlab.stream.recorder import RecordSource as RecordSource
    from loadlab.stream.replay import JournalReader as JournalReader
    from loadlab.stream.replay import JournalState as JournalState
    from loadlab.stream.replay import read_journal as read_journal
    from loadlab.stream.tables import TableBuilder as TableBuilder
    from loadlab.stream.tally import BinRow as BinRow
    from loadlab.stream.tally import Tally as Tally

_HOME = {
    "WINDOW_S": "live",
    "BinRow": "tally",
    "Journal": "journal",
    "JournalReader": "replay",
    "JournalState": "replay",
    "LiveSeconds": "live",
    "MergedStream": "merged",
    "Record": "record",
    "RecordSource": "recorder",
    "RecordStream": "client",
    "Recorder": "recorder",
    "TableBuilder": "tables",
    "Tally": "tally",
    "claimed": "journal",
    "is_being_written": "journal",
    "open_records": "merged",
    "parse_record": "record",
    "read_journal": "replay",
    "reserve_path": "journal",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
