"""The storefront's own, exact count of the requests it received and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class RouteCounts:
    """The counts of one method and route template.

    `received` counts a request at the moment it has been read completely. Each one ends as exactly one of: `answered`
    (by status; the answer was handed to the connection), `aborted` (the client closed first) or `dropped` (the fault
    of that name); until then it is `in_service` (queued or served).
    """

    received: int = 0
    answered: dict[int, int] = field(default_factory=dict)
    aborted: int = 0
    dropped: int = 0

    @property
    def in_service(self) -> int:
        """Requests read and neither answered nor aborted nor dropped yet."""
        return self.received - sum(self.answered.values()) - self.aborted - self.dropped

    def to_dict(self) -> dict[str, object]:
        """The counts as JSON-like values."""
        answered = {str(status): count for status, count in sorted(self.answered.items())}
        return {
            "received": self.received,
            "answered": answered,
            "aborted": self.aborted,
            "dropped": self.dropped,
            "in_service": self.in_service,
        }


@dataclass
class Counts:
    """The counts of a storefront since its start, the control plane under /_demo/ left out.

    `routes` maps ``"GET /products/{id}"`` (the method that was sent, so a HEAD has its own) to its counts. `rejected`
    counts by status what was refused before it was a complete request (400, 411, 413, 431, 505): those are in no other
    number. `connections` were accepted, those of the control plane included.
    """

    routes: dict[str, RouteCounts] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)
    connections: int = 0

    @property
    def received(self) -> int:
        """All requests received."""
        return sum(route.received for route in self.routes.values())

    @property
    def answered(self) -> dict[int, int]:
        """All answers, by status."""
        answered: dict[int, int] = {}
        for route in self.routes.values():
            for status, count in route.answered.items():
                answered[status] = answered.get(status, 0) + count
        return dict(sorted(answered.items()))

    @property
    def aborted(self) -> int:
        """All requests whose client closed before the answer."""
        return sum(route.aborted for route in self.routes.values())

    @property
    def dropped(self) -> int:
        """All requests whose connection was closed on purpose, without an answer."""
        return sum(route.dropped for route in self.routes.values())

    @property
    def in_service(self) -> int:
        """All requests that are queued or served now."""
        return sum(route.in_service for route in self.routes.values())

    def of(self, method: str, route: str) -> RouteCounts:
        """The counts of `method` and `route`, created when they are the first."""
        name = f"{method} {route}"
        found = self.routes.get(name)
        if found is None:
            found = self.routes[name] = RouteCounts()
        return found

    def to_dict(self) -> dict[str, object]:
        """The counts as JSON-like values: `total`, `routes`, `rejected`, `connections`; statuses are strings."""
        total = RouteCounts(self.received, self.answered, self.aborted, self.dropped)
        return {
            "total": total.to_dict(),
            "routes": {name: route.to_dict() for name, route in sorted(self.routes.items())},
            "rejected": {str(status): count for status, count in sorted(self.rejected.items())},
            "connections": self.connections,
        }
