"""Names that a criterion is about."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.spec import fold_name


def texts(column: pd.Series) -> NDArray[np.str_]:
    """A column of texts, shape (rows,); a missing one is empty."""
    return column.astype("object").fillna("").to_numpy(dtype=str)


class Pattern:
    """A name in which ``*`` stands for any text and ``?`` for any character; "" matches everything.

    All else, square brackets too, stands for itself, so that every name matches itself. With `fold` upper and lower
    case are the same, and so are a blank, an underscore and a hyphen.
    """

    def __init__(self, text: str, *, fold: bool = False) -> None:
        self.text = text
        self._fold = fold
        self._wanted = fold_name(text) if fold else text
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        """True if `name` is one of those that are meant."""
        found = self._known.get(name)
        if found is None:
            found = not self.text or _matches(self._wanted, fold_name(name) if self._fold else name)
            self._known[name] = found
        return found

    def rows(self, column: pd.Series) -> NDArray[np.bool_]:
        """Which rows of a column of texts match, bool, shape (rows,)."""
        if not self.text:
            return np.ones(len(column), dtype=bool)
        labels = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
        codes = labels.cat.codes.to_numpy()
        known = np.array([*(self.matches(str(label)) for label in labels.cat.categories), self.matches("")], dtype=bool)
        return known[codes]  # code -1, a missing text, is the last one


def _matches(pattern: str, name: str) -> bool:
    """Greedy, going back to the last ``*`` only: at most len(pattern) x len(name) steps."""
    at = place = 0
    star, resumed = -1, 0
    while place < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, resumed = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in (name[place], "?"):
            at += 1
            place += 1
        elif star >= 0:
            resumed += 1
            at, place = star + 1, resumed
        else:
            return False
    return pattern[at:].strip("*") == ""
