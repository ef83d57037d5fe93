"""Business metrics: what a locustfile counts for itself."""

from __future__ import annotations

import math

from loadlab.agent.failures import clean_text, readable

MAX_METRICS = 200
"""Different metric names a worker keeps apart in a run; further counts are added up, and gauges kept, under OTHER."""

MAX_NAME = 200
OTHER = "(other)"


class Metrics:
    """What was counted since the last `take`, and the last value of each gauge."""

    def __init__(self) -> None:
        self.active = False
        self.refused = 0
        """Values that are no finite numbers, or would make a sum none; they are left out."""
        self.folded = 0
        """Calls whose name came too late to be kept apart."""
        self._names: dict[object, str] = {}
        self._counts: dict[str, float] = {}
        self._gauges: dict[str, float] = {}

    def count(self, name: object, value: float) -> None:
        """Add `value` to the counter `name`."""
        if self.active and (number := self._number(value)) is not None:
            key = self._key(name)
            total = self._counts.get(key, 0.0) + number
            if math.isfinite(total):
                self._counts[key] = total
            else:
                self.refused += 1

    def gauge(self, name: object, value: float) -> None:
        """Set the gauge `name`."""
        if self.active and (number := self._number(value)) is not None:
            self._gauges[self._key(name)] = number

    def _number(self, value: object) -> float | None:
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
        self.refused += 1
        return None

    def _key(self, name: object) -> str:
        raw = readable(name)
        key = self._names.get(raw)
        if key is None:
            if len(self._names) >= MAX_METRICS:
                self.folded += 1
                return OTHER
            key = self._names[raw] = clean_text(raw, MAX_NAME)
        return key

    def take(self) -> list[tuple[str, str, float]]:
        """(name, "count" | "gauge", value) since the last call. Gauges stay at their last value."""
        rows = [(name, "count", value) for name, value in self._counts.items()]
        rows += [(name, "gauge", value) for name, value in self._gauges.items()]
        self._counts.clear()
        return rows


METRICS = Metrics()


def count(name: str, value: float = 1) -> None:
    """Count that something happened: adds `value` to the second's total of `name`, over all workers.

    A value that is no finite number, or makes the total none, is left out, and the run says so. Does nothing outside a
    loadlab run, so a locustfile may keep the call under plain Locust.
    """
    METRICS.count(name, value)


def gauge(name: str, value: float) -> None:
    """Say how much of something there is now on this worker; each second keeps the last value.

    A value that is no finite number is left out, and the run says so. Does nothing outside a loadlab run, so a
    locustfile may keep the call under plain Locust.
    """
    METRICS.gauge(name, value)
