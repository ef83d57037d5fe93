"""A Kubernetes cluster for tests: an API server on loopback, its controllers, and pods that are real processes.

``with Cluster("load") as cluster:`` serves helm, kubectl and kr8s over plain HTTP; ``cluster.kubeconfig(path, "load")``
is how they find it. ``cluster.objects("Pod", "load")`` is the state, ``cluster.calls`` what has been asked for, in
RBAC's terms. What goes wrong is ordered with the methods of `Cluster`.

What differs from a real cluster: all pods share the machine's loopback (every Service's name is 127.0.0.1, and ports
are those that the processes listen on), run as root, and have this environment as their image; resource limits and
network policies are not enforced; a Deployment has its pods without a ReplicaSet; only readiness probes by TCP and HTTP
are asked; clients get JSON, never protobuf or tables, and kubectl cannot forward ports (kr8s can).
"""

from cluster_double.cluster import Cluster, write_kubeconfig
from cluster_double.faults import Fault, Staged
from cluster_double.rbac import Call, allows

__all__ = ["Call", "Cluster", "Fault", "Staged", "allows", "cannot_run_pods", "write_kubeconfig"]


def cannot_run_pods() -> str:
    """Why this machine cannot run the cluster's pods; empty when it can."""
    import os
    import subprocess
    import sys

    if sys.platform != "linux" or os.geteuid() != 0:
        return "pods need Linux namespaces, and root to make them"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    return "" if tried.returncode == 0 else f"no namespaces can be made here: {tried.stderr.strip()}"
