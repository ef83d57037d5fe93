"""What is written: families of series, each with its samples; and names and texts as Prometheus takes them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]
Ints = NDArray[np.int64]
Numbers = NDArray[Any]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Series:
    """The samples of one set of labels, in the order of time.

    times
        When each sample is, epoch seconds, shape (samples,); None for one sample without a timestamp.
    values
        Of a counter or a gauge the values, shape (samples,). Of a histogram how many are at or below each bound,
        +Inf last, shape (samples, bounds + 1).
    sums
        Of a histogram the sums, shape (samples,).
    """

    labels: Labels
    times: Ints | None
    values: Numbers
    sums: Numbers | None = None


@dataclass(frozen=True)
class Family:
    """Series of one name. `name` has its unit at its end where `unit` says so, and never ``_total``.

    bounds
        Of a histogram its upper bounds without +Inf.
    """

    name: str
    kind: Kind
    help: str
    series: tuple[Series, ...]
    unit: str = ""
    bounds: tuple[float, ...] = ()

    @property
    def series_count(self) -> int:
        """How many time series Prometheus makes of it: of a histogram one a bound, and three."""
        return len(self.series) * (len(self.bounds) + 3 if self.kind == "histogram" else 1)

    @property
    def sample_count(self) -> int:
        """How many samples it has."""
        each = len(self.bounds) + 3 if self.kind == "histogram" else 1
        return each * sum(len(series.values) for series in self.series)


def readable(text: str) -> str:
    """`text` as UTF-8 can hold it: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def metric_names(texts: Mapping[Key, str]) -> dict[Key, str]:
    """A part of a metric's name for each text: letters, digits and ``_``, different ones for all keys.

    Where two would be the same, each gets ``_`` and eight hex digits of its key's SHA-256.
    """
    parts = {key: re.sub(r"[^a-zA-Z0-9_]", "_", text) or "_" for key, text in texts.items()}
    often = Counter(parts.values())
    return {key: part if often[part] == 1 else f"{part}_{_digest(key)}" for key, part in parts.items()}


def _digest(key: Hashable) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:8]
