"""LoadTest -> Helm values. The keys are those of the deliveryhero/locust chart, so that any compatible chart will do;
what only loadlab's own chart knows stands under ``loadlab``."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from loadlab.launch.agent_settings import agent_environment, locust_options
from loadlab.launch.bundle import AGENT_PATH, AGENT_ROOT, LOCUST_PATH, Bundle
from loadlab.spec import KubernetesOptions, LoadTest, origins

IMAGE = "locustio/locust"
PREFIX = "loadlab.dev"
RUN_LABEL, OWNER_LABEL, EXPIRES_LABEL, RELEASE_LABEL, TARGET_LABEL = (
    f"{PREFIX}/{name}" for name in ("run", "owner", "expires", "release", "target")
)
EXPIRES_FORMAT = "%Y%m%dT%H%M%SZ"
"""A time as a label's value may be written, in UTC."""

STARTING_S = 600
"""From installing to the load, unless `ready_timeout` is longer: nodes may have to come up and images to be pulled."""

CLOSING_S = 120
"""Beyond the run time and the stop_timeout, for the last records and the logs."""

DEADLINE = ("loadlab", "deadlineSeconds")
"""Where in the values the deadline of a swarm's Jobs stands."""

WEB_PORT = 8089
"""Where Locust's master listens for loadlab, inside its pod."""

TTL_S = 600
"""Finished Jobs stay this long, so that what happened to a swarm whose owner is gone can still be read."""


@dataclass(frozen=True)
class Ownership:
    """Whose swarm it is: stands as labels on every object."""

    run_id: str
    release: str
    owner: str
    made: datetime
    deadline_s: int
    target: str

    @classmethod
    def of(
        cls, test: LoadTest, run_id: str, owner: str, ready_timeout: float, made: datetime | None = None
    ) -> Ownership:
        """The ownership of the swarm of `test`, which has to have ended `deadline_s` after it was `made`, now."""
        deadline = deadline_s(test, ready_timeout)
        return cls(run_id, f"loadlab-{run_id}", owner, made or datetime.now(UTC), deadline, target_key(test.host))

    def with_deadline(self, seconds: object) -> Ownership:
        """With the deadline that the chart is given, where that is a number."""
        return replace(self, deadline_s=seconds) if isinstance(seconds, int) else self

    @property
    def expires(self) -> datetime:
        """When the swarm has to have ended."""
        return self.made + timedelta(seconds=self.deadline_s)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every object."""
        return {
            RUN_LABEL: self.run_id,
            OWNER_LABEL: self.owner,
            EXPIRES_LABEL: self.expires.strftime(EXPIRES_FORMAT),
            RELEASE_LABEL: self.release,
            TARGET_LABEL: self.target,
        }

    def config_map_name(self, number: int) -> str:
        """The name of the ConfigMap of the bundle's folder `number`."""
        return f"{self.release}-files-{number}"


def target_key(host: str | None) -> str:
    """`host` as a label's value may be written; equal where scheme, name and port are, however they are spelt."""
    return hashlib.sha256("".join(origins(host)[-1:]).encode()).hexdigest()[:16]


def deadline_s(test: LoadTest, ready_timeout: float) -> int:
    """Seconds after which Kubernetes ends the swarm of `test`, whoever is still there."""
    return math.ceil(test.run_time + test.stop_timeout) + math.ceil(max(STARTING_S, ready_timeout)) + CLOSING_S


def helm_values(
    test: LoadTest, options: KubernetesOptions, bundle: Bundle, ownership: Ownership, *, token: str, locust_version: str
) -> dict[str, Any]:
    """The values of the release: JSON-able, complete, and below the user's own files and settings."""
    repository, tag = _split_image(options.image or f"{IMAGE}:{locust_version}")
    workers = max(test.workers, 1)
    environment = {**test.environment, **agent_environment(test, token=token, run_id=ownership.run_id)}
    environment["LOADLAB_AGENT_PREFIX"] = f"{ownership.release}-"  # a worker is called like its pod
    python_path = environment.pop("PYTHONPATH", "")
    secret = {"LOADLAB_TOKEN": environment.pop("LOADLAB_TOKEN")}
    words = _literal([*test.user_classes, *locust_options(test)])
    apart = {"matchLabels": dict(options.separate_from)} if options.separate_from else {}
    placed = {"affinity": _keep_off(apart)} if apart and options.chart else {}
    config_maps = {
        ownership.config_map_name(number): folder.path for number, folder in enumerate(bundle.folders) if number
    }
    return {
        "loadtest": {
            "name": ownership.release,
            "locust_locustfile": f"{bundle.locustfile},{AGENT_PATH}/loadlab_agent.py",
            "locust_locustfile_path": LOCUST_PATH,
            "locust_locustfile_configmap": ownership.config_map_name(0),
            "locust_lib_configmap": "",
            "locust_host": test.host or "",
            "pip_packages": list(options.pip_packages),
            "environment": {
                **dict(zip(environment, _literal(environment.values()), strict=True)),
                "PYTHONPATH": ":".join(filter(None, (AGENT_ROOT, python_path))),
            },
            "environment_secret": secret,
            "environment_load_from_secrets": list(options.secrets),
            "headless": False,
            "tags": "",
        },
        "image": {"repository": repository, "tag": tag},
        "master": {
            "args": [*words, "--master", "--expect-workers", str(workers), "--enable-rebalancing"],
            **placed,
        },
        "service": {"port": WEB_PORT},
        "worker": {"replicas": workers, "args": [*words, "--worker"], "hpa": {"enabled": False}, **placed},
        "extraConfigMaps": config_maps,
        "extraLabels": ownership.labels,
        "loadlab": {
            "deadlineSeconds": ownership.deadline_s,
            "ttlSecondsAfterFinished": TTL_S,
            **({"separateFrom": apart} if apart else {}),
        },
    }


def _literal(texts: Iterable[str]) -> list[str]:
    """The texts as they have to be given to reach a container unchanged: Kubernetes expands ``$(NAME)``."""
    return [text.replace("$", "$$") for text in texts]


def _split_image(image: str) -> tuple[str, str]:
    """``registry:5000/locust:2.47`` as its repository and its tag; without one, "latest"."""
    repository, colon, tag = image.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image, "latest")


def _keep_off(selector: Mapping[str, Any]) -> dict[str, Any]:
    """The affinity that keeps a pod off every node with a pod of these labels, in whatever namespace.

    loadlab's own chart makes the same of ``loadlab.separateFrom`` and adds it to any affinity of the user's.
    """
    term = {"labelSelector": selector, "namespaceSelector": {}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
