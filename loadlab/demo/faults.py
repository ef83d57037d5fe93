"""The faults that can be switched on while the storefront runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from loadlab.demo.routes import validate_endpoint
from loadlab.demo.settings import check_integer, check_number, known_fields
from loadlab.errors import SpecError


@dataclass(frozen=True)
class ErrorFault:
    """A share `rate` (0 to 1) of an endpoint's requests is answered `status` (400 to 599), after its service time."""

    rate: float
    status: int = 500

    def __post_init__(self) -> None:
        check_number("rate", self.rate, 0.0, 1.0)
        check_integer("status", self.status, 400, 599)


@dataclass(frozen=True)
class Faults:
    """All that is wrong with the storefront at a time; the default is nothing.

    `errors`            endpoint -> `ErrorFault` (or its mapping); ``*`` is every endpoint that has no entry of its own
    `drops`             endpoint -> share of requests whose connection is closed without an answer
    `pause_s`           everything stalls for so long: nothing is answered, work in service stands still. Requests
                        are still read and counted, the control plane answers. Once, now, unless `pause_every_s` is set
    `pause_every_s`     repeats the pause each so many seconds, for the first time after the first interval
    `slow_start_factor` service times start at this multiple and decay to 1, linearly over `slow_start_s` seconds

    Pauses and slow start begin when the faults are set. Raises SpecError naming the field.
    """

    errors: Mapping[str, ErrorFault] = field(default_factory=dict)
    drops: Mapping[str, float] = field(default_factory=dict)
    pause_s: float = 0.0
    pause_every_s: float | None = None
    slow_start_factor: float = 1.0
    slow_start_s: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.errors, Mapping):
            raise SpecError("errors", self.errors, "a mapping such as {'GET /cart': {'rate': 0.1, 'status': 503}}")
        errors = {validate_endpoint("errors", name, wildcard=True): _fault(name, v) for name, v in self.errors.items()}
        object.__setattr__(self, "errors", errors)
        if not isinstance(self.drops, Mapping):
            raise SpecError("drops", self.drops, "a mapping of endpoint to share, such as {'GET /cart': 0.1}")
        for name, rate in self.drops.items():
            check_number(f"drops[{validate_endpoint('drops', name, wildcard=True)}]", rate, 0.0, 1.0)
        check_number("pause_s", self.pause_s, 0.0, 3600.0)
        if self.pause_every_s is not None:
            check_number("pause_every_s", self.pause_every_s, 0.01, 86_400.0)
            if not 0 < self.pause_s < self.pause_every_s:
                raise SpecError("pause_s", self.pause_s, f"above 0 and below pause_every_s ({self.pause_every_s:g})")
        check_number("slow_start_factor", self.slow_start_factor, 1.0, 1000.0)
        check_number("slow_start_s", self.slow_start_s, 0.0, 86_400.0)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Faults:
        """Faults from JSON-like `values`; raises SpecError for an unknown field, with the nearest valid one."""
        return cls(**known_fields(cls, "fault", values))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, object]:
        """The faults as JSON-like values; `from_dict` reads them back."""
        errors = {name: asdict(fault) for name, fault in self.errors.items()}
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "errors": errors,
            "drops": dict(self.drops),
        }

    def error(self, endpoint: str) -> ErrorFault | None:
        """The error fault of `endpoint` (``GET /cart``), or that of ``*``."""
        return self.errors.get(endpoint) or self.errors.get("*")

    def drop_rate(self, endpoint: str) -> float:
        """The share of the requests of `endpoint` that are dropped."""
        return self.drops.get(endpoint, self.drops.get("*", 0.0))

    def slowdown(self, age_s: float) -> float:
        """What a service time is multiplied with `age_s` seconds after the faults were set."""
        if age_s >= self.slow_start_s:
            return 1.0
        return 1.0 + (self.slow_start_factor - 1.0) * (1.0 - max(age_s, 0.0) / self.slow_start_s)


def _fault(name: str, value: object) -> ErrorFault:
    if isinstance(value, ErrorFault):
        return value
    if not isinstance(value, Mapping) or "rate" not in value:
        raise SpecError(f"errors[{name}]", value, "an object with rate (0 to 1) and status (400 to 599)")
    return ErrorFault(**known_fields(ErrorFault, f"errors[{name}] field", value))  # type: ignore[arg-type]
