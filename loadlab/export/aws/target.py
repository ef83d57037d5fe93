"""Where in CloudWatch a run goes, and as what: namespace, dimensions, resolution."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from loadlab.errors import SpecError
from loadlab.export.aws.limits import MAX_NAME_CHARS, MAX_VALUE_CHARS
from loadlab.export.aws.naming import Dimensions, clean_name
from loadlab.export.labels import read_labels
from loadlab.spec import parse_duration

RESOLUTIONS_S = (1, 60)
"""What CloudWatch stores: seconds or minutes."""


@dataclass(frozen=True)
class Target:
    """Validated: where a run's metrics go. Made by `read_target`.

    namespace
        Such as ``LoadLab/shop``.
    base
        The dimensions that every metric has: service, environment, and run where that was asked for.
    resolution_s
        1 or 60.
    by_region
        Whether requests, failures and response times are sent for each region too.
    max_names
        How many request names are kept apart; the rarest of more are counted under ``(other)``.
    """

    namespace: str
    service: str
    environment: str
    base: Dimensions
    resolution_s: int = 60
    by_region: bool = False
    max_names: int = 100

    def identity(self) -> str:
        """Everything that makes other metrics of the same run, as JSON."""
        return json.dumps([self.namespace, self.base, self.resolution_s, self.by_region, self.max_names])


def read_target(
    labels: Mapping[str, str],
    *,
    namespace: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    resolution: str | float = "1m",
    run_id: str | None = None,
    by_region: bool = False,
    max_names: int = 100,
) -> Target:
    """The target from arguments, and from the labels `service` and `environment` where they are not given.

    Raises SpecError.
    """
    service, environment = read_labels(labels, service=service, environment=environment)
    if namespace is None:
        namespace = clean_name(f"LoadLab/{service}", MAX_NAME_CHARS)
    base = [
        ("service", clean_name(service, MAX_VALUE_CHARS)),
        ("environment", clean_name(environment, MAX_VALUE_CHARS)),
    ]
    if run_id:
        base.append(("run", clean_name(run_id, MAX_VALUE_CHARS)))
    if not isinstance(max_names, int) or max_names < 1:
        raise SpecError("max_names", max_names, "a whole number of 1 or more")
    return Target(
        namespace=check_namespace(namespace),
        service=base[0][1],
        environment=base[1][1],
        base=tuple(base),
        resolution_s=_resolution_s(resolution),
        by_region=bool(by_region),
        max_names=max_names,
    )


def check_namespace(namespace: str) -> str:
    """The namespace, or SpecError with what CloudWatch takes."""
    allowed = f"1 to {MAX_NAME_CHARS} printable ASCII characters, no blank at an end, not beginning with ':' or 'AWS/'"
    if (
        not isinstance(namespace, str)
        or clean_name(namespace, MAX_NAME_CHARS) != namespace
        or namespace.startswith((":", "AWS/"))
    ):
        raise SpecError("namespace", namespace, allowed)
    return namespace


def _resolution_s(resolution: str | float) -> int:
    seconds = parse_duration(resolution) if isinstance(resolution, str) else resolution
    if isinstance(seconds, bool) or seconds not in RESOLUTIONS_S:
        raise SpecError("resolution", resolution, "1s or 1m: what CloudWatch stores")
    return int(seconds)
