"""LoadTest -> Helm values. The keys are those of the deliveryhero/locust chart, so that any compatible chart will do;
what only loadlab's own chart knows stands under ``loadlab``."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from loadlab.launch.agent_settings import agent_environment, locust_options
from loadlab.launch.bundle import AGENT_PATH, AGENT_ROOT, LOCUST_PATH, Bundle
from loadlab.spec import KubernetesOptions, LoadTest

IMAGE = "locustio/locust"
PREFIX = "loadlab.dev"
RUN_LABEL, OWNER_LABEL, EXPIRES_LABEL, RELEASE_LABEL, TARGET_LABEL = (
    f"{PREFIX}/{name}" for name in ("run", "owner", "expires", "release", "target")
)
EXPIRES_FORMAT = "%Y%m%dT%H%M%SZ"
"""A time as a label's value may be written, in UTC."""

STARTING_S = 600
"""From installing to the load at the most: nodes may have to come up and images to be pulled."""

CLOSING_S = 120
"""Beyond the run time and the stop_timeout, for the last records and the logs."""

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
    expires: datetime
    target: str

    @classmethod
    def of(cls, test: LoadTest, run_id: str, owner: str, now: datetime | None = None) -> Ownership:
        """The ownership of the swarm of `test`, which has to have ended `deadline_s` after `now`."""
        expires = (now or datetime.now(UTC)) + timedelta(seconds=deadline_s(test))
        return cls(run_id, f"loadlab-{run_id}", owner, expires, target_key(test.host))

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
    """`host` as a label's value may be written; equal for equal hosts."""
    return hashlib.sha256((host or "").encode()).hexdigest()[:16]


def deadline_s(test: LoadTest) -> int:
    """Seconds after which Kubernetes ends the swarm of `test`, whoever is still there."""
    return math.ceil(test.run_time + test.stop_timeout) + STARTING_S + CLOSING_S


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
    affinity = _keep_off(options.separate_from)
    config_maps = {
        ownership.config_map_name(number): folder.path for number, folder in enumerate(bundle.folders) if number
    }
    placed: dict[str, Any] = {"affinity": affinity} if affinity else {}
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
        "loadlab": {"deadlineSeconds": deadline_s(test), "ttlSecondsAfterFinished": TTL_S},
    }


def _literal(texts: Iterable[str]) -> list[str]:
    """The texts as they have to be given to reach a container unchanged: Kubernetes expands ``$(NAME)``."""
    return [text.replace("$", "$$") for text in texts]


def _split_image(image: str) -> tuple[str, str]:
    """``registry:5000/locust:2.47`` as its repository and its tag; without one, "latest"."""
    repository, colon, tag = image.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image, "latest")


def _keep_off(labels: Mapping[str, str]) -> dict[str, Any]:
    """The affinity that keeps a pod off every node with a pod of these labels, in whatever namespace."""
    if not labels:
        return {}
    term = {
        "labelSelector": {"matchLabels": dict(labels)},
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
