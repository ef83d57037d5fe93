"""The numbered records of a run, kept on the master for every reader from the first one on."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gevent.event import Event

from loadlab.agent.failures import REDACTOR

MAX_BYTES = 1 << 30
"""Compressed records that are kept; the oldest go beyond that, and a late reader gets a `gap` record for them. About a
week of 20 names, or half a day of a thousand."""


READ_BYTES = 8 << 20

FIRST_READ_S = 30.0
"""The launcher gets this long on top of the lease to be heard of first: it may be busy with starting the rest."""


class Feed:
    """An append-only list of records; `seq` begins at 1 and has no holes."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.last_seq = 0
        self.confirmed = 0
        """The last record that a reader has surely got: it asked for the one after it."""
        self.last_read = time.monotonic() + FIRST_READ_S
        """When a reader was last heard of, on the monotonic clock."""
        self._now = now
        self._records: list[bytes] = []
        self._first = 1
        self._bytes = 0
        self._grown = Event()

    def append(self, kind: str, payload: dict[str, Any]) -> None:
        """Add a record of `kind`."""
        line = json.dumps({"seq": self.last_seq + 1, "kind": kind, **payload}, separators=(",", ":"), allow_nan=False)
        record = zlib.compress(line.encode() + b"\n", 1)
        self.last_seq += 1
        self._records.append(record)
        self._bytes += len(record)
        while self._bytes > MAX_BYTES and len(self._records) > 1:
            self._bytes -= len(self._records.pop(0))
            self._first += 1
        self._grown.set()
        self._grown.clear()

    def event(self, event: str, about: str, text: str, data: dict[str, Any] | None = None) -> None:
        """Add an `event` record that happened now; what looks like a secret in its texts is left out."""
        told = {key: REDACTOR(value) if isinstance(value, str) else value for key, value in (data or {}).items()}
        payload = {
            "time": round(self._now(), 6),
            "event": event,
            "object": REDACTOR(about),
            "text": REDACTOR(text),
            "data": told,
        }
        self.append("event", payload)

    def read(self, after: int, limit: int) -> bytes:
        """Up to `limit` records, and not much more than READ_BYTES, with seq > `after` as newline-delimited JSON."""
        lines = []
        if after + 1 < self._first:
            gap = {"seq": self._first - 1, "kind": "gap", "from": after + 1, "to": self._first - 1}
            lines.append(json.dumps(gap).encode() + b"\n")
            after = self._first - 1
        start = after + 1 - self._first
        size = 0
        for record in self._records[start : start + limit]:
            lines.append(zlib.decompress(record))
            size += len(lines[-1])
            if size > READ_BYTES:
                break
        return b"".join(lines)

    def wait(self, after: int, wait_s: float) -> None:
        """Return when there is a record with seq > `after`, at the latest after `wait_s` seconds."""
        deadline = time.monotonic() + wait_s
        while self.last_seq <= after and (left := deadline - time.monotonic()) > 0:
            self._grown.wait(left)

    def touch(self, after: int) -> None:
        """A reader is there and has everything up to `after`."""
        self.last_read = time.monotonic()
        self.confirmed = max(self.confirmed, min(after, self.last_seq))

    def spool_unread(self) -> None:
        """Leave the records that no reader has confirmed in the file that LOADLAB_AGENT_SPOOL names, if it is set."""
        path = os.environ.get("LOADLAB_AGENT_SPOOL")
        if path and self.confirmed < self.last_seq:
            start = max(self.confirmed + 1, self._first) - self._first
            with Path(path).open("wb") as spool:
                spool.writelines(zlib.decompress(record) for record in self._records[start:])
