"""Reads a journal back, also one that a crash has torn or that is still being written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from loadlab.errors import StreamError
from loadlab.stream.record import Record, parse_record


@dataclass(frozen=True)
class JournalState:
    """What a journal held.

    Attributes:
        records: whole records read.
        last_seq: number of the last one, 0 without any.
        torn_bytes: bytes of an unfinished line at the end.
        damaged_lines: finished lines that are no records (a disk error, or a block lost in a power failure).
        ended: the `end` record is there, so that the swarm ended in good order.
    """

    records: int = 0
    last_seq: int = 0
    torn_bytes: int = 0
    damaged_lines: int = 0
    ended: bool = False


class JournalReader:
    """Iterates over the whole records of the journal at `path`; `state` tells what has been found so far.

    A torn last line is left out, and so is a damaged line; both are counted. A last line that lacks only its line
    feed is whole. The file may be growing meanwhile: the iteration ends where the file ends at that moment.
    Raises StreamError when the file cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.state = JournalState()

    def __iter__(self) -> Iterator[Record]:
        self.state = state = JournalState()
        try:
            with self.path.open("rb") as file:
                for line in file:
                    finished = line.endswith(b"\n")
                    try:
                        record = parse_record(line.removesuffix(b"\n"))
                    except StreamError:  # counted in `state`; who recovers a run has to say so
                        if finished:
                            self.state = state = replace(state, damaged_lines=state.damaged_lines + 1)
                        else:
                            self.state = state = replace(state, torn_bytes=len(line))
                    else:
                        self.state = state = replace(
                            state,
                            records=state.records + 1,
                            last_seq=record.seq,
                            ended=state.ended or record.kind == "end",
                        )
                        yield record
                    if not finished:
                        break  # a writer at work may have finished the line meanwhile: its rest is no line
        except OSError as error:
            raise StreamError(f"The journal {self.path} cannot be read: {error.strerror}") from error


def read_journal(path: str | Path) -> JournalReader:
    """The whole records of the journal at `path`; see JournalReader."""
    return JournalReader(path)
