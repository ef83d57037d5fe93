"""What Kubernetes adds: the time to the first request, and the age of a second that came through a port-forward.

There is no cluster here: the one of the tests stands for it, in this process. Its API server, scheduler and kubelet
answer at once, and its pods are real processes with the chart's own command, environment and files. So this is what
loadlab, helm and the readiness probe take; pulling images and a busy cluster come on top. Without the rights to make
namespaces for the pods, nothing is measured.

The start is from the call of `loadlab.start` to the first request that the target sees, with two workers, against the
local launcher, in turns; the result is the ratio of the medians with its 95 % interval. The lag is that of
`benchmarks.lag`.

    python -m benchmarks.kubernetes
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.lag import lag_outcome, measure_lags
from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT
from benchmarks.ratio import ratio_of_medians
from benchmarks.start import LOCUSTFILE, Target

NAMESPACE = "load"


def measure(quick: bool = False) -> list[Outcome]:
    """The ratio of the starts, and the lag through the port-forward."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        why_not = _cannot_run_pods()
        if why_not:
            return [Outcome("kubernetes", "not measured", note=why_not)]
        stack.enter_context(_cluster(Path(name)))
        return [_start_outcome(Path(name), 1 if quick else 7), _lag_outcome(15 if quick else 60)]


def _cannot_run_pods() -> str:
    """Why there are no pods here; empty where they can run. Makes the tests' cluster importable."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    try:
        from cluster_double import cannot_run_pods
    except ImportError as error:
        return f"the tests' dependencies are missing: {error}"
    return cannot_run_pods()


@contextlib.contextmanager
def _cluster(folder: Path) -> Iterator[None]:
    """A cluster that this process's KUBECONFIG leads to, and guard rails that allow loading this machine."""
    from cluster_double import Cluster
    from helm_tools import helm

    with Cluster(NAMESPACE) as cluster:
        guard = folder / "guard.yaml"
        guard.write_text(f"{{contexts: [{cluster.name}], namespaces: [{NAMESPACE}], targets: ['http://127.0.0.1:*']}}")
        own = {
            "KUBECONFIG": str(cluster.kubeconfig(folder / "kubeconfig", NAMESPACE)),
            "LOADLAB_GUARD": str(guard),
            "LOADLAB_HELM": str(helm()),
        }
        own |= {f"HELM_{name}_HOME": str(folder / f"helm-{name.lower()}") for name in ("CACHE", "CONFIG", "DATA")}
        before = {name: os.environ.get(name) for name in own}
        os.environ.update(own)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _launcher() -> Any:
    """The Kubernetes launcher for one run, on free ports: pods share the loopback of this machine."""
    from loadlab.launch.kubernetes import KubernetesLauncher
    from loadlab.launch.processes import free_ports
    from loadlab.spec import KubernetesOptions

    web, master = free_ports(2)
    options = KubernetesOptions(set=[f"service.port={web}", f"loadlab.masterPort={master}"])
    return KubernetesLauncher(options, on_wait=lambda text: None)


def _start_outcome(folder: Path, turns: int) -> Outcome:
    found: dict[str, list[float]] = {"local": [], "kubernetes": []}
    target = Target()
    try:
        for number in range(turns):
            for name in found if number % 2 == 0 else reversed(found):
                found[name].append(_seconds_to_first_request(name, target, folder))
    finally:
        target.close()
    ratio = ratio_of_medians(found["kubernetes"], found["local"])
    note = (
        f"{median(found['kubernetes']):.2f} s against {median(found['local']):.2f} s, medians of {turns} turns, two "
        "workers; images are there and nodes are free"
    )
    return Outcome("kubernetes: start, against local", str(ratio), note=note)


def _seconds_to_first_request(name: str, target: Target, folder: Path) -> float:
    import loadlab

    test = loadlab.LoadTest(locustfile=LOCUSTFILE, host=target.url, users=1, run_time=1, workers=2)
    launcher = _launcher() if name == "kubernetes" else "local"
    target.first_request = None
    began = time.monotonic()
    loadlab.start(test, runs=folder / "runs", launcher=launcher).wait()
    if target.first_request is None:
        raise RuntimeError(f"the target saw no request of the {name} launcher")
    return target.first_request - began


def _lag_outcome(seconds: int) -> Outcome:
    return lag_outcome("kubernetes: second's end to pandas", measure_lags(seconds, _launcher()))


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
