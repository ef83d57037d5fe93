"""The kinds that the API server knows, and the discovery documents that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSION = "v1.35.0"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class Resource:
    """One kind of object: `name` is its plural, as in URLs and RBAC rules."""

    name: str
    kind: str
    group: str = ""
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    stored: bool = True

    @property
    def version(self) -> str:
        return "v1"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """The name in error messages: jobs.batch, pods."""
        return f"{self.name}.{self.group}" if self.group else self.name


_ALL = [
    Resource("pods", "Pod", short=("po",), subresources=("status", "log", "portforward", "eviction")),
    Resource("services", "Service", short=("svc",), subresources=("status",)),
    Resource("configmaps", "ConfigMap", short=("cm",)),
    Resource("secrets", "Secret"),
    Resource("serviceaccounts", "ServiceAccount", short=("sa",)),
    Resource("events", "Event", short=("ev",)),
    Resource("resourcequotas", "ResourceQuota", short=("quota",), subresources=("status",)),
    Resource("limitranges", "LimitRange", short=("limits",)),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",), subresources=("status",)),
    Resource("namespaces", "Namespace", namespaced=False, short=("ns",), subresources=("status",)),
    Resource("nodes", "Node", namespaced=False, short=("no",), subresources=("status",)),
    Resource("jobs", "Job", "batch", subresources=("status",)),
    Resource("cronjobs", "CronJob", "batch", short=("cj",), subresources=("status",)),
    Resource("deployments", "Deployment", "apps", short=("deploy",), subresources=("status", "scale")),
    Resource("replicasets", "ReplicaSet", "apps", short=("rs",), subresources=("status",)),
    Resource("statefulsets", "StatefulSet", "apps", short=("sts",), subresources=("status",)),
    Resource("daemonsets", "DaemonSet", "apps", short=("ds",), subresources=("status",)),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io", short=("netpol",)),
    Resource("ingresses", "Ingress", "networking.k8s.io", short=("ing",), subresources=("status",)),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", short=("pdb",), subresources=("status",)),
    Resource("roles", "Role", "rbac.authorization.k8s.io"),
    Resource("rolebindings", "RoleBinding", "rbac.authorization.k8s.io"),
    Resource("clusterroles", "ClusterRole", "rbac.authorization.k8s.io", namespaced=False),
    Resource("clusterrolebindings", "ClusterRoleBinding", "rbac.authorization.k8s.io", namespaced=False),
    Resource("selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", False, stored=False),
    Resource("selfsubjectrulesreviews", "SelfSubjectRulesReview", "authorization.k8s.io", False, stored=False),
    Resource("tokenreviews", "TokenReview", "authentication.k8s.io", False, stored=False),
    Resource("selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io", False, stored=False),
]

_IN_ALL = ("pods", "services", "jobs", "cronjobs", "deployments", "replicasets", "statefulsets", "daemonsets")

RESOURCES = {resource.name: resource for resource in _ALL}
KINDS = {resource.kind: resource for resource in _ALL}
GROUPS = sorted({resource.group for resource in _ALL} - {""})


def resource_of(kind: str) -> Resource:
    """By kind or plural name: `Pod` and `pods` are the same."""
    return KINDS.get(kind) or RESOURCES[kind]


def discovery(path: list[str]) -> dict[str, Any] | None:
    """The discovery document at a path, or None."""
    match path:
        case ["version"]:
            return {"major": "1", "minor": VERSION.split(".")[1], "gitVersion": VERSION, "platform": "linux/amd64"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}
        case ["apis", group] if group in GROUPS:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["api", "v1"]:
            return _resource_list("")
        case ["apis", group, "v1"] if group in GROUPS:
            return _resource_list(group)
        case ["openapi", "v3"]:
            urls = {"api/v1": "/openapi/v3/api/v1"} | {f"apis/{g}/v1": f"/openapi/v3/apis/{g}/v1" for g in GROUPS}
            return {"paths": {name: {"serverRelativeURL": f"{url}?hash=1"} for name, url in urls.items()}}
        case ["openapi", "v3", "api", "v1"]:
            return _openapi("")
        case ["openapi", "v3", "apis", group, "v1"] if group in GROUPS:
            return _openapi(group)
    return None


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource_list(group: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = []
    for resource in _ALL:
        if resource.group != group:
            continue
        about = {"singularName": resource.kind.lower(), "namespaced": resource.namespaced, "kind": resource.kind}
        verbs = VERBS if resource.stored else ["create"]
        listed.append({"name": resource.name, **about, "verbs": verbs, "shortNames": list(resource.short)})
        if resource.name in _IN_ALL:
            listed[-1]["categories"] = ["all"]
        for sub in resource.subresources:
            listed.append({"name": f"{resource.name}/{sub}", **about, "verbs": ["get", "patch", "update"]})
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


def _openapi(group: str) -> dict[str, Any]:
    """Only that the server validates fields itself, which is all that clients look for."""
    parameters = [{"name": name, "in": "query"} for name in ("dryRun", "fieldManager", "fieldValidation")]
    paths = {}
    for resource in _ALL:
        if resource.group == group:
            kind = {"group": group, "version": "v1", "kind": resource.kind}
            patch = {"x-kubernetes-group-version-kind": kind, "parameters": parameters, "responses": {}}
            prefix = f"/apis/{group}/v1" if group else "/api/v1"
            place = "/namespaces/{namespace}" if resource.namespaced else ""
            paths[f"{prefix}{place}/{resource.name}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": VERSION}, "paths": paths}
