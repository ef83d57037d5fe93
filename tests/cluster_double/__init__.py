"""A Kubernetes cluster for tests: an API server on loopback, its controllers, and pods that are real processes.

``with Cluster() as cluster:`` serves helm, kubectl and kr8s over plain HTTP; ``cluster.kubeconfig(path)`` is how they
find it. See `cluster_double.cluster.Cluster` for staging and faults.
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
