"""The check of the restricted Pod Security Standard can fail: one counterexample for each of its rules, and more."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pod_security import PodSpec, violations

GOOD: PodSpec = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "initContainers": [
        {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
    ],
    "containers": [
        {
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "ports": [{"containerPort": 8089}],
            "readinessProbe": {"tcpSocket": {"port": 8089}},
        }
    ],
}

CONTAINER = ("containers", 0)
SECURITY = (*CONTAINER, "securityContext")
POD = ("securityContext",)

COUNTEREXAMPLES: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("HostProcess", (*POD, "windowsOptions"), {"hostProcess": True}),
    ("Host Namespaces", ("hostNetwork",), True),
    ("Host Namespaces", ("hostPID",), True),
    ("Host Namespaces", ("hostIPC",), True),
    ("Privileged Containers", (*SECURITY, "privileged"), True),
    ("Capabilities", (*SECURITY, "capabilities"), {}),
    ("Capabilities", (*SECURITY, "capabilities"), {"drop": ["ALL"], "add": ["NET_RAW"]}),
    ("Capabilities", ("initContainers", 0, "securityContext", "capabilities"), {"drop": ["NET_RAW"]}),
    ("Volume Types", ("volumes",), [{"name": "node", "hostPath": {"path": "/"}}]),
    ("Volume Types", ("volumes",), [{"name": "share", "nfs": {"server": "a", "path": "/"}}]),
    ("Host Ports", (*CONTAINER, "ports"), [{"containerPort": 8089, "hostPort": 8089}]),
    ("Host Probes", (*CONTAINER, "readinessProbe"), {"httpGet": {"port": 80, "host": "169.254.169.254"}}),
    ("Host Probes", (*CONTAINER, "lifecycle"), {"preStop": {"tcpSocket": {"port": 80, "host": "10.0.0.1"}}}),
    ("AppArmor", (*POD, "appArmorProfile"), {"type": "Unconfined"}),
    ("SELinux", (*SECURITY, "seLinuxOptions"), {"type": "spc_t"}),
    ("SELinux", (*POD, "seLinuxOptions"), {"user": "system_u"}),
    ("/proc Mount Type", (*SECURITY, "procMount"), "Unmasked"),
    ("Sysctls", (*POD, "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
    ("Privilege Escalation", (*SECURITY, "allowPrivilegeEscalation"), True),
    ("Privilege Escalation", SECURITY, {"capabilities": {"drop": ["ALL"]}}),
    ("Running as Non-root", (*POD, "runAsNonRoot"), None),
    ("Running as Non-root", (*SECURITY, "runAsNonRoot"), False),
    ("Running as Non-root user", (*POD, "runAsUser"), 0),
    ("Running as Non-root user", (*SECURITY, "runAsUser"), 0),
    ("Seccomp", (*POD, "seccompProfile"), {"type": "Unconfined"}),
    ("Seccomp", (*SECURITY, "seccompProfile"), {"type": "Unconfined"}),
    ("Seccomp", POD, {"runAsNonRoot": True}),
]


def test_a_restricted_pod_breaks_no_rule() -> None:
    assert violations(GOOD) == set()


@pytest.mark.parametrize(("rule", "path", "value"), COUNTEREXAMPLES)
def test_each_rule_can_be_broken(rule: str, path: tuple[str | int, ...], value: Any) -> None:
    spec = copy.deepcopy(GOOD)
    place: Any = spec
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert violations(spec) == {rule}


def test_the_old_annotation_of_apparmor_counts() -> None:
    prefix = "container.apparmor.security.beta.kubernetes.io/locust"
    assert violations(GOOD, {prefix: "unconfined"}) == {"AppArmor"}
    assert violations(GOOD, {prefix: "runtime/default"}) == set()
