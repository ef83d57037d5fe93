"""Several regions as one launcher: a swarm in each context, brought up together or not at all."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loadlab.errors import LoadlabError, SpecError
from loadlab.launch.cluster import Cluster
from loadlab.launch.kubernetes import KubernetesLauncher, Plan, tell
from loadlab.launch.kubernetes_swarm import KubernetesSwarm
from loadlab.launch.regions_swarm import RegionsSwarm
from loadlab.launch.together import do_together
from loadlab.launch.uninterrupted import uninterrupted
from loadlab.spec import KubernetesOptions, LoadTest, divide_test

REMOVING = "what was installed is being removed from every region"


def make_kubernetes_launcher(options: KubernetesOptions) -> KubernetesLauncher | RegionsLauncher:
    """The launcher for one context, or for several regions."""
    return RegionsLauncher(options) if len(options.context) > 1 else KubernetesLauncher(options)


class RegionsLauncher:
    """Installs a release in each of the contexts that `options` name; each is a region and plays a part of the test.

    `regions` holds a launcher each, in the order of the contexts.
    """

    name = "kubernetes"

    def __init__(self, options: KubernetesOptions, *, on_wait: Callable[[str], None] | None = None) -> None:
        self.options = options
        say = on_wait or tell

        def say_of(region: str, text: str) -> None:
            say(f"{region}: {text}")

        self.regions = {
            region: KubernetesLauncher(options.in_context(region), on_wait=partial(say_of, region))
            for region in options.context
        }

    def describe(self, test: LoadTest) -> str:
        """See `Launcher.describe`; for each region its part of the test."""
        parts = divide_test(test, list(self.regions))
        told = [f"{region}: {parts[region].describe()}" for region in parts]
        return "\n".join([*told, *(each.describe(parts[region]) for region, each in self.regions.items())])

    def launch(
        self,
        test: LoadTest,
        *,
        run_id: str,
        folder: Path,
        meanwhile: Callable[[], object] | None = None,
        given_up: threading.Event | None = None,
    ) -> RegionsSwarm:
        """See `Launcher.launch`; raises what KubernetesLauncher raises, beginning with the region's name.

        Every region is asked before anything is installed in one. When one does not come up, the others are removed.
        """
        parts = divide_test(test, list(self.regions))
        prepared: dict[str, tuple[Plan, KubernetesSwarm]] = {}
        try:
            for region, launcher in self.regions.items():
                logs = folder / "logs" / re.sub(r"[^\w.-]", "_", region)
                with _named(region):
                    prepared[region] = launcher.prepare(parts[region], run_id=run_id, logs=logs, whole=test)
            _check_places({region: swarm.cluster for region, (_, swarm) in prepared.items()})
        except BaseException:
            for _, swarm in prepared.values():
                swarm.cluster.close()
            raise
        swarms = {region: swarm for region, (_, swarm) in prepared.items()}

        def bring_up(region: str) -> None:
            plan, swarm = prepared[region]
            with _named(region):
                self.regions[region].bring_up(plan, swarm)

        given_up = given_up or threading.Event()
        for each in swarms.values():
            each.given_up = given_up

        try:
            do_together(
                {region: partial(bring_up, region) for region in swarms},
                meanwhile=meanwhile,
                on_failure=given_up.set,
                doing=REMOVING,
            )
        except BaseException:
            uninterrupted(lambda: do_together({name: each.close for name, each in swarms.items()}), REMOVING)
            raise
        return RegionsSwarm(test, swarms, self.options)


def _check_places(clusters: dict[str, Cluster]) -> None:
    """Raise SpecError when two contexts lead to the same place, where only one release of a run can be."""
    places: dict[tuple[str, str], str] = {}
    for region, cluster in clusters.items():
        other = places.setdefault((cluster.server, cluster.namespace), region)
        if other != region:
            allowed = f"one context a cluster: both lead to namespace {cluster.namespace} of {cluster.server}"
            raise SpecError("context", f"{other}, {region}", allowed)


@contextmanager
def _named(region: str) -> Iterator[None]:
    """Put the region's name before the message of an error that leaves the block."""
    try:
        yield
    except LoadlabError as error:
        error.args = (f"{region}: {error}", *error.args[1:])
        raise
