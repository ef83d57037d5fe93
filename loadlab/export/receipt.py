"""What became of an export."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True, repr=False)
class Receipt:
    """What was sent and what was not.

    title
        What went where.
    unit
        What the items are: datums, samples.
    sent, requests
        Items that were accepted now, and in how many requests.
    before
        Items that the ledger already had.
    left
        Items that were not accepted.
    in_doubt
        Which parts may have been accepted twice: the answer of a request was lost and it was sent again, now or in an
        earlier attempt.
    ledger
        The file, or the place in S3, that says what was accepted; None where nothing was to be sent.
    file
        Of a dry run: where the bodies were written to.
    """

    title: str
    unit: str
    sent: int
    requests: int
    before: int
    left: int
    in_doubt: tuple[str, ...] = ()
    ledger: Path | str | None = None
    file: Path | None = None

    def describe(self) -> str:
        """What happened, in a few sentences."""
        if self.file is not None:
            return f"{self.title}: a dry run, {self.left:,} {self.unit} written to {self.file}. Nothing was sent."
        parts = [f"sent {self.sent:,} {self.unit} in {self.requests:,} request{'s' * (self.requests != 1)}"]
        if self.before and not self.requests and not self.left:
            parts = ["nothing is left to send"]
        if self.before:
            parts.append(f"{self.before:,} had been sent before")
        if self.left:
            parts.append(f"{self.left:,} were not sent")
        text = f"{self.title}: {', '.join(parts)}."
        if self.in_doubt:
            text += f" May have been counted twice, because an answer was lost: {'; '.join(self.in_doubt)}."
        return text

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.describe())}</p>"
