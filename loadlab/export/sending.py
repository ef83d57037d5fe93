"""Sends a plan: what is left of it, parcel by parcel, with patience, and with a ledger."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadlab.errors import ExportError
from loadlab.export.ledger import Ledger, NoLedger
from loadlab.export.plan import Connection, NotDelivered, Parcel, Plan
from loadlab.export.receipt import Receipt

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0


def send(plan: Plan, *, timeout_s: float = 600.0) -> Receipt:
    """Send what is left of `plan` and return the receipt; see `Plan.send`."""
    connection = plan.place.connect()
    with open_ledger(plan, connection.identity) as ledger:
        before = ledger.accepted_items
        left = connection.remaining(plan.parcels, ledger.accepted)
        sender = Sender(connection, ledger, timeout_s=timeout_s)
        reason = sender.send(left)
        receipt = Receipt(
            title=plan.title,
            unit=plan.place.unit,
            sent=sender.items,
            requests=sender.requests,
            before=before,
            left=sum(parcel.items for parcel in left) - sender.items,
            in_doubt=tuple(ledger.in_doubt),
            ledger=ledger.path,
        )
    if reason is not None:
        raise not_complete(reason, receipt, left[sender.requests :], plan.again)
    return receipt


def open_ledger(plan: Plan, identity: str) -> Ledger | NoLedger:
    """The ledger of this plan and place, not yet entered."""
    return NoLedger() if plan.replaces else Ledger(ledger_path(plan, identity), identity)


def ledger_path(plan: Plan, identity: str) -> Path:
    """Where the ledger of this plan and place is: a file a place, because another account knows nothing of this one."""
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return plan.ledger or plan.folder / "exports" / f"{plan.place.name}-{digest}.jsonl"


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


@dataclass
class Sender:
    """Delivers parcels one after the other; waits and tries again where that can help, up to `timeout_s` in all.

    The wait doubles from `FIRST_WAIT_S` up to `LONGEST_WAIT_S`, of which between a half and all is waited, by a random
    number that the parcel determines: two exporters do not knock at the same time, and a test knows what comes.
    """

    connection: Connection
    ledger: Ledger | NoLedger
    timeout_s: float
    items: int = 0
    requests: int = 0
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.timeout_s

    def send(self, parcels: Sequence[Parcel]) -> NotDelivered | None:
        """Deliver `parcels`; returns why it stopped before the last one, or None."""
        for parcel in parcels:
            try:
                self._deliver(parcel)
            except NotDelivered as reason:
                return reason
            self.items += parcel.items
            self.requests += 1
        return None

    def _deliver(self, parcel: Parcel) -> None:
        number = self.ledger.begin(parcel)
        in_doubt = False
        waits = random.Random(parcel.body)
        attempt = 0
        while True:
            try:
                self.connection.deliver(parcel)
            except NotDelivered as reason:
                in_doubt |= reason.in_doubt
                wait_s = min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S) * waits.uniform(0.5, 1.0)
                if not reason.again or time.monotonic() + wait_s > self._end:
                    if not in_doubt:
                        self.ledger.refuse(number, str(reason))
                    raise
                time.sleep(wait_s)
                attempt += 1
            else:
                self.ledger.accept(number, parcel, in_doubt=in_doubt)
                return
