"""What an export would send, looked at before anything is sent. Every place that results go to has a plan.

An exporter makes a `Plan` out of a run without asking any network; `Plan.write` shows the exact bodies, `Plan.send`
sends what the ledger in the run's folder does not have yet. What is special about a place is behind two protocols:

- `Place`: has a name and connects.
- `Connection`: knows what makes it another account or URL (`identity`), what is left to send when some bodies were
  accepted before (`remaining`), and delivers one parcel (`deliver`).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loadlab.errors import ExportError
from loadlab.export.words import Tell, tell_on_stderr

if TYPE_CHECKING:
    from loadlab.export.ledger_lines import ObjectFolder
    from loadlab.export.receipt import Receipt


@dataclass(frozen=True)
class Parcel:
    """One request: what a place accepts or refuses as a whole.

    body
        What is sent, as a person can read it: a line of JSON, an exposition text. Ends with a newline.
    items
        How many of the place's units (datums, samples) it holds.
    text
        Which part of the run it is, such as "21:06 to 21:12".
    """

    body: bytes
    items: int
    text: str


class Connection(Protocol):
    """A place that can be sent to now."""

    @property
    def identity(self) -> str:
        """What makes it another place: account, region, URL and whatever else changes what is sent. The same text
        gives the same ledger."""

    def remaining(self, parcels: Sequence[Parcel], accepted: Sequence[bytes]) -> Sequence[Parcel]:
        """What is left of `parcels`, given the bodies that this place has accepted before, in their order."""

    def deliver(self, parcel: Parcel) -> None:
        """Send one parcel; returns when it was accepted.

        Raises NotDelivered when it was not, or when nobody knows.
        """


class Place(Protocol):
    """Where results go to. `name` is a word that the ledger's file begins with, `unit` what a parcel's items are."""

    @property
    def name(self) -> str:
        """Such as "cloudwatch"."""

    @property
    def unit(self) -> str:
        """Such as "datums"."""

    def connect(self) -> Connection:
        """Look for credentials and whatever else is needed. Raises ExportError, before anything is sent."""


class NotDelivered(Exception):
    """A parcel was not accepted, with the reason in a person's words.

    again
        Whether trying again can help: throttled, unreachable, broken on the other side.
    in_doubt
        Whether it may have been accepted all the same: the answer was lost.
    code
        What the place calls the error, where it has a name for it.
    """

    def __init__(self, reason: str, *, again: bool = False, in_doubt: bool = False, code: str = "") -> None:
        self.again = again
        self.in_doubt = in_doubt
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, repr=False)
class Plan:
    """What would be sent where, in numbers and in words. Nothing has been sent yet.

    title
        One line: what goes where.
    numbers
        What it comes to, by name: "metrics", "datums", "requests", "dollars a month", ... In this order.
    notes
        Sentences about what a reader would not expect: left out, renamed, folded, kept for a short time only.
    parcels
        The requests, in the order in which they are sent.
    folder
        The folder of the run, also in S3; the ledger is in ``exports/`` in it, unless `ledger` names a file.
    again
        How the same export is asked for again, for the message of an error.
    replaces
        Whether a parcel replaces what the place had, so that sending it again changes nothing. Then there is no ledger.
    """

    title: str
    numbers: dict[str, float]
    notes: tuple[str, ...]
    parcels: tuple[Parcel, ...]
    place: Place
    folder: Path | ObjectFolder
    ledger: Path | None = None
    again: str = "the same call again"
    replaces: bool = False

    def describe(self) -> str:
        """The plan as text for a terminal."""
        width = max((len(_number(value)) for value in self.numbers.values()), default=0)
        lines = [f"  {_number(value):>{width}}  {name}" for name, value in self.numbers.items()]
        return "\n".join([self.title, *lines, *(f"  - {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: right">{escape(_number(value))}</td></tr>'
            for name, value in self.numbers.items()
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(self.title)}</p><table>{rows}</table>" + (f"<ul>{notes}</ul>" if notes else "")

    def write(self, path: str | Path) -> Path:
        """Write the bodies of all parcels to `path`, one after the other, and return it. Nothing is sent.

        A name that ends in ``.gz`` is compressed. Raises ExportError when the file cannot be written.
        """
        return write_bodies(Path(path), [parcel.body for parcel in self.parcels])

    def rehearse(self, path: str | Path) -> Receipt:
        """`write` the bodies, and say in a receipt that nothing was sent. Raises ExportError."""
        from loadlab.export.receipt import Receipt

        items = sum(parcel.items for parcel in self.parcels)
        return Receipt(self.title, self.place.unit, sent=0, requests=0, before=0, left=items, file=self.write(path))

    def send(
        self, *, timeout_s: float = 600.0, tell: Tell = tell_on_stderr, begin: Callable[[Plan], None] | None = None
    ) -> Receipt:
        """Send what the ledger does not have yet (all where parcels replace), and return what was sent.

        `timeout_s` is how long is tried in all, waiting for a throttled or unreachable place included; `tell` is
        given a line when that begins. `begin` is called before the first request, and not when nothing is left.

        Raises ExportError with what was sent, what was not, and how to send the rest.
        """
        from loadlab.export.sending import send

        return send(self, timeout_s=timeout_s, tell=tell, begin=begin)


def write_bodies(path: Path, bodies: Sequence[bytes]) -> Path:
    """Write `bodies` one after the other to `path`, compressed where it ends in ``.gz``. Raises ExportError."""
    data = b"".join(bodies)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _number(value: float) -> str:
    """Whole numbers with separators, others (money) with cents."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
