"""Which nodes a pod fits on, and the scheduler's words when there is none.

Looked at are unschedulable nodes, taints, node selectors, required node affinity, required pod anti-affinity, and the
requested CPU and memory.
"""

from __future__ import annotations

import collections
from typing import Any

from cluster_double.selecting import matches_labels
from cluster_double.store import Store, is_terminal

Object = dict[str, Any]
_UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_AFFINITY = "requiredDuringSchedulingIgnoredDuringExecution"


def quantity(text: object) -> float:
    """250m -> 0.25, 1Gi -> 1073741824."""
    word = str(text)
    unit = next((unit for unit in sorted(_UNITS, key=len, reverse=True) if word.endswith(unit)), "")
    return float(word.removesuffix(unit)) * _UNITS.get(unit, 1.0)


def choose(store: Store, pod: Object) -> tuple[str, str]:
    """The name of the node with the fewest pods that fits, and ""; or "" and why none fits."""
    nodes = store.all("nodes")
    pods = [other for other in store.all("pods") if other["spec"].get("nodeName") and not is_terminal(other)]
    reasons: collections.Counter[str] = collections.Counter()
    fitting = []
    for node in nodes:
        on_node = [other for other in pods if other["spec"]["nodeName"] == node["metadata"]["name"]]
        reason = _obstacle(node, on_node, pod)
        if reason:
            reasons[reason] += 1
        else:
            fitting.append((len(on_node), node["metadata"]["name"]))
    if fitting:
        return min(fitting)[1], ""
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    tail = f"preemption: 0/{len(nodes)} nodes are available: {len(nodes)} Preemption is not helpful for scheduling."
    return "", f"0/{len(nodes)} nodes are available: {listed}. {tail}"


def _obstacle(node: Object, on_node: list[Object], pod: Object) -> str:
    spec = pod["spec"]
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not _tolerated(taint, spec.get("tolerations") or ()):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    affinity = spec.get("affinity") or {}
    terms = ((affinity.get("nodeAffinity") or {}).get(_AFFINITY) or {}).get("nodeSelectorTerms")
    if not matches_labels(spec.get("nodeSelector") or {}, node) or (
        terms and not any(_matches(term, node) for term in terms)
    ):
        return "node(s) didn't match Pod's node affinity/selector"
    for term in (affinity.get("podAntiAffinity") or {}).get(_AFFINITY) or ():
        if any(_repels(term, other, pod) for other in on_node):
            return "node(s) didn't match pod anti-affinity rules"
    for resource in ("cpu", "memory"):
        room = quantity(node["status"]["allocatable"][resource])
        if sum(_requested(it, resource) for it in [*on_node, pod]) > room:
            return f"Insufficient {resource}"
    return ""


def _tolerated(taint: Object, tolerations: Any) -> bool:
    return any(
        it.get("key") in (None, "", taint["key"])
        and it.get("effect") in (None, "", taint["effect"])
        and (it.get("operator") == "Exists" or it.get("value", "") == taint.get("value", ""))
        for it in tolerations
    )


def _repels(term: Object, other: Object, pod: Object) -> bool:
    """Whether `other` may not be beside `pod`; every topology is taken for the node."""
    namespaces = term.get("namespaces") or ([] if "namespaceSelector" in term else [pod["metadata"]["namespace"]])
    here = not namespaces or other["metadata"]["namespace"] in namespaces
    return (
        here and other["metadata"]["uid"] != pod["metadata"]["uid"] and _matches(term.get("labelSelector") or {}, other)
    )


def _matches(selector: Object, obj: Object) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], expression.get("values") or ()
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[expression["operator"]]:
            return False
    return matches_labels(selector.get("matchLabels") or {}, obj)


def _requested(pod: Object, resource: str) -> float:
    wanted = [(it.get("resources") or {}) for it in pod["spec"]["containers"]]
    return sum(quantity((it.get("requests") or it.get("limits") or {}).get(resource, 0)) for it in wanted)
