"""A run that goes on, sent period by period while it goes on, without ever disturbing it."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from loadlab.export.aws.metrics import CloudWatch, plan_metrics
from loadlab.export.aws.naming import Preferred
from loadlab.export.aws.packing import metrics_of, pack, unpack
from loadlab.export.aws.session import Access
from loadlab.export.aws.tables import Built, build_datums
from loadlab.export.aws.target import Target
from loadlab.export.ledger import Ledger
from loadlab.export.plan import Connection, Parcel
from loadlab.export.receipt import Receipt
from loadlab.export.sending import Sender, find_ledger

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from loadlab.export.source import LiveSource, Source

GRACE_S = 5
"""How long after its end a period is left alone, for parts of it that come late."""

MISSING_S = 60
"""How long a worker's missing part of a second holds its period up."""

TICK_S = 2.0
"""How often is looked for periods that are complete."""

ATTEMPT_S = 10.0
"""How long one look may wait for a throttled or unreachable CloudWatch; what is left is tried at the next."""

KEPT_PARCELS = 200
"""Requests that wait to be sent. Of more the oldest are given up until the end, when the ledger tells what is left."""

KEPT_ERRORS = 20


class LiveExport:
    """Sends what is complete of a run that goes on, from a thread of its own. Made by `loadlab.export.cloudwatch`.

    Whatever goes wrong is kept in `errors` and never reaches the run. Parts of a period that come after it was sent,
    and what could not be sent, are what `finish` sends of the recorded run: the ledger knows what was accepted.

    Attributes:
        sent: datums that were accepted so far.
        errors: what went wrong, the latest last, with the time.
    """

    def __init__(
        self, live: LiveSource, target: Target, access: Access, ledger: Path | None, options: dict[str, Any]
    ) -> None:
        self.sent = 0
        self.errors: list[str] = []
        self._live = live
        self._target = target
        self._place = CloudWatch(target, access, live.id, Built(), lambda _: Built())
        self._access = access
        self._ledger_file = ledger
        self._options = options
        self._until = 0
        self._sent_before = Preferred()
        self._waiting: list[Parcel] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="loadlab-cloudwatch", daemon=True)
        self._thread.start()
        live.when_over(self.stop)

    def status_line(self) -> str:
        """What was sent and what last went wrong, in one line."""
        text = f"{self.sent:,} datums sent to CloudWatch"
        if self._waiting:
            text += f", {len(self._waiting):,} requests wait"
        return f"{text}; {self.errors[-1]}" if self.errors else text

    def __repr__(self) -> str:
        return f"<LiveExport: {self.status_line()}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.status_line())}</p>"

    def finish(self, run: Source, *, timeout_s: float = 600.0) -> Receipt:
        """End the background work and send what is left of the recorded run.

        Raises what `loadlab.export.cloudwatch` raises for a recorded run.
        """
        self.stop()
        plan = plan_metrics(run, self._access, ledger=self._ledger_file, **self._options)
        return plan.send(timeout_s=timeout_s)

    def stop(self) -> None:
        """End the background work, which a run does by itself at its end; takes at most `ATTEMPT_S` or so.

        `loadlab.export.cloudwatch` of the recorded run sends the rest.
        """
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        connection: Connection | None = None
        ledger: Ledger | None = None
        with ExitStack() as opened:
            while True:
                last = self._ended.wait(TICK_S) or self._live.tables.end is not None
                try:
                    if connection is None:
                        connection = self._place.connect()
                    if ledger is None:
                        found = find_ledger(self._place, self._live.path, self._ledger_file, connection.identity)
                        ledger = opened.enter_context(found)
                        self._sent_before = sent_before(ledger)
                    self._collect(last=last)
                    self._deliver(connection, ledger)
                except Exception as error:  # noqa: BLE001 - a run goes on whatever happens to its export
                    self._note(error)
                if last:
                    return

    def _note(self, error: object) -> None:
        self.errors = [*self.errors, f"{datetime.now(UTC):%H:%M:%S} UTC: {error}"][-KEPT_ERRORS:]

    def _collect(self, *, last: bool) -> None:
        """The datums of the periods that have become complete, as parcels."""
        start, end = self._until, self._complete_until(last=last)
        if end <= start:
            return
        built = build_datums(lambda name: self._rows(name, start, end), self._target, self._sent_before)
        self._sent_before = self._sent_before.join(Preferred.of(metrics_of(built.datums)))
        self._waiting += pack(built.datums, self._target)
        self._until = end
        if len(self._waiting) > KEPT_PARCELS:
            self._note(f"{len(self._waiting) - KEPT_PARCELS} requests are left for the end of the run")
            del self._waiting[:-KEPT_PARCELS]

    def _complete_until(self, *, last: bool) -> int:
        """The end of the last period that is complete, epoch seconds."""
        tables, width = self._live.tables, self._target.resolution_s
        if tables.last_second is None:
            return self._until
        if last and tables.end is not None:
            return (tables.last_second // width + 1) * width
        until = tables.last_second + 1 - GRACE_S
        held_up = [second for second in list(tables.missing) if second > tables.last_second - MISSING_S]
        return min([until, *held_up]) // width * width

    def _rows(self, name: str, start: int, end: int) -> pd.DataFrame:
        tables = self._live.tables
        frame = tables.last(name, (tables.last_second or 0) + 1 - start + MISSING_S)  # it goes on meanwhile
        seconds = frame["time"].to_numpy("datetime64[s]").astype("int64")
        return frame[(seconds >= start) & (seconds < end)]

    def _deliver(self, connection: Connection, ledger: Ledger) -> None:
        sender = Sender(connection, ledger, timeout_s=ATTEMPT_S)
        try:
            reason = sender.send(self._waiting)
        finally:  # also when the ledger cannot be written: what was accepted is not sent again
            self.sent += sender.items
            del self._waiting[: sender.requests]
        if reason is not None:
            self._note(reason)


def sent_before(ledger: Ledger) -> Preferred:
    """The names that an earlier export of the same run to the same place has kept apart."""
    return Preferred.of((name, dimensions) for name, dimensions, _ in unpack(ledger.accepted))
