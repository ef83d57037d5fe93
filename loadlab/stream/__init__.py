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
    from loadlab.stream.record import Record as Record
    from loadlab.stream.record import parse_record as parse_record
    from loadlab.stream.recorder import Recorder as Recorder
    from loadlab.stream.replay import JournalReader as JournalReader
    from loadlab.stream.replay import JournalState as JournalState
    from loadlab.stream.replay import read_journal as read_journal
    from loadlab.stream.tables import TableBuilder as TableBuilder

_HOME = {
    "Journal": "journal",
    "JournalReader": "replay",
    "JournalState": "replay",
    "Record": "record",
    "RecordStream": "client",
    "Recorder": "recorder",
    "TableBuilder": "tables",
    "claimed": "journal",
    "is_being_written": "journal",
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
