"""Turns records into the tables of schema.py, second by second, while they are being read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loadlab.schema import TABLES, to_frame
from loadlab.spec import hide_text
from loadlab.stream.growing import GrowingTable

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MICROSECONDS = 1_000_000
UNKNOWN_EXCERPT_CHARS = 2000
"""How much of a record that could not be read its warning event keeps; the journal keeps all of it."""

Columns = dict[str, list[Sequence[Any]]]


class TableBuilder:
    """The tables of a run that is under way. One thread adds records while others read.

    `add` takes well under a millisecond for a second with 20 names; a frame of the last seconds costs a few
    milliseconds, whatever the run's length, and never holds `add` up for longer. Counts are not summed: a late part
    (`amend`) adds rows with the same key, as the schema says.

    Text comes out as valid UTF-8: lone surrogates become U+FFFD, everything else stays (see columns.as_text).

    Attributes:
        hello: the first record, with the agent's versions; None until it has come.
        end: the last record, with the workers' own counts; None until it has come.
        last_seq: number of the last record added.
        last_second: latest second (epoch) any record was about, or None.
        gaps: (from, to) of the records that the master could not keep.
        own_events: what `add_event` was called with; no journal has it.
        missing: for each second that is not complete yet, the workers whose part has not come.
    """

    def __init__(self) -> None:
        self.hello: dict[str, Any] | None = None
        self.end: dict[str, Any] | None = None
        self.last_seq = 0
        self.last_second: int | None = None
        self.gaps: list[tuple[int, int]] = []
        self.own_events: list[dict[str, Any]] = []
        self.missing: dict[int, set[str]] = {}
        self._tables = {name: GrowingTable(name) for name in TABLES}
        self._time_us = 0
        self._lock = threading.Lock()
        self.frame("requests")  # imports pandas, about a second, now instead of when the first record has come

    def add(self, record: Mapping[str, Any]) -> None:
        """Add one record (a parsed line). Never raises for what a record holds.

        A record of an unknown kind, or one whose payload does not fit the schema, becomes an event of kind
        'warning' with its number and its beginning; nothing of it goes into the other tables.
        """
        with self._lock:
            seq = record.get("seq")
            if isinstance(seq, int):
                self.last_seq = max(self.last_seq, seq)
            kind = record.get("kind")
            read = self._READERS.get(kind) if isinstance(kind, str) else None
            if read is None:
                self._warn(record, f"Record {seq} is of a kind that this loadlab does not know: {kind!r}.")
                return
            try:
                staged = {name: self._tables[name].stage(columns) for name, columns in read(self, record).items()}
                late = self._late_workers(record)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                self._warn(record, f"Record {seq} ({kind}) could not be read and is left out: {error}.")
                return
            for name, columns in staged.items():
                self._tables[name].commit(columns)
            if kind in ("second", "amend"):
                self._close_second(int(record["t"]), late)

    def add_event(
        self, kind: str, text: str, *, time: float, object: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        """Add an event that was seen on the reader's side, its texts without what looks like a secret.

        `time` in epoch seconds, `kind` of schema.EVENT_KINDS.
        """
        texts = {"object": hide_text(object), "text": hide_text(text)}
        record = {"kind": "event", "time": time, "event": kind, **texts, "data": data}
        self.own_events.append(record)
        self.add(record)

    def rows(self, table: str) -> int:
        """How many rows `table` has now."""
        return self._tables[table].rows

    def arrow(self, table: str) -> pa.Table:
        """`table` as it is now, with schema.arrow_schema(table), in the order of arrival."""
        with self._lock:
            return self._tables[table].snapshot()

    def frame(self, table: str) -> pd.DataFrame:
        """`table` as it is now, with the dtypes of schema.to_frame, in the order of arrival."""
        return to_frame(table, self.arrow(table))

    def frames(self) -> dict[str, pd.DataFrame]:
        """Every table of the schema by name, empty ones included."""
        return {name: self.frame(name) for name in TABLES}

    def since(self, table: str, row: int) -> pd.DataFrame:
        """The rows of `table` from number `row` (from 0) on, late parts of old seconds included.

        A reader that adds the length of each frame to its `row` sees every row exactly once.
        """
        with self._lock:
            rows = self._tables[table].snapshot(row)
        return to_frame(table, rows)

    def last(self, table: str, seconds: int) -> pd.DataFrame:
        """The rows of `table` in the last `seconds` seconds, counted back from `last_second` inclusive."""
        with self._lock:
            since_us = (self.last_second + 1 - seconds) * MICROSECONDS if self.last_second is not None else 0
            rows = self._tables[table].recent(since_us)
        return to_frame(table, rows)

    def _warn(self, record: Mapping[str, Any], text: str) -> None:
        excerpt = json.dumps(record, default=str)[:UNKNOWN_EXCERPT_CHARS]
        data = {"seq": record.get("seq"), "record": excerpt}
        columns = self._event_columns(self._time_us, "warning", "", text, data, record)
        self._tables["events"].commit(self._tables["events"].stage(columns))

    def _event_columns(
        self, time_us: int, kind: str, object: str, text: str, data: object, record: Mapping[str, Any]
    ) -> list[Sequence[Any]]:
        return [[time_us], [kind], [object], [text], [json.dumps(data, ensure_ascii=False)], [_region(record)]]

    def _at(self, seconds: float) -> int:
        """Epoch seconds as microseconds; remembered as the time of records that carry none."""
        time_us = round(seconds * MICROSECONDS)
        if not -(2**63) <= time_us < 2**63:
            raise OverflowError(f"a time that no timestamp can hold: {seconds}")
        self._time_us = max(self._time_us, time_us)
        return time_us

    def _read_hello(self, record: Mapping[str, Any]) -> Columns:
        self._at(record["time"])
        self.hello = dict(record)
        return {}

    def _read_end(self, record: Mapping[str, Any]) -> Columns:
        self._at(record["time"])
        self.end = dict(record)
        return {}

    def _read_gap(self, record: Mapping[str, Any]) -> Columns:
        first, last = int(record["from"]), int(record["to"])
        self.gaps.append((first, last))
        self.last_seq = max(self.last_seq, last)
        text = f"Records {first} to {last} are lost: the master could not keep them for its reader."
        return {"events": self._event_columns(self._time_us, "warning", "", text, {"from": first, "to": last}, record)}

    def _read_event(self, record: Mapping[str, Any]) -> Columns:
        time_us = self._at(record["time"])
        object, text, data = record.get("object", ""), record.get("text", ""), record.get("data") or {}
        return {"events": self._event_columns(time_us, record["event"], object, text, data, record)}

    def _read_second(self, record: Mapping[str, Any]) -> Columns:
        second, region = int(record["t"]), _region(record)
        self._at(second)
        tables: Columns = {}

        def put(table: str, columns: list[Sequence[Any]]) -> None:
            rows = len(columns[0])
            tables[table] = [[second * MICROSECONDS] * rows, *columns, [region] * rows]

        if record.get("requests"):
            *plain, buckets, counts, intended, intended_counts = _transposed(record["requests"], 12)
            histograms = list(zip(buckets, counts, strict=True))
            intended = [
                None if b is None and c is None else (b, c) for b, c in zip(intended, intended_counts, strict=True)
            ]
            put("requests", [*plain, histograms, intended])
        if record.get("errors"):
            put("errors", _transposed(record["errors"], 6))
        if record.get("metrics"):
            put("metrics", _transposed(record["metrics"], 4))
        if record.get("users"):
            put("users", [list(record["users"]), list(record["users"].values())])
        if record.get("generators"):
            put("generators", _transposed(record["generators"], 7))
        if record.get("exemplars"):
            times, *columns = _transposed(record["exemplars"], 10)
            tables["exemplars"] = [[round(time * MICROSECONDS) for time in times], *columns, [region] * len(times)]
        return tables

    def _late_workers(self, record: Mapping[str, Any]) -> set[str]:
        """Whose part of the record's second has not come yet; a part has come when its generator row has."""
        reported = {row[0] for row in record.get("generators") or ()}
        return (self.missing.get(record.get("t", 0), set()) | set(record.get("missing") or ())) - reported

    def _close_second(self, second: int, late: set[str]) -> None:
        self.last_second = second if self.last_second is None else max(self.last_second, second)
        if late:
            self.missing[second] = late
        else:
            self.missing.pop(second, None)

    _READERS: Mapping[str, Callable[[TableBuilder, Mapping[str, Any]], Columns]] = {
        "hello": _read_hello,
        "second": _read_second,
        "amend": _read_second,
        "event": _read_event,
        "gap": _read_gap,
        "end": _read_end,
    }


def _region(record: Mapping[str, Any]) -> str:
    """Which of several regions a record came from; "" where there is only one."""
    return str(record.get("region") or "")


def _transposed(rows: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """`rows` as columns; raises ValueError when a row has not `width` values."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if len(columns) != width:
        raise ValueError(f"a row of {len(columns)} values instead of {width}")
    return columns
