"""A table as it is shown, on a page or in a terminal: captions, units, and cells that are already text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from loadlab.plot import format_count, format_number, format_percent, plain_text
from loadlab.plot.text import MISSING
from loadlab.spec import hide_text

FIGURE_SPACE = "\u2007"
PUNCTUATION_SPACE = "\u2008"


@dataclass(frozen=True)
class Column:
    """One column: title, unit, and the text of each cell.

    `kind` is "text", "number" (aligned at the decimal point), "long" (text that may wrap), "code" or "line" (each cell
    is a small line chart, an SVG element that a page takes as it is and a terminal leaves out). `marked` holds the
    rows whose number is to be doubted, because it rests on too few samples.
    """

    title: str
    cells: tuple[str, ...]
    unit: str = ""
    kind: str = "text"
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Table:
    """Columns of equal length under a caption; the cells of the first column head their rows.

    The first `totals` rows stand for all the others. `states` has a word for each row that says how it is to be read,
    such as "failed", or is empty; it is for the eyes only, what it says stands in a cell too.
    """

    caption: str
    columns: tuple[Column, ...]
    totals: int = 0
    states: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0].cells)

    def rows(self, start: int, stop: int | None, caption: str) -> Table:
        """The rows from `start` to before `stop` as a table of their own."""
        chosen = range(len(self))[start:stop]
        columns = tuple(
            replace(
                column,
                cells=column.cells[start:stop],
                marked=frozenset(row - start for row in column.marked if row in chosen),
            )
            for column in self.columns
        )
        return Table(caption, columns, max(self.totals - start, 0), self.states[start:stop])


def text_column(title: str, values: Iterable[object], *, limit: int = 120, kind: str = "text") -> Column:
    """Foreign text without secrets, made printable, on one line and at most `limit` characters long.

    What a run keeps has no secrets in it; an archive of an earlier loadlab may.
    """
    cells = tuple("" if _is_missing(value) else plain_text(_without_secrets(value, limit), limit) for value in values)
    return Column(title, cells, kind=kind)


def number_column(title: str, values: Iterable[float], unit: str = "", *, marked: Iterable[int] = ()) -> Column:
    """Numbers with three significant digits, aligned at their decimal points."""
    return _aligned(title, [format_number(value) for value in values], unit, marked)


def count_column(title: str, values: Iterable[float], unit: str = "") -> Column:
    """Whole numbers, exact."""
    return _aligned(title, [format_count(value) for value in values], unit, ())


def percent_column(title: str, ratios: Iterable[float]) -> Column:
    """Ratios of 0 to 1 in percent."""
    cells = [format_percent(ratio).removesuffix(" %") for ratio in ratios]
    return _aligned(title, cells, "%", ())


def time_column(title: str, times: Sequence[pd.Timestamp]) -> Column:
    """UTC times; the date is left out when all times of the column are on one day."""
    present = [time for time in times if not _is_missing(time)]
    pattern = "%H:%M:%S" if len({time.date() for time in present}) <= 1 else "%Y-%m-%d %H:%M:%S"
    cells = tuple(MISSING if _is_missing(time) else time.strftime(pattern) for time in times)
    return Column(title, cells, "UTC")


def _aligned(title: str, cells: Sequence[str], unit: str, marked: Iterable[int]) -> Column:
    """Pad cells on the right with spaces as wide as digits: right-aligned, they meet at the decimal point."""
    decimals = [len(cell.partition(".")[2]) for cell in cells]
    widest = max(decimals, default=0)
    padded = tuple(
        cell + FIGURE_SPACE * (widest - own) + (PUNCTUATION_SPACE if widest and not own else "")
        for cell, own in zip(cells, decimals, strict=True)
    )
    return Column(title, padded, unit, "number", frozenset(marked))


def _without_secrets(value: object, limit: int) -> str:
    return hide_text(str(value)[: limit + 1000])


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NaT or value != value
