"""Where a run is while it goes on, from its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LiveCounts:
    """Sums over the records seen so far, and over the last second of each region; of one region as of several."""

    def __init__(self) -> None:
        self.requests = self.failures = 0
        self._seconds: dict[str, Mapping[str, Any]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one record (a parsed line)."""
        region = str(record.get("region") or "")
        if record["kind"] in ("second", "amend"):
            self.requests += sum(row[2] for row in record["requests"])
            self.failures += sum(row[3] for row in record["requests"])
        if record["kind"] == "second":
            self._seconds[region] = record
        elif record["kind"] == "event" and record.get("event") == "region_lost":
            self._seconds.pop(region, None)

    @property
    def users(self) -> int:
        """Users that run."""
        return sum(sum(second["users"].values()) for second in self._seconds.values())

    @property
    def rps(self) -> int:
        """Successful requests in the last second."""
        return sum(row[2] - row[3] for second in self._seconds.values() for row in second["requests"])
