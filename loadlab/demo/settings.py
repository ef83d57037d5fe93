"""What the storefront can do: its service time and its concurrency, validated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from loadlab.demo.routes import validate_endpoint
from loadlab.errors import SpecError

DISTRIBUTIONS = ("constant", "exponential", "lognormal")
MAX_SERVICE_TIME_S = 3600.0


@dataclass(frozen=True)
class Settings:
    """A storefront's true capacity.

    `concurrency` requests are in service at once; the others wait first in, first out. A request is in service for a
    time drawn from `distribution` with mean `service_time` seconds times its endpoint's entry in `factors` (default 1).

    ============  =========================================================================================
    constant      always the mean
    exponential   coefficient of variation 1
    lognormal     `sigma` is the standard deviation of the logarithm; its mean is kept: mu = ln(mean) - sigma²/2
    ============  =========================================================================================

    `queue_limit` is the number of requests that may wait; one more is answered 503 at once (None: no limit).
    `seed` fixes the service times and the faults drawn, in the order in which requests arrive (None: unpredictable).

    Raises SpecError naming the field.
    """

    concurrency: int = 8
    service_time: float = 0.02
    distribution: str = "constant"
    sigma: float = 0.5
    factors: Mapping[str, float] = field(default_factory=dict)
    queue_limit: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_integer("concurrency", self.concurrency, 1, 100_000)
        check_number("service_time", self.service_time, 0.0, MAX_SERVICE_TIME_S)
        if self.distribution not in DISTRIBUTIONS:
            raise SpecError.unknown("distribution", str(self.distribution), DISTRIBUTIONS)
        check_number("sigma", self.sigma, 0.0, 4.0)
        if not isinstance(self.factors, Mapping):
            raise SpecError("factors", self.factors, "a mapping of endpoint to factor, such as {'GET /search': 2.0}")
        for name, factor in self.factors.items():
            validate_endpoint("factors", name)
            check_number(f"factors[{name}]", factor, 0.0, 10_000.0)
        if self.queue_limit is not None:
            check_integer("queue_limit", self.queue_limit, 0, 10_000_000)
        if self.seed is not None:
            check_integer("seed", self.seed, 0, 2**63 - 1)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Settings:
        """Settings from JSON-like `values`; raises SpecError for an unknown field, with the nearest valid one."""
        return cls(**known_fields(cls, "setting", values))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, object]:
        """The settings as JSON-like values; `from_dict` reads them back."""
        return {**asdict(self), "factors": dict(self.factors)}

    def factor(self, method: str, route: str) -> float:
        """The endpoint's factor; a HEAD costs what its GET costs."""
        return self.factors.get(f"{'GET' if method == 'HEAD' else method} {route}", 1.0)

    def capacity(self, mix: Mapping[str, float] | None = None) -> float:
        """The maximum throughput in requests a second: concurrency / mean service time, `inf` when that is zero.

        `mix` weighs the endpoints by their share of the requests (``{"GET /": 3, "POST /cart": 1}``), so that
        mean service time = service_time x sum(share x factor); without it every factor counts as 1.
        Source: the utilisation law, U = X S / c, at U = 1.
        """
        mean_s = self.service_time
        if mix is not None:
            total = 0.0
            for name, weight in mix.items():
                validate_endpoint("mix", name)
                check_number(f"mix[{name}]", weight, 0.0, math.inf)
                total += weight
            if not 0 < total < math.inf:
                raise SpecError("mix", dict(mix), "at least one weight above 0, all finite")
            mean_s *= sum(weight / total * self.factors.get(name, 1.0) for name, weight in mix.items())
        return self.concurrency / mean_s if mean_s > 0 else math.inf


def known_fields(cls: type, what: str, values: Mapping[str, object]) -> dict[str, object]:
    """`values` as keyword arguments of the dataclass `cls`; raises SpecError for a name that it does not have."""
    if not isinstance(values, Mapping):
        raise SpecError(what, values, "an object of names and values")
    names = [f.name for f in fields(cls)]
    for name in values:
        if name not in names:
            raise SpecError.unknown(what, str(name), names)
    return dict(values)


def check_number(name: str, value: object, low: float, high: float) -> None:
    """Raise SpecError unless `value` is a number within `low` and `high`, both included."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SpecError(name, value, f"a number from {low:g} to {high:g}")


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise SpecError unless `value` is an integer within `low` and `high`, both included."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SpecError(name, value, f"a whole number from {low} to {high}")
