"""The "restricted" Pod Security Standard, as rules.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists them: baseline first, restricted after it.
"""

from __future__ import annotations

from typing import Any

PodSpec = dict[str, Any]

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SECCOMP_TYPES = {"RuntimeDefault", "Localhost"}
APPARMOR_TYPES = {None, "RuntimeDefault", "Localhost"}


def violations(spec: PodSpec, annotations: dict[str, str] | None = None) -> set[str]:
    """The rules that a pod breaks, by the names that the standard gives its controls."""
    pod = spec.get("securityContext") or {}
    everyone = [
        container
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for container in spec.get(kind) or []
    ]
    contexts = [container.get("securityContext") or {} for container in everyone]
    all_contexts = [pod, *contexts]
    ports = [port for container in everyone for port in container.get("ports") or []]
    probes = [
        handler
        for container in everyone
        for handler in (
            *(container.get(name) or {} for name in ("livenessProbe", "readinessProbe", "startupProbe")),
            *((container.get("lifecycle") or {}).values()),
        )
    ]
    broken = {
        "HostProcess": any((context.get("windowsOptions") or {}).get("hostProcess") for context in all_contexts),
        "Host Namespaces": any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        "Privileged Containers": any(context.get("privileged") for context in contexts),
        "Capabilities": not all(_drops_all(context) for context in contexts),
        "Volume Types": any(not (set(volume) - {"name"}) <= VOLUMES for volume in spec.get("volumes") or []),
        "Host Ports": any(port.get("hostPort") for port in ports),
        "Host Probes": any((probe.get(how) or {}).get("host") for probe in probes for how in ("httpGet", "tcpSocket")),
        "AppArmor": any((c.get("appArmorProfile") or {}).get("type") not in APPARMOR_TYPES for c in all_contexts)
        or any(
            key.startswith("container.apparmor.security.beta.kubernetes.io/")
            and value != "runtime/default"
            and not value.startswith("localhost/")
            for key, value in (annotations or {}).items()
        ),
        "SELinux": any(not _selinux_is_fine(context.get("seLinuxOptions") or {}) for context in all_contexts),
        "/proc Mount Type": any(context.get("procMount") not in (None, "Default") for context in contexts),
        "Sysctls": any(entry["name"] not in SYSCTLS for entry in pod.get("sysctls") or []),
        "Privilege Escalation": any(context.get("allowPrivilegeEscalation") is not False for context in contexts),
        "Running as Non-root": not all(_own_or_pods(context, pod, "runAsNonRoot") is True for context in contexts),
        "Running as Non-root user": any(context.get("runAsUser") == 0 for context in all_contexts),
        "Seccomp": not all(
            (_own_or_pods(context, pod, "seccompProfile") or {}).get("type") in SECCOMP_TYPES for context in contexts
        ),
    }
    return {rule for rule, is_broken in broken.items() if is_broken}


def _own_or_pods(context: dict[str, Any], pod: dict[str, Any], name: str) -> Any:
    return context[name] if name in context else pod.get(name)


def _drops_all(context: dict[str, Any]) -> bool:
    capabilities = context.get("capabilities") or {}
    return "ALL" in (capabilities.get("drop") or []) and set(capabilities.get("add") or []) <= {"NET_BIND_SERVICE"}


def _selinux_is_fine(options: dict[str, Any]) -> bool:
    return options.get("type") in SELINUX_TYPES and not options.get("user") and not options.get("role")
