"""What an exporter needs of a run, recorded or going on. `loadlab.Run` and `loadlab.LiveRun` have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pandas as pd

    from loadlab.export.ledger_lines import ObjectFolder


class Source(Protocol):
    """A recorded run: its id, its folder, what run.json holds, and its tables by the names of `loadlab.schema`."""

    id: str
    info: dict[str, Any]

    @property
    def path(self) -> Path | ObjectFolder:
        """Where it is kept: a folder, or a place in S3."""

    def table(self, name: str) -> pd.DataFrame:
        """One table, with the columns and dtypes of `loadlab.schema.to_frame`."""


class GrowingTables(Protocol):
    """The tables of a run that goes on; see `loadlab.stream.TableBuilder`."""

    @property
    def end(self) -> dict[str, Any] | None:
        """The last record; None until it has come."""

    @property
    def last_second(self) -> int | None:
        """The latest second that is known, epoch; None before the first."""

    @property
    def missing(self) -> dict[int, set[str]]:
        """For each second that is not complete yet, the workers whose part has not come."""

    def last(self, table: str, seconds: int) -> pd.DataFrame:
        """The rows of the last `seconds` seconds, counted back from `last_second` inclusive."""


@runtime_checkable
class LiveSource(Protocol):
    """A run that goes on: its id, its folder, its labels, and its tables so far."""

    id: str
    path: Path

    @property
    def tables(self) -> GrowingTables:
        """What has come so far."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its test."""

    def when_over(self, action: Callable[[], None]) -> None:
        """Call `action` when the load has ended and all of it has come, before the run is archived."""
