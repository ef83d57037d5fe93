"""Which group a row belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab import schema
from loadlab.errors import SpecError, nearest_name

_MEASURED = frozenset(schema.column_names("requests")) - {"request_type", "name", "region"}
_OTHER_WORDS = {"endpoint": "name", "path": "name", "url": "name", "method": "request_type", "type": "request_type"}


def key_columns(by: str | Sequence[str] | None, requests: pd.DataFrame) -> list[str]:
    """The columns of `requests` that `by` means: "name" is an endpoint, which takes its request type too.

    Raises SpecError for a column that does not group.
    """
    if by is None:
        return []
    if by == "name":
        return ["request_type", "name"]
    columns = [by] if isinstance(by, str) else list(by)
    for column in columns:
        if column not in requests.columns or column in _MEASURED:
            labels = [name for name in requests.columns if name not in _MEASURED]
            nearest = _OTHER_WORDS.get(str(column)) or nearest_name(str(column), labels)
            raise SpecError("by", column, " or ".join(labels), nearest=nearest)
    return columns


def group_rows(frame: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Number the distinct combinations of the `by` columns that occur, in sorted order.

    Returns each row's number (int64) and the combinations as a DataFrame of strings, a row each. Without `by` all
    rows are in group 0.
    """
    combined = np.zeros(len(frame), dtype=np.int64)
    labels: list[pd.Index[Any]] = []
    for column in by:
        codes, found = _encode(frame[column])
        combined = combined * len(found) + codes
        labels.append(found)
    if not by:
        return combined, pd.DataFrame(index=range(1))
    codes, used = pd.factorize(combined)
    places: NDArray[np.int64] = np.asarray(used, dtype=np.int64)
    columns: dict[str, Any] = {}
    for column, found in zip(reversed(by), reversed(labels), strict=True):
        columns[column] = found.to_numpy()[places % max(1, len(found))]
        places = places // max(1, len(found))
    keys = pd.DataFrame({column: pd.Series(columns[column], dtype="str") for column in by})
    keys = keys.sort_values(list(by), kind="stable")
    numbers = np.empty(len(keys), dtype=np.int64)
    numbers[keys.index.to_numpy()] = np.arange(len(keys))
    return (numbers[codes] if len(keys) else combined), keys.reset_index(drop=True)


def _encode(column: pd.Series[Any]) -> tuple[NDArray[np.int64], pd.Index[Any]]:
    """Each row's place in the returned labels; a missing value counts as the empty text."""
    categorical = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    codes = categorical.cat.codes.to_numpy().astype(np.int64)
    labels = categorical.cat.categories
    missing = codes < 0
    if missing.any():
        if "" not in labels:
            labels = labels.append(pd.Index([""]))
        codes[missing] = labels.get_indexer(pd.Index([""]))[0]
    return codes, labels
