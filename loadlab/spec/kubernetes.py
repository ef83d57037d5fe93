"""KubernetesOptions: where in a cluster a test's Locust runs, validated before anything is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from loadlab.errors import SpecError
from loadlab.spec import kinds
from loadlab.spec.files import check_file
from loadlab.spec.secrets import hide_credentials, hide_setting
from loadlab.spec.specification import Specification, entry, specification

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_LABEL = kinds.text("1 to 63 lower-case letters, digits and '-', as Kubernetes names namespaces", _NAME)
_SECRET = kinds.text("the name of an existing Secret: lower-case letters, digits, '-' and '.'", rf"{_NAME}(\.{_NAME})*")
_CONTEXT = kinds.text("the name of a context in the kubeconfig", r"[^\s,\0]+")
_CHART = kinds.text("a folder, a packed chart, REPO/CHART or oci://...; empty: loadlab's own chart", r"[^\s\0]*")
_SET = kinds.text("a path into the values and what goes there, such as worker.resources.limits.cpu=2", r"[^=\0]+=.*")
_IMAGE = kinds.text("an image with Locust in it, such as registry.example/locust:2.47.0", r"[^\s\0]+")
_FILE = kinds.text("a file, or a pattern such as data/*.csv, from the locustfile's folder", r"[^\0]+")
_PACKAGE = kinds.text("a requirement as pip takes it, such as faker>=30", r"[^-\s\0][^\0]*")
_LABEL_NAME = kinds.text(
    "the name of a label, such as app.kubernetes.io/name",
    r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
)
_LABEL_VALUE = kinds.text(
    "the value of a label: up to 63 letters, digits, '-', '_' and '.'",
    r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?",
)
_OWNER = kinds.text(
    "a name of up to 63 letters, digits, '-', '_' and '.'", r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)


@specification
class KubernetesOptions(Specification):
    """Where in Kubernetes a test runs and how it is installed there. Frozen.

    A test's LoadTest says what is loaded and how hard; this says where Locust's pods are. Lists may be given as one
    text, ``"a, b"``; durations as ``"5m"`` or seconds. No cluster is asked; the files in `values` are looked for by
    `check_value_files`.

    Raises:
        SpecError: unknown fields and impossible values, all in one message.
    """

    context: tuple[str, ...] = entry(
        kinds.listing(_CONTEXT),
        "context of the kubeconfig; none: the current one; several: regions, with a swarm in each and users, rates and "
        "workers divided over them",
        default=(),
    )
    on_region_lost: str = entry(
        kinds.choice("continue", "stop"),
        "what the other regions do when one is lost in mid-run",
        default="continue",
    )
    namespace: str | None = entry(
        kinds.optional(_DNS_LABEL), "namespace of Locust's pods; none: the context's own", default=None
    )
    chart: str = entry(_CHART, "Helm chart; empty: loadlab's own", default="")
    chart_version: str = entry(kinds.text("the version of a chart"), "version of a chart from a repository", default="")
    values: tuple[str, ...] = entry(
        kinds.listing(kinds.text("the path of a YAML file", r"[^\0]+")),
        "files of Helm values that go over loadlab's",
        default=(),
        singular="values_file",
    )
    set: tuple[str, ...] = entry(
        kinds.listing(_SET, kinds.split_words), "single Helm values that go over all others", default=()
    )
    image: str | None = entry(
        kinds.optional(_IMAGE),
        "image of master and workers; none: locustio/locust of this Locust's version",
        default=None,
    )
    files: tuple[str, ...] = entry(
        kinds.listing(_FILE), "files beside the locustfile that it reads", default=(), singular="file"
    )
    pip_packages: tuple[str, ...] = entry(
        kinds.listing(_PACKAGE, kinds.split_words),
        "packages that pip installs before Locust starts",
        default=(),
        singular="pip_package",
    )
    secrets: tuple[str, ...] = entry(
        kinds.listing(_SECRET),
        "existing Secrets whose keys become environment variables",
        default=(),
        singular="secret",
    )
    separate_from: dict[str, str] = entry(
        kinds.mapping(_LABEL_NAME, _LABEL_VALUE, kinds.split_pairs),
        "labels of the target's pods: Locust keeps off their nodes",
        default={},
    )
    owner: str | None = entry(
        kinds.optional(_OWNER), "whose load this is, on every object; none: the name of the user", default=None
    )
    yes_i_mean: str | None = entry(
        kinds.optional(kinds.text("the name that the guard rails ask for")),
        "the production name that this load is meant for, of several regions each",
        default=None,
    )
    alongside: bool = entry(
        kinds.switch, "start although another run of the namespace loads the same host", default=False
    )
    ready_timeout: float = entry(kinds.duration(), "how long to wait for the master and all workers", default=300.0)

    _other_names: ClassVar[Mapping[str, str]] = {
        "kube_context": "context",
        "contexts": "context",
        "regions": "context",
        "values_files": "values",
        "helm_values": "values",
        "helm_set": "set",
        "data_files": "files",
        "anti_affinity": "separate_from",
        "timeout": "ready_timeout",
    }

    @classmethod
    def _check_together(cls, given: Mapping[str, Any], values: dict[str, Any], prefix: str) -> list[SpecError]:
        errors = []
        if values.get("chart_version") and not values.get("chart"):
            allowed = "only with 'chart': loadlab's own has no other"
            errors.append(SpecError("chart_version", given["chart_version"], allowed))
        contexts = values.get("context", ())
        if len(set(contexts)) < len(contexts):
            errors.append(SpecError("context", ", ".join(contexts), "each context once"))
        return errors

    @property
    def only_context(self) -> str | None:
        """The one context that is named; None for the current one. Several have a launcher each: see `in_context`."""
        if len(self.context) > 1:
            raise SpecError("context", ", ".join(self.context), "one context here")
        return self.context[0] if self.context else None

    def in_context(self, name: str) -> KubernetesOptions:
        """These options for one of several contexts."""
        values = {field.name: getattr(self, field.name) for field in self.fields()}
        return KubernetesOptions(**{**values, "context": (name,)})

    def without_secrets(self) -> KubernetesOptions:
        """A copy for the eyes of others: what may be a secret in `set` and in URLs is ``...``."""
        values = {field.name: getattr(self, field.name) for field in self.fields()}
        values["set"] = tuple(map(hide_setting, self.set))
        values["pip_packages"] = tuple(map(hide_credentials, self.pip_packages))
        values["chart"] = hide_credentials(self.chart)
        return KubernetesOptions(**values)

    def check_value_files(self) -> None:
        """Raise SpecError, naming the nearest file beside it, unless every file in `values` exists."""
        for path in self.values:
            check_file("values", Path(path), (".yaml", ".yml"))
