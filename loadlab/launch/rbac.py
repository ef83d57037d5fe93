"""What loadlab may do in a cluster: a Role that allows exactly the calls that it and helm make."""

from __future__ import annotations

from typing import Any

OWN_RULES: tuple[dict[str, list[str]], ...] = (
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete", "list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create", "get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
)
"""What loadlab asks for itself. A port-forward over a websocket is a "get", which newer clusters check as "create"."""

RELEASE_RULES: tuple[dict[str, list[str]], ...] = (
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "verbs": ["create", "delete", "get", "list", "patch", "update"],
    },
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts", "services"],
        "verbs": ["create", "delete", "get", "list", "patch"],
    },
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "patch"]},
    {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["networkpolicies"],
        "verbs": ["create", "delete", "get", "list", "patch"],
    },
)
"""What helm asks for to install and remove loadlab's own chart, and loadlab to see that nothing of it is left."""


def role_manifests(name: str, namespace: str, service_account: str = "", user: str = "") -> list[dict[str, Any]]:
    """A Role with all rules, and a RoleBinding to a ServiceAccount of the namespace, to a user, or to both."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "loadlab"}}
    subjects: list[dict[str, str]] = []
    if service_account:
        subjects.append({"kind": "ServiceAccount", "name": service_account, "namespace": namespace})
    if user:
        subjects.append({"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"})
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [dict(rule) for rule in (*OWN_RULES, *RELEASE_RULES)],
    }
    if not subjects:
        return [role]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
    }
    return [role, binding]
