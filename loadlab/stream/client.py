"""Reads a swarm's record stream by long polling, and goes on where it was cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType

import requests
import urllib3

from loadlab.errors import SchemaMismatch, StreamError, StreamLost
from loadlab.schema import RELATIVE_ERROR, SCHEMA_VERSION
from loadlab.stream.connection import interruptible_session
from loadlab.stream.record import Record, parse_record

CHUNK_BYTES = 65536
POLL_LIMIT = 1000
"""Most records asked for at once: a reader that comes late takes six hours in pieces of some megabytes."""

BACKOFF_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses before the next try; the last one stays."""

_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_TIMED_OUT = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)


class RecordStream:
    """The records of the swarm at `url` (its master's web port) after number `after`, in the order of their `seq`.

    Iterate over it for single records, or over `batches()` for what arrived together. Nothing is yielded twice and
    nothing out of order; records that the master sends again are dropped. The iteration ends after the `end` record
    or after `close()`; `ended` tells which.

    A broken connection, a torn answer or an HTTP error is tried again, with growing pauses of up to 0.8 s; what was
    whole in a torn answer counts, the torn record is asked for again.

    `last_seq` is the number of the last record that arrived; a caller that asks for single records may still have some
    of its batch to come.

    Parameters:
        url: ``http://host:port`` of the master.
        token: the run's token, sent as ``Authorization: Bearer``.
        after: the `seq` that was read last; 0 reads from the start.
        wait_s: seconds that the master may hold an answer back until there is a record (at most 10).
        patience_s: seconds without any answer after which the swarm counts as lost; more than `wait_s`.
        guest: this reader keeps no journal: the master goes on keeping the records for the one that does.

    Raises, while iterating:
        StreamLost: nothing has answered for `patience_s`; `last_seq` is the last record read.
        SchemaMismatch: the agent writes another version of the record format.
        StreamError: the token is refused, something else than records comes, or a record is missing without a `gap`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        after: int = 0,
        wait_s: float = 1.0,
        patience_s: float = 10.0,
        guest: bool = False,
    ) -> None:
        if not 0 <= wait_s < patience_s:
            raise ValueError(f"patience_s must be more than wait_s, got patience_s={patience_s}, wait_s={wait_s}")
        self.url = url.rstrip("/")
        self.last_seq = after
        self.ended = False
        self._wait_s = wait_s
        self._patience_s = patience_s
        self._guest = {"guest": "1"} if guest else {}
        self._closed = threading.Event()
        self._session, self._adapter = interruptible_session(token)

    def __iter__(self) -> Iterator[Record]:
        for batch in self.batches():
            yield from batch

    def __enter__(self) -> RecordStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration at once, also when it waits for an answer in another thread. May be called twice."""
        self._closed.set()
        self._adapter.interrupt()

    def batches(self) -> Iterator[list[Record]]:
        """The records as they arrive: lists of one record or more, each at most about 64 KiB beyond its last record."""
        failures = 0
        answered = time.monotonic()
        reason: Exception | None = None
        try:
            while not self._closed.is_set() and not self.ended:
                if failures == 0:
                    answered = time.monotonic()
                left_s = max(answered + self._patience_s - time.monotonic(), 0.05)
                try:
                    # After a failure the master is asked to answer at once, so that silence always means trouble.
                    for batch in self._poll(wait_s=0.0 if failures else self._wait_s, timeout_s=left_s):
                        yield batch
                        failures, answered = 0, time.monotonic()
                        if self._closed.is_set():
                            return
                    failures = 0
                except _BROKEN as error:
                    # A try that got only the rest of the patience and timed out says less than what failed before it.
                    if reason is None or failures == 0 or not isinstance(error, _TIMED_OUT):
                        reason = error
                    self._pause(failures, answered, reason)
                    failures += 1
        finally:
            self._session.close()

    def _pause(self, failures: int, answered: float, error: Exception) -> None:
        """Wait before the next try; raises StreamLost when patience has run out. Returns at once after `close`."""
        left_s = answered + self._patience_s - time.monotonic()
        if self._closed.is_set():
            return
        if left_s <= 0:
            raise StreamLost(
                f"Nothing usable has come from the master at {self.url} for {self._patience_s:g} s: {_reason(error)}. "
                f"The last record read is {self.last_seq}.",
                last_seq=self.last_seq,
            ) from error
        self._closed.wait(min(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)], left_s))

    def _poll(self, *, wait_s: float, timeout_s: float) -> Iterator[list[Record]]:
        """One request: yields the new records chunk by chunk, raises one of _BROKEN when the answer is not whole."""
        with self._session.get(
            f"{self.url}/loadlab/stream",
            params={"after": str(self.last_seq), "wait": f"{wait_s:g}", "limit": str(POLL_LIMIT), **self._guest},
            timeout=timeout_s,
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code in (401, 403):
                raise StreamError(
                    f"The master at {self.url} refuses this run's token (HTTP {response.status_code}). "
                    "Another run may have taken the port over, or the token belongs to another run."
                )
            if response.status_code != 200:
                raise requests.HTTPError(f"HTTP {response.status_code} {response.reason}")
            torn = b""
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                *lines, torn = (torn + chunk).split(b"\n")
                batch, problem = self._accept(lines)
                if batch:
                    yield batch
                if problem is not None:
                    raise problem
            if torn:
                raise requests.ConnectionError("the answer broke off in the middle of a record")

    def _accept(self, lines: Iterable[bytes]) -> tuple[list[Record], StreamError | None]:
        """The new records among `lines`, and what is wrong with the one after them."""
        batch: list[Record] = []
        for line in lines:
            if self.ended:
                break
            if not line.strip():
                continue
            try:
                record = parse_record(line)
                last_seq = self._follow(record)
            except SchemaMismatch as error:
                return batch, error
            except StreamError as error:
                return batch, StreamError(f"What {self.url} sent makes no stream of records: {error}")
            if last_seq > self.last_seq:
                self.last_seq = last_seq
                self.ended = record.kind == "end"
                batch.append(record)
        return batch, None

    def _follow(self, record: Record) -> int:
        """The last number that `record` stands for; raises StreamError when it does not follow the records read."""
        first, last = record.seq, record.seq
        if record.kind == "gap":
            # A gap stands for `from`..`to`. It may carry the first or the last of these numbers or the one after.
            first, last = _gap_range(record)
        if last > self.last_seq and first > self.last_seq + 1:
            raise StreamError(
                f"records {self.last_seq + 1} to {first - 1} are missing before record {record.seq} ({record.kind})"
            )
        if record.kind == "hello":
            _check_schema(record, self.url)
        return last


def _gap_range(record: Record) -> tuple[int, int]:
    first, last = record.payload.get("from"), record.payload.get("to")
    if type(first) is not int or type(last) is not int or not first <= last or not first <= record.seq <= last + 1:
        raise StreamError(f"record {record.seq} is a gap from {first!r} to {last!r}, which makes no sense")
    return first, max(last, record.seq)


def _check_schema(record: Record, url: str) -> None:
    schema, bound = record.payload.get("schema"), record.payload.get("relative_error")
    if schema != SCHEMA_VERSION:
        raise SchemaMismatch(
            f"The agent at {url} writes record format {schema!r}, this loadlab reads format {SCHEMA_VERSION}. "
            "Use the same version of loadlab in the notebook and in the swarm."
        )
    if bound != RELATIVE_ERROR:
        raise SchemaMismatch(
            f"The agent at {url} keeps histograms with a relative error of {bound!r}, this loadlab reads "
            f"{RELATIVE_ERROR}. Use the same version of loadlab in the notebook and in the swarm."
        )


def _reason(error: Exception) -> str:
    """The innermost words of a chain of foreign errors: 'Connection refused' instead of three nested reprs."""
    cause: BaseException = error
    seen = {id(cause)}
    while True:
        inner = cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)
        if not isinstance(inner, BaseException) or id(inner) in seen:
            break
        seen.add(id(inner))
        cause = inner
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
