"""A table that grows while it is read: sealed chunks of Arrow arrays and one open chunk."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from loadlab.schema import TABLES, arrow_schema
from loadlab.stream.columns import Column, Staged, new_column

if TYPE_CHECKING:
    Numbers: TypeAlias = array[Any]

CHUNK_ROWS = 8192
CHUNK_CHARS = 32 * 2**20
"""A chunk is sealed after so many rows or, earlier, so many characters of text in one column (Arrow's string arrays
end at 2 GiB)."""


class GrowingTable:
    """The rows of the schema's table `name`. Not safe for threads by itself; TableBuilder locks.

    The first column of every table is its time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self._columns: list[Column] = [new_column(column.dtype) for column in TABLES[name]]
        self._open_rows = 0
        self._chunks: list[list[pa.Array]] = []
        self._starts: Numbers = array("q")
        self._latest_us: Numbers = array("q")

    def stage(self, columns: Sequence[Sequence[Any]]) -> list[Staged]:
        """`columns` checked and converted, one sequence a column of the schema, times in microseconds.

        Raises TypeError, ValueError or OverflowError when the values do not fit the schema; the table is unchanged.
        """
        if len(columns) != len(self._columns):
            raise ValueError(f"{len(columns)} columns for {self.name}, which has {len(self._columns)}")
        if len({len(values) for values in columns}) > 1:
            raise ValueError(f"columns of different lengths for {self.name}")
        return [column.stage(values) for column, values in zip(self._columns, columns, strict=True)]

    def commit(self, staged: Sequence[Staged]) -> None:
        """Append what `stage` made; does not fail."""
        rows = len(staged[0])
        if rows == 0:
            return
        for column, values in zip(self._columns, staged, strict=True):
            column.commit(values)
        self.rows += rows
        self._open_rows += rows
        if self._open_rows >= CHUNK_ROWS or any(column.text_chars >= CHUNK_CHARS for column in self._columns):
            self._seal()

    def _seal(self) -> None:
        chunk = [column.seal() for column in self._columns]
        self._starts.append(self.rows - self._open_rows)
        self._latest_us.append(pc.max(chunk[0]).as_py())
        self._chunks.append(chunk)
        self._open_rows = 0

    def snapshot(self, first_row: int = 0) -> pa.Table:
        """The rows from `first_row` on, as they are now, with arrow_schema(name). Copies only the open chunk."""
        first_chunk = max(bisect.bisect_right(self._starts, first_row) - 1, 0)
        table = self._assemble(self._chunks[first_chunk:])
        start = self._starts[first_chunk] if first_chunk < len(self._starts) else self.rows - self._open_rows
        return table.slice(first_row - start)

    def recent(self, since_us: int) -> pa.Table:
        """The rows whose time is `since_us` (microseconds) or later. Looks only into chunks that hold such rows."""
        chunks = [
            chunk for chunk, latest_us in zip(self._chunks, self._latest_us, strict=True) if latest_us >= since_us
        ]
        table = self._assemble(chunks)
        return table.filter(pc.greater_equal(table.column(0).cast(pa.int64()), since_us))

    def _assemble(self, chunks: list[list[pa.Array]]) -> pa.Table:
        open_chunk = [column.peek() for column in self._columns]
        schema = arrow_schema(self.name)
        columns = [
            column.finish([*(chunk[i] for chunk in chunks), open_chunk[i]], schema.field(i).type)
            for i, column in enumerate(self._columns)
        ]
        return pa.Table.from_arrays(columns, schema=schema)
