"""Columns that grow a record at a time and leave as Arrow without a copy row by row.

Numbers live in typed arrays whose memory Arrow takes over when a chunk is sealed; text that repeats is kept once.
Appending is O(1) amortised a value. A snapshot costs one memory copy of the open chunk, whatever the run's length.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    Numbers: TypeAlias = array[Any]

Staged: TypeAlias = Any
"""Values that are checked and converted, so that `Column.commit` cannot fail half-way. Each column has its own form."""


class Column(ABC):
    """One column: `stage` checks values, `commit` appends them, `seal` hands a chunk over, `peek` copies it."""

    @abstractmethod
    def stage(self, values: Sequence[Any]) -> Staged:
        """`values` in the column's own form. Raises TypeError, ValueError or OverflowError when they do not fit."""

    @abstractmethod
    def commit(self, staged: Staged) -> None:
        """Append what `stage` made."""

    @abstractmethod
    def peek(self) -> pa.Array:
        """The open chunk as an Arrow array of its own; a category column gives its codes (int32)."""

    @abstractmethod
    def seal(self) -> pa.Array:
        """The open chunk as an Arrow array; the next one starts empty."""

    def finish(self, chunks: list[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
        """`chunks` as the column of a table with the type `kind`."""
        return pa.chunked_array([chunk.cast(kind) for chunk in chunks], type=kind)

    @property
    def text_chars(self) -> int:
        """How much text the open chunk holds, in characters."""
        return 0


class _IntegerColumn(Column):
    """int64, and timestamps as microseconds since the epoch."""

    def __init__(self) -> None:
        self._values: Numbers = array("q")

    def stage(self, values: Sequence[Any]) -> Staged:
        return array("q", values)

    def commit(self, staged: Staged) -> None:
        self._values.extend(staged)

    def peek(self) -> pa.Array:
        return _as_arrow(self._values[:], pa.int64())

    def seal(self) -> pa.Array:
        values, self._values = self._values, array("q")
        return _as_arrow(values, pa.int64())


class _FloatColumn(Column):
    """float64; None and NaN become null, which pandas shows as NaN."""

    def __init__(self) -> None:
        self._values: Numbers = array("d")

    def stage(self, values: Sequence[Any]) -> Staged:
        return array("d", [math.nan if value is None else value for value in values])

    def commit(self, staged: Staged) -> None:
        self._values.extend(staged)

    def peek(self) -> pa.Array:
        return _nan_to_null(_as_arrow(self._values[:], pa.float64()))

    def seal(self) -> pa.Array:
        values, self._values = self._values, array("d")
        return _nan_to_null(_as_arrow(values, pa.float64()))


class _TextColumn(Column):
    """Text that seldom repeats. See `as_text` for what becomes of hostile text."""

    def __init__(self) -> None:
        self._values: list[str] = []
        self._text_chars = 0

    def stage(self, values: Sequence[Any]) -> Staged:
        return [as_text(value) for value in values]

    def commit(self, staged: Staged) -> None:
        self._values.extend(staged)
        self._text_chars += sum(map(len, staged))

    def peek(self) -> pa.Array:
        return pa.array(self._values, pa.string())

    def seal(self) -> pa.Array:
        chunk = self.peek()
        self._values, self._text_chars = [], 0
        return chunk

    @property
    def text_chars(self) -> int:
        return self._text_chars


class _CategoryColumn(Column):
    """Text that repeats: int32 codes into one dictionary that only grows, so that the chunks need no unifying."""

    def __init__(self) -> None:
        self._codes: Numbers = array("i")
        self._code_of: dict[Any, int] = {}
        self._values: list[str] = []

    def stage(self, values: Sequence[Any]) -> Staged:
        known = self._code_of
        return array("i", [known[value] if value in known else self._add(value) for value in values])

    def _add(self, value: Any) -> int:
        text = as_text(value)
        code = self._code_of.get(text)
        if code is None:
            code = len(self._values)
            self._values.append(text)
            self._code_of[text] = code
        self._code_of[value] = code
        return code

    def commit(self, staged: Staged) -> None:
        self._codes.extend(staged)

    def peek(self) -> pa.Array:
        return _as_arrow(self._codes[:], pa.int32())

    def seal(self) -> pa.Array:
        codes, self._codes = self._codes, array("i")
        return _as_arrow(codes, pa.int32())

    def finish(self, chunks: list[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
        dictionary = pa.array(self._values, pa.string())
        arrays = [pa.DictionaryArray.from_arrays(codes, dictionary, safe=False) for codes in chunks]
        return pa.chunked_array(arrays, type=kind)


class _HistogramColumn(Column):
    """Histograms as pairs (buckets, counts) of equally long lists of int16 and int32; None is null."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._offsets: Numbers = array("i", [0])
        self._buckets: Numbers = array("h")
        self._counts: Numbers = array("i")
        self._nulls = bytearray()

    def stage(self, values: Sequence[Any]) -> Staged:
        lengths, nulls = array("i"), bytearray()
        buckets, counts = array("h"), array("i")
        for pair in values:
            if pair is None:
                lengths.append(0)
                nulls.append(1)
                continue
            bucket_list, count_list = pair
            if len(bucket_list) != len(count_list):
                raise ValueError(f"a histogram of {len(bucket_list)} buckets and {len(count_list)} counts")
            buckets.extend(array("h", bucket_list))
            counts.extend(array("i", count_list))
            lengths.append(len(bucket_list))
            nulls.append(0)
        return lengths, nulls, buckets, counts

    def commit(self, staged: Staged) -> None:
        lengths, nulls, buckets, counts = staged
        end = self._offsets[-1]
        for length in lengths:
            end += length
            self._offsets.append(end)
        self._nulls += nulls
        self._buckets.extend(buckets)
        self._counts.extend(counts)

    def peek(self) -> pa.Array:
        return _histograms(self._offsets[:], self._buckets[:], self._counts[:], bytes(self._nulls))

    def seal(self) -> pa.Array:
        chunk = _histograms(self._offsets, self._buckets, self._counts, bytes(self._nulls))
        self._start()
        return chunk


_COLUMNS: dict[str, type[Column]] = {
    "timestamp": _IntegerColumn,
    "int64": _IntegerColumn,
    "float64": _FloatColumn,
    "string": _TextColumn,
    "category": _CategoryColumn,
    "histogram": _HistogramColumn,
}


def new_column(dtype: str) -> Column:
    """An empty column for `dtype` of schema.Column."""
    return _COLUMNS[dtype]()


def as_text(value: object) -> str:
    """`value` as text that is valid UTF-8: None becomes "", anything but text its str().

    Surrogates that form a pair become the character they stand for, lone ones (JSON can escape them, UTF-8 cannot
    hold them) become U+FFFD. NUL, control characters and text of any length stay as they are.
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _as_arrow(values: Numbers, kind: pa.DataType) -> pa.Array:
    """`values` as an Arrow array that uses their memory; they must not be changed afterwards."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _nan_to_null(values: pa.Array) -> pa.Array:
    return pa.array(values.to_numpy(), from_pandas=True)


def _histograms(offsets: Numbers, buckets: Numbers, counts: Numbers, nulls: bytes) -> pa.Array:
    pairs = pa.StructArray.from_arrays(
        [_as_arrow(buckets, pa.int16()), _as_arrow(counts, pa.int32())], names=["bucket", "count"]
    )
    mask = None
    if any(nulls):
        mask = _as_arrow(array("b", nulls), pa.int8()).cast(pa.bool_())
    return pa.ListArray.from_arrays(_as_arrow(offsets, pa.int32()), pairs, mask=mask)
