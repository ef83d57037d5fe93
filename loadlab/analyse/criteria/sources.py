"""What a criterion is about, second by second, from the rows of a table as they come: all at once or bit by bit."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadlab.analyse.bins import epoch_seconds
from loadlab.analyse.criteria.pattern import Pattern, texts
from loadlab.analyse.criteria.seconds import BySecond, RequestSeconds
from loadlab.errors import nearest_name
from loadlab.spec import Quantity

ALL_TIME = -(2**62)
"""A change that concerns every second."""


class Source(Protocol):
    """Rows of one table that a criterion is about."""

    table: str

    def stage(self, rows: pd.DataFrame) -> int | None:
        """Look at rows that come next; the first second that `commit` will change, or None for none."""

    def commit(self) -> None:
        """Take in the rows that `stage` has looked at."""

    def trouble(self) -> str:
        """Why there is nothing to judge, as a sentence; "" when there is."""


class RequestSource:
    """The requests of a type and a name."""

    table = "requests"

    def __init__(self, quantity: Quantity) -> None:
        self.seconds = RequestSeconds()
        self._quantity = quantity
        self._pattern = Pattern(quantity.name)
        self._matched = not (quantity.name or quantity.request_type)
        self._names: set[tuple[str, str]] = set()
        self._staged: tuple[pd.DataFrame, NDArray[np.int64]] | None = None

    def stage(self, rows: pd.DataFrame) -> int | None:
        """See Source."""
        chosen = rows
        quantity = self._quantity
        if quantity.name or quantity.request_type:
            mask = self._pattern.rows(rows["name"])
            if quantity.request_type:
                mask &= (rows["request_type"] == quantity.request_type).to_numpy(dtype=bool)
            chosen = rows[mask]
        self._staged = None
        if not len(chosen):
            if not self._matched:
                pairs = rows[["request_type", "name"]].drop_duplicates()
                self._names |= set(zip(*(texts(pairs[column]).tolist() for column in pairs), strict=True))
            return None
        seconds = epoch_seconds(chosen["time"])
        self._staged = (chosen, seconds)
        return int(seconds.min())

    def commit(self) -> None:
        """See Source."""
        if self._staged is not None:
            self.seconds.add(*self._staged)
            self._matched = True
            self._names.clear()
            self._staged = None

    def trouble(self) -> str:
        """See Source."""
        if self._matched:
            return ""
        quantity = self._quantity
        if not self._names:
            return "The run holds no requests."
        types = {kind for kind, _ in self._names}
        given = f"{quantity.request_type} {quantity.name or '*'}" if quantity.request_type else quantity.name
        if quantity.request_type and quantity.request_type not in types:
            text = f"No request of the run is of the type {quantity.request_type!r}"
            return _suggest(text, quantity.request_type, types)
        names = [f"{kind} {name}" if quantity.request_type else name for kind, name in self._names]
        return _suggest(f"No request of the run has the name {given!r}", given, names)


def _suggest(text: str, given: str, names: list[str] | set[str]) -> str:
    nearest = nearest_name(given, names)
    if nearest is not None:
        return f"{text}; did you mean {nearest!r}?"
    shown = sorted(set(names))
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"{text}; there is {', '.join(map(repr, shown[:5]))}{more}." if shown else f"{text}."


class ErrorSource:
    """The failures of a kind. None is no trouble: it is what most criteria ask for."""

    table = "errors"

    def __init__(self, quantity: Quantity) -> None:
        self.seconds = BySecond(count=0)
        self._pattern = Pattern(quantity.name, fold=True)
        self._others: set[str] = set()
        self._matched = False
        self._staged: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def stage(self, rows: pd.DataFrame) -> int | None:
        """See Source. Exceptions that left a task are no requests, and count only where they are named."""
        mask = self._pattern.rows(rows["kind"])
        if not self._pattern.text:
            mask &= (rows["kind"] != "task exception").to_numpy(dtype=bool)
        self._staged = None
        if not mask.any():
            self._others |= set(texts(rows["kind"].drop_duplicates()).tolist())
            return None
        self._matched = True
        seconds = epoch_seconds(rows["time"])[mask]
        self._staged = (seconds, rows["count"].to_numpy(dtype=np.int64)[mask])
        return int(seconds.min())

    def commit(self) -> None:
        """See Source."""
        if self._staged is not None:
            _add_at(self.seconds, "count", *self._staged)
            self._staged = None

    def trouble(self) -> str:
        """See Source."""
        return ""

    def remark(self) -> str:
        """That no failure of the run is of this kind, though others are: it may be misspelt. Else ""."""
        if self._matched or not self._others or not self._pattern.text:
            return ""
        return " " + _suggest("No failure of the run is of this kind", self._pattern.text, self._others)


class UserSource:
    """The users that run, of all classes."""

    table = "users"

    def __init__(self) -> None:
        self.seconds = BySecond(level=0.0)
        self._seen = False
        self._staged: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def stage(self, rows: pd.DataFrame) -> int | None:
        """See Source."""
        seconds = epoch_seconds(rows["time"])
        self._staged = (seconds, rows["users"].to_numpy(dtype=np.int64)) if len(seconds) else None
        return int(seconds.min()) if len(seconds) else None

    def commit(self) -> None:
        """See Source."""
        if self._staged is not None:
            self._seen = True
            _add_at(self.seconds, "level", *self._staged)
            self._staged = None

    def trouble(self) -> str:
        """See Source."""
        return "" if self._seen else "The run tells nothing about its users."


class MetricSource:
    """What the locustfile counts (`counted` in each second) or sets (`level`, the workers' together)."""

    table = "metrics"

    def __init__(self, quantity: Quantity, unit: str) -> None:
        self.seconds = BySecond(counted=0.0, level=0.0, told=0)
        self.kinds: set[str] = set()
        self._unit = unit
        self._name = quantity.name
        self._pattern = Pattern(quantity.name)
        self._names: set[str] = set()
        self._staged: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]] | None = None

    def stage(self, rows: pd.DataFrame) -> int | None:
        """See Source."""
        self._names |= set(texts(rows["name"].drop_duplicates()).tolist())
        mask = self._pattern.rows(rows["name"])
        self._staged = None
        if not mask.any():
            return None
        seconds = epoch_seconds(rows["time"])[mask]
        kinds = texts(rows["kind"])[mask]
        is_count = kinds == "count"
        self._staged = (seconds, rows["value"].to_numpy(dtype=np.float64)[mask], is_count)
        new = set(kinds.tolist()) - self.kinds
        self.kinds |= new
        return ALL_TIME if new else int(seconds.min())

    def commit(self) -> None:
        """See Source."""
        if self._staged is not None:
            seconds, values, is_count = self._staged
            if is_count.any():
                _add_at(self.seconds, "counted", seconds[is_count], values[is_count])
            if not is_count.all():
                _add_at(self.seconds, "level", seconds[~is_count], values[~is_count])
                _add_at(self.seconds, "told", seconds[~is_count], np.ones(int((~is_count).sum()), dtype=np.int64))
            self._staged = None

    def trouble(self) -> str:
        """See Source."""
        if len(self.kinds) > 1:
            return f"metric({self._name}) is about counters and gauges at the same time; give one name."
        if self._unit and self.kinds == {"gauge"}:
            return f"metric({self._name}) is a gauge, which has no rate; leave '{self._unit}' out."
        return "" if self.kinds else _suggest(f"The run has no metric {self._name!r}", self._name, self._names)


def _add_at(
    seconds: BySecond, name: str, places: NDArray[np.int64], values: NDArray[np.int64] | NDArray[np.float64]
) -> None:
    first, stop = int(places.min()), int(places.max()) + 1
    np.add.at(seconds.between(name, first, stop), places - first, values)
