"""Sends a plan: what is left of it, parcel by parcel, with patience, and with a ledger."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadlab.errors import ExportError
from loadlab.export.ledger import Ledger, NoLedger
from loadlab.export.ledger_lines import FileLines, ObjectFolder, ObjectLines
from loadlab.export.plan import Connection, NotDelivered, Parcel, Place, Plan
from loadlab.export.receipt import Receipt
from loadlab.export.words import Tell, tell_on_stderr, waiting

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0


def send(
    plan: Plan,
    *,
    timeout_s: float = 600.0,
    tell: Tell = tell_on_stderr,
    begin: Callable[[Plan], None] | None = None,
) -> Receipt:
    """Send what is left of `plan` and return the receipt; see `Plan.send`."""
    connection = plan.place.connect()
    with open_ledger(plan, connection.identity) as ledger:
        before = ledger.accepted_items
        left = connection.remaining(plan.parcels, ledger.accepted)
        if left and begin is not None:
            begin(plan)
        sender = Sender(connection, ledger, timeout_s=timeout_s, tell=tell)
        reason = sender.send(left)
        receipt = Receipt(
            title=plan.title,
            unit=plan.place.unit,
            sent=sender.items,
            requests=sender.requests,
            before=before,
            left=sum(parcel.items for parcel in left) - sender.items,
            in_doubt=tuple(ledger.in_doubt),
            ledger=ledger.where,
        )
    if reason is not None:
        raise not_complete(reason, receipt, left[sender.requests :], plan.again)
    return receipt


def open_ledger(plan: Plan, identity: str) -> Ledger | NoLedger:
    """The ledger of this plan and place, not yet entered."""
    return NoLedger() if plan.replaces else find_ledger(plan.place, plan.folder, plan.ledger, identity)


def find_ledger(place: Place, folder: Path | ObjectFolder, ledger: Path | None, identity: str) -> Ledger:
    """The ledger of a place, one for each, because another account knows nothing of this one: in the run's folder, or
    the file `ledger`."""
    name = f"{place.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if ledger is not None:
        return Ledger(FileLines(ledger), identity)
    if isinstance(folder, Path):
        return Ledger(FileLines(folder / "exports" / f"{name}.jsonl"), identity)
    return Ledger(ObjectLines(folder / "exports", name), identity)


def not_complete(reason: NotDelivered, receipt: Receipt, left: Sequence[Parcel], again: str) -> ExportError:
    """The error for an export that stopped before its end."""
    known = (
        "sending again replaces what was sent"
        if receipt.ledger is None
        else f"what was accepted is in {receipt.ledger} and is not sent twice"
    )
    count = f"{len(left)} request{'s' * (len(left) != 1)}"
    error = ExportError(
        f"{receipt.describe()} It stopped because of this: {str(reason).rstrip('.')}. Not sent: {count}, "
        f"{left[0].text} first. To send the rest: {again}; {known}.",
        receipt=receipt,
    )
    error.__cause__ = reason
    return error


def waits(seed: bytes) -> Iterator[float]:
    """How long to wait before the second attempt, the third and so on, without end; in seconds.

    It doubles from `FIRST_WAIT_S` up to `LONGEST_WAIT_S`, of which between a half and all is waited, by a random number
    that `seed` determines: two exporters do not knock at the same time, and a test knows what comes.
    """
    shares = random.Random(seed)
    longest_s = FIRST_WAIT_S
    while True:
        yield longest_s * shares.uniform(0.5, 1.0)
        longest_s = min(2 * longest_s, LONGEST_WAIT_S)


@dataclass
class Sender:
    """Delivers parcels one after the other; waits and tries again where that can help, up to `timeout_s` in all.

    The first wait is told to `tell`, with the reason.
    """

    connection: Connection
    ledger: Ledger | NoLedger
    timeout_s: float
    tell: Tell | None = None
    items: int = 0
    requests: int = 0
    _end: float = field(init=False)
    _told: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.timeout_s

    def send(self, parcels: Sequence[Parcel]) -> NotDelivered | None:
        """Deliver `parcels`; returns why it stopped before the last one, or None."""
        for parcel in parcels:
            try:
                self._deliver(parcel)
            except NotDelivered as reason:
                return reason
        return None

    def _deliver(self, parcel: Parcel) -> None:
        number = self.ledger.begin(parcel)
        in_doubt = False
        for wait_s in waits(parcel.body):
            try:
                self.connection.deliver(parcel)
            except NotDelivered as reason:
                in_doubt |= reason.in_doubt
                if not reason.again or time.monotonic() + wait_s > self._end:
                    if not in_doubt:
                        self.ledger.refuse(number, str(reason))
                    raise
                if self.tell is not None and not self._told:
                    self._told = True
                    self.tell(waiting(reason, self._end - time.monotonic()))
                time.sleep(wait_s)
            else:
                self.items += parcel.items
                self.requests += 1
                self.ledger.accept(number, parcel, in_doubt=in_doubt)
                return
