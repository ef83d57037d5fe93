"""What a place has accepted of a run, kept in the run's folder: the memory that makes an export resumable.

One JSON object a line. Before a parcel is sent its body is written and synced; once it was accepted, or refused for
good, a second line says so. A line that a crash has torn counts as not written. So a crash leaves at most one parcel
of which nobody knows whether it was accepted: it is *in doubt*, counts as not accepted, and will be sent again.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from loadlab.errors import ExportError
from loadlab.export.ledger_lines import Lines
from loadlab.export.plan import Parcel

FORMAT = 1
"""Version of the ledger's lines."""


class Ledger:
    """A ledger, this process's alone while the ``with`` block lasts.

    accepted
        The bodies that were accepted, in order.
    accepted_items
        How many items they hold.
    in_doubt
        The texts of parcels that may have been accepted although no line says so, or twice.

    Entering raises ExportError when another process exports to the same place, when the file cannot be written, or when
    it is not a ledger.
    """

    def __init__(self, lines: Lines, identity: str) -> None:
        self.where = lines.where
        self.accepted: list[bytes] = []
        self.accepted_items = 0
        self.in_doubt: list[str] = []
        self._lines = lines
        self._identity = identity
        self._number = 0

    def __enter__(self) -> Self:
        try:
            self._read(self._lines.open())
        except BaseException:
            self._lines.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    def begin(self, parcel: Parcel) -> int:
        """Note that `parcel` is about to be sent, and return its number."""
        self._number += 1
        body = base64.b64encode(gzip.compress(parcel.body, mtime=0)).decode("ascii")
        self._append({"parcel": self._number, "items": parcel.items, "text": parcel.text, "body": body})
        return self._number

    def accept(self, number: int, parcel: Parcel, *, in_doubt: bool = False) -> None:
        """Note that a parcel was accepted; `in_doubt`: it may have been accepted twice."""
        self._append({"accepted": number} | ({"in_doubt": True} if in_doubt else {}))
        self.accepted.append(parcel.body)
        self.accepted_items += parcel.items
        if in_doubt:
            self.in_doubt.append(parcel.text)

    def refuse(self, number: int, reason: str) -> None:
        """Note that a parcel was surely not accepted."""
        self._append({"refused": number, "reason": reason})

    def _append(self, entry: Mapping[str, Any]) -> None:
        self._lines.append(json.dumps(entry).encode("ascii") + b"\n")

    def _read(self, whole: bytes) -> None:
        if not whole:
            self._append({"ledger": FORMAT, "place": self._identity})
            return
        try:
            head, *entries = map(json.loads, whole.splitlines())
            if head["ledger"] != FORMAT or head["place"] != self._identity:
                raise ValueError(f"it is of {head['place']!r} in format {head['ledger']}")
            open_parcels: dict[int, dict[str, Any]] = {}
            for entry in entries:
                self._take(entry, open_parcels)
        except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
            raise ExportError(
                f"{self.where} is no ledger of this export, or a damaged one ({error}); nothing was sent. Without it "
                "everything would be sent again."
            ) from error
        self.in_doubt += [parcel["text"] for parcel in open_parcels.values()]

    def _take(self, entry: dict[str, Any], open_parcels: dict[int, dict[str, Any]]) -> None:
        if "parcel" in entry:
            self._number = entry["parcel"]
            open_parcels[self._number] = entry
        elif "accepted" in entry:
            parcel = open_parcels.pop(entry["accepted"])
            self.accepted.append(gzip.decompress(base64.b64decode(parcel["body"])))
            self.accepted_items += parcel["items"]
            if entry.get("in_doubt"):
                self.in_doubt.append(parcel["text"])
        else:
            del open_parcels[entry["refused"]]


class NoLedger:
    """Stands in for a ledger where a parcel replaces what was sent before: it remembers nothing."""

    where = None
    accepted: Sequence[bytes] = ()
    accepted_items = 0
    in_doubt: Sequence[str] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, parcel: Parcel) -> int:
        """Nothing is noted."""
        return 0

    def accept(self, number: int, parcel: Parcel, *, in_doubt: bool = False) -> None:
        """Nothing is noted."""

    def refuse(self, number: int, reason: str) -> None:
        """Nothing is noted."""
