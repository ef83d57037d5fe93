"""Which series a row of a table belongs to, and how few of them are kept apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
Key = tuple[str, ...]
"""A name of several parts, such as request type and name."""

Sortable = TypeVar("Sortable", bound=Hashable)

OTHER = "(other)"
"""What the rarest names and kinds are counted under when there are too many."""


def distinct_keys(
    frame: pd.DataFrame, columns: Sequence[str], clean: Callable[[str], str] = str
) -> tuple[Ints, list[Key]]:
    """A code for each row and the texts that each code stands for, cleaned; null is the empty text."""
    factors = [frame[column].astype("category").cat for column in columns]
    codes = np.stack([factor.codes.to_numpy(np.int64) for factor in factors])
    distinct, places = np.unique(codes, axis=1, return_inverse=True)
    texts = [
        ["" if code < 0 else clean(str(factor.categories[code])) for code in row]
        for factor, row in zip(factors, distinct.tolist(), strict=True)
    ]
    return merge_keys(places.reshape(-1).astype(np.int64), list(zip(*texts, strict=True)))


def merge_keys(codes: Ints, keys: Sequence[Key]) -> tuple[Ints, list[Key]]:
    """Codes whose keys are equal become one."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)[codes], list(numbers)


def keep_most_frequent(
    weights: Mapping[Sortable, float], limit: int, prefer: Collection[Sortable] = ()
) -> set[Sortable]:
    """The keys that are kept apart: those in `prefer`, which were sent before, and the ones of the greatest weight.

    Of the others as many as `limit` leaves room for beside all of `prefer`, also those that `weights` lacks. Ties are
    broken by the key's text, so that the same run gives the same choice.
    """
    others = sorted((key for key in weights if key not in prefer), key=lambda key: (-weights[key], str(key)))
    return {key for key in weights if key in prefer} | set(others[: max(limit - len(prefer), 0)])


def fold(codes: Ints, keys: Sequence[Key], weights: NDArray[Any], limit: int) -> tuple[Ints, list[Key], int]:
    """At most `limit` keys, those whose rows weigh most, and one of `OTHER` for the others; and how many these were."""
    total = np.bincount(codes, weights=weights, minlength=len(keys)).tolist()
    kept = keep_most_frequent(dict(zip(keys, total, strict=True)), limit)
    if len(kept) == len(keys):
        return codes, list(keys), 0
    other = tuple(OTHER for _ in keys[0])
    return *merge_keys(codes, [key if key in kept else other for key in keys]), len(keys) - len(kept)
