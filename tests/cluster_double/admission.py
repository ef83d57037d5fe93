"""What the API server checks and fills in before it keeps an object."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from cluster_double import errors
from cluster_double.resources import Resource
from cluster_double.store import Store, is_terminal

Object = dict[str, Any]

LIMIT = 1048576
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_RBAC_KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def validate(resource: Resource, obj: Object) -> None:
    """Names, labels and sizes; what a chart or a launcher gets wrong with long or odd names."""
    meta = obj["metadata"]
    name = meta.get("name", "")
    longest = 63 if resource.kind in ("Job", "Service", "Namespace") else 253
    if resource.kind not in _RBAC_KINDS and not _SUBDOMAIN.fullmatch(name):
        raise errors.invalid(resource, name, "metadata.name", name, _SUBDOMAIN_WORDS)
    if resource.kind in ("Service", "Namespace") and not _LABEL.fullmatch(name):
        raise errors.invalid(resource, name, "metadata.name", name, "a DNS-1035 label must not contain dots")
    if len(name) > longest:
        raise errors.invalid(resource, name, "metadata.name", name, f"must be no more than {longest} characters")
    template = ((obj.get("spec") or {}).get("template") or {}).get("metadata") or {}
    for field, labels in (
        ("metadata.labels", meta.get("labels")),
        ("spec.template.labels", template.get("labels")),
    ):
        for value in (labels or {}).values():
            if not isinstance(value, str):
                raise errors.bad_request(
                    f"{resource.kind} in version {resource.version!r} cannot be handled as a {resource.kind}: json: "
                    f"cannot unmarshal {type(value).__name__} into Go struct field ObjectMeta.{field} of type string"
                )
            if len(value) > 63:
                raise errors.invalid(resource, name, field, value, "must be no more than 63 characters")
            if not _VALUE.fullmatch(value):
                why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
                raise errors.invalid(resource, name, field, value, why)
    if resource.kind in ("ConfigMap", "Secret"):
        _check_data(resource, name, obj)


def _check_data(resource: Resource, name: str, obj: Object) -> None:
    plain = sum(len(value.encode()) for value in (obj.get("data") or {}).values())
    binary = sum(len(base64.b64decode(value)) for value in (obj.get("binaryData") or {}).values())
    if resource.kind == "Secret":
        plain = sum(len(base64.b64decode(value)) for value in (obj.get("data") or {}).values())
    if plain + binary > LIMIT:
        field = "data" if resource.kind == "Secret" else "[]"
        raise errors.invalid(resource, name, field, None, f"Too long: may not be more than {LIMIT} bytes")
    for key in [*(obj.get("data") or {}), *(obj.get("binaryData") or {})]:
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
            why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            raise errors.invalid(resource, name, f"data[{key}]", key, why)


def validate_update(resource: Resource, old: Object, new: Object) -> None:
    """A Job's template, selector and completions, and most of a pod, can not be changed."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    fields = ("template", "selector", "completions", "completionMode") if resource.kind == "Job" else ()
    for field in fields:
        if before.get(field) != after.get(field):
            shown = json.dumps(after.get(field), separators=(",", ":"))[:200]
            raise errors.invalid(resource, old["metadata"]["name"], f"spec.{field}", shown, "field is immutable")
    if resource.kind == "Pod" and before.get("containers") != after.get("containers"):
        name, why = old["metadata"]["name"], "Forbidden: pod updates may not change fields other than image"
        raise errors.invalid(resource, name, "spec", None, why)


def fill_in(resource: Resource, obj: Object) -> None:
    """The defaults that somebody looks at."""
    spec = obj.setdefault("spec", {}) if resource.kind in ("Pod", "Job", "Deployment", "Service") else {}
    match resource.kind:
        case "Pod":
            spec.setdefault("restartPolicy", "Always")
            spec.setdefault("terminationGracePeriodSeconds", 30)
            spec.setdefault("serviceAccountName", "default")
            obj["status"] = {"phase": "Pending", "qosClass": "Burstable"}
        case "Job":
            if spec.get("completions") is None and spec.get("parallelism") is None:
                spec["completions"] = 1
            for field, value in (("parallelism", 1), ("completionMode", "NonIndexed"), ("suspend", False)):
                spec.setdefault(field, value)
            if spec.get("backoffLimitPerIndex") is None:
                spec.setdefault("backoffLimit", 6)
            obj["status"] = {}
        case "Deployment":
            spec.setdefault("replicas", 1)
            obj["status"] = {}
        case "Service":
            spec.setdefault("type", "ClusterIP")
            if spec.get("clusterIP") != "None":
                spec["clusterIP"] = "127.0.0.1"
            obj["status"] = {"loadBalancer": {}}
        case "Secret":
            for key, value in (obj.pop("stringData", None) or {}).items():
                obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
            obj.setdefault("type", "Opaque")
        case "Namespace":
            obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
            obj["status"] = {"phase": "Active"}


def admit_pod(store: Store, resource: Resource, namespace: str, pod: Object) -> None:
    """The service account has to be there, and the quota of pods has to have room."""
    name = pod["metadata"].get("name") or pod["metadata"].get("generateName", "")
    account = pod["spec"].get("serviceAccountName", "default")
    if store.find("serviceaccounts", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise errors.forbidden(resource, name, why)
    used = sum(not is_terminal(other) for other in store.all("pods", namespace))
    for quota in store.all("resourcequotas", namespace):
        hard = quota["spec"].get("hard", {}).get("pods")
        if hard is not None and used + 1 > int(hard):
            counts = f"requested: pods=1, used: pods={used}, limited: pods={hard}"
            why = f"exceeded quota: {quota['metadata']['name']}, {counts}"
            raise errors.forbidden(resource, name, why)
