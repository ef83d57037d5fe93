"""Runs on Kubernetes when something goes wrong: in the cluster, with the API, with the owner."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster_double import Cluster
from load_cluster import NAMESPACE, launcher, load_cluster
from locust_left import until

import loadlab
from loadlab import clusters
from loadlab.demo import Storefront
from loadlab.errors import ClusterRefused, ClusterUnreachable, HelmFailed, LaunchError, LaunchTimeout, SpecError
from loadlab.launch.rbac import OWN_RULES, RELEASE_RULES

MakeTest = Callable[..., loadlab.LoadTest]
WORKERS = "component=worker"
COMPATIBLE = Path(__file__).parents[1] / "launch" / "compatible_chart"

OWNER = """
import json, sys
sys.path[:0] = sys.argv[3:]
import loadlab
from load_cluster import launcher
loadlab.run(loadlab.LoadTest.from_dict(json.loads(sys.argv[1])), runs=sys.argv[2], launcher=launcher())
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with load_cluster(tmp_path, monkeypatch) as cluster:
        yield cluster


@pytest.fixture
def load(make_test: MakeTest, cluster: Cluster, tmp_path: Path) -> Callable[..., loadlab.LiveRun]:
    """Starts a test of five minutes on the cluster; returns when its load has begun."""

    def start(options: dict[str, Any] | None = None, **changes: Any) -> loadlab.LiveRun:
        test = make_test(**{"run_time": 300, "users": 6, **changes})
        live = loadlab.start(test, runs=tmp_path / "runs", launcher=launcher(**(options or {})))
        live.swarm  # noqa: B018 - waits until it is there
        return live

    return start


def what_is_there(cluster: Cluster) -> list[str]:
    kinds = ("pods", "jobs", "deployments", "services", "configmaps", "secrets", "serviceaccounts", "networkpolicies")
    return [
        f"{kind}/{each['metadata']['name']}"
        for kind in kinds
        for each in cluster.objects(kind, NAMESPACE)
        if each["metadata"]["name"] != "default"
    ]


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (lambda cluster: cluster.image_missing(), "is the image's name right"),
        (lambda cluster: cluster.quota(NAMESPACE, 1), "exceeded quota"),
        (lambda cluster: cluster.crash(WORKERS, lines=("OSError: staged",)), "OSError: staged"),
    ],
)
def test_what_waiting_does_not_mend_ends_it_at_once_and_leaves_nothing(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun], tmp_path: Path, stage: Callable[[Cluster], Any], said: str
) -> None:
    stage(cluster)
    with pytest.raises(LaunchError, match=said) as failed:
        load({"ready_timeout": "180s"})
    assert not isinstance(failed.value, LaunchTimeout)
    assert what_is_there(cluster) == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_pods_without_a_node_are_waited_for_and_the_reason_is_told(
    cluster: Cluster, make_test: MakeTest, tmp_path: Path
) -> None:
    told: list[str] = []
    place = launcher(ready_timeout="4s")
    place._on_wait = told.append
    with cluster.unschedulable(WORKERS), pytest.raises(LaunchTimeout, match="0/3 nodes are available"):
        loadlab.run(make_test(), runs=tmp_path / "runs", launcher=place)
    assert any("Unschedulable" in text and "0/3 nodes" in text for text in told)
    assert what_is_there(cluster) == []


def test_a_node_that_comes_late_is_taken(
    cluster: Cluster, make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    staged = cluster.unschedulable(WORKERS)
    place = launcher()
    place._on_wait = lambda text: staged.end() if "Unschedulable" in text else None
    run = loadlab.run(make_test(run_time=2), runs=tmp_path / "runs", launcher=place)
    assert run.conservation["sent"] == shop.counts()["total"]["received"] > 0


def test_another_chart_with_the_same_keys_will_do(
    cluster: Cluster, make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    place = loadlab.make_launcher("kubernetes", chart=str(COMPATIBLE))
    run = loadlab.run(make_test(run_time=2), runs=tmp_path / "runs", launcher=place)
    assert run.conservation["sent"] == shop.counts()["total"]["received"] > 0
    assert run.info["kubernetes"]["chart"] == str(COMPATIBLE)
    assert what_is_there(cluster) == []


def test_an_evicted_worker_is_replaced_and_what_it_took_is_told(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun], shop: Storefront
) -> None:
    live = load()
    until(lambda: live.tables.rows("requests") > 6)
    victim = next(pod for pod in live.swarm.pods("worker"))["metadata"]["name"]
    cluster.evict(NAMESPACE, victim)
    until(lambda: (live.tables.frame("events")["kind"] == "worker_joined").sum() >= 3)
    live.stop()
    run = live.wait()
    assert what_is_there(cluster) == []
    parts = run.conservation
    assert parts["sent"] == sum(count for name, count in parts.items() if name != "sent")
    assert parts["ok"] + parts["failed"] <= shop.counts()["total"]["received"]


def test_a_broken_port_forward_costs_nothing(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun], shop: Storefront
) -> None:
    live = load()
    for _ in range(3):
        rows = live.tables.rows("requests")
        until(lambda rows=rows: live.tables.rows("requests") > rows + 2)
        assert cluster.drop_port_forwards(refuse_s=1.0) > 0
    live.stop()
    run = live.wait()
    assert run.conservation["sent"] == shop.counts()["total"]["received"]
    assert run.conservation["lost"] == 0
    assert run.info["end_reason"] == "stopped"


def test_a_killed_master_ends_the_run_and_everything_is_removed(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun]
) -> None:
    live = load()
    until(lambda: live.tables.rows("requests") > 6)
    cluster.kill(NAMESPACE, live.swarm.pods("master")[0]["metadata"]["name"])
    run = live.wait()
    assert run.info["end_reason"] == "master_lost"
    assert run.validity.status == "invalid"
    assert run.requests["count"].sum() > 0
    assert what_is_there(cluster) == []


def test_an_api_server_that_fails_now_and_then_is_asked_again(
    cluster: Cluster, make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    for status in (500, 503, 429):
        cluster.fail("GET", "/pods", status)
    cluster.fail("DELETE", "/configmaps", 500)
    cluster.fail("POST", "/configmaps", 429)
    run = loadlab.run(make_test(run_time=2), runs=tmp_path / "runs", launcher=launcher())
    assert run.conservation["sent"] == shop.counts()["total"]["received"] > 0
    assert what_is_there(cluster) == []


def test_a_missing_permission_is_named(cluster: Cluster, load: Callable[..., loadlab.LiveRun]) -> None:
    cluster.rules = [rule for rule in (*OWN_RULES, *RELEASE_RULES) if "configmaps" not in rule["resources"]]
    with pytest.raises(ClusterRefused, match=r"(?s)configmaps.*is forbidden.*loadlab rbac"):
        load()
    cluster.rules = [
        rule if "jobs" not in rule["resources"] else {**rule, "verbs": ["get", "list"]}
        for rule in (*OWN_RULES, *RELEASE_RULES)
    ]
    with pytest.raises(HelmFailed, match=r"(?s)jobs.*forbidden"):
        load()
    cluster.rules = None
    clusters_left = [each["metadata"]["name"] for each in cluster.objects("pods", NAMESPACE)]
    assert clusters_left == []


VISITOR = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        self.client.get("/")
"""


@dataclass
class Recorded:
    """A plain run under loadlab's own Role, with everything that was asked of the API meanwhile."""

    helm_major: int
    run: loadlab.Run
    received: int
    calls: set[tuple[str, str, str]]


@pytest.fixture(scope="module", params=[3, 4])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("role")
    (folder / "browse.py").write_text(VISITOR)
    with (
        pytest.MonkeyPatch.context() as patch,
        load_cluster(folder, patch, helm_major=request.param) as cluster,
        Storefront(service_time=0.002, concurrency=64) as shop,
    ):
        cluster.rules = [*OWN_RULES, *RELEASE_RULES]
        fields = {"users": 6, "spawn_rate": 20, "run_time": 2, "workers": 2, "environment": {"API_KEY": "hush-hush"}}
        test = loadlab.LoadTest(locustfile=folder / "browse.py", host=shop.url, **fields)
        run = loadlab.run(test, runs=folder / "runs", launcher=launcher(owner="ana"))
        assert clusters.swarms().empty
        assert what_is_there(cluster) == []
        calls = {
            (call.group, f"{call.resource}/{call.subresource}".rstrip("/"), call.verb)
            for call in cluster.calls
            if call.namespace
        }
        yield Recorded(request.param, run, shop.counts()["total"]["received"], calls)


def test_the_role_is_enough(recorded: Recorded) -> None:
    assert recorded.run.conservation["sent"] == recorded.received > 0
    allowed = {
        (group, resource, verb)
        for rule in (*OWN_RULES, *RELEASE_RULES)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert recorded.calls <= allowed
    unused = allowed - recorded.calls
    assert {resource for _, resource, _ in unused} <= UNUSED_BY_ONE[recorded.helm_major], sorted(unused)


def test_run_json_tells_how_it_was_installed_and_no_secret(recorded: Recorded) -> None:
    run = recorded.run
    told = run.info["kubernetes"]
    assert told["namespace"] == NAMESPACE
    assert told["helm_values"]["worker"]["replicas"] == 2
    assert told["helm"].startswith(f"v{recorded.helm_major}.")
    assert "--launcher kubernetes" in run.info["command"]
    assert "--owner ana" in run.info["command"]
    everything = "".join(path.read_text(errors="replace") for path in run.path.rglob("*.json"))
    assert "hush-hush" not in everything
    assert "LOADLAB_TOKEN" in everything


UNUSED_BY_ONE = {
    3: {"pods", "pods/portforward", "secrets", "serviceaccounts", "services", "jobs", "networkpolicies"},
    4: {"pods", "pods/portforward", "secrets"},
}
"""What one version of helm, or of the API, does without while the other needs it. A pod is deleted when it is slow."""


def test_a_killed_owner_leaves_a_load_that_ends_and_objects_that_are_collected(
    cluster: Cluster, make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    test = make_test(run_time=300, lease=5, stop_timeout=1)
    command = [sys.executable, "-c", OWNER, json.dumps(test.to_dict()), str(tmp_path / "runs")]
    command += [str(Path(__file__).parents[1])]
    owner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: owner.poll() is not None or shop.counts()["total"]["received"] > 50)
        assert owner.poll() is None, owner.stderr.read()  # type: ignore[union-attr]
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()

    def is_over() -> bool:
        return all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in cluster.objects("pods", NAMESPACE))

    until(is_over)
    received = shop.counts()["total"]["received"]
    (row,) = clusters.swarms().to_dict("records")
    assert (row["pods"], row["namespace"]) == (0, NAMESPACE)
    assert clusters.swarms(namespace="default").empty
    assert list(clusters.swarms(namespace="default", everywhere=True)["run_id"]) == [row["run_id"]]
    assert not row["expired"]
    with clusters.open_cluster() as connection:
        until(lambda: [each.run_id for each in clusters.find_orphans(connection)] == [row["run_id"]])  # its Jobs end
        found = clusters.find_swarm(connection, row["run_id"][:10])
        assert clusters.remove_swarms(connection, [found]) == {}
    assert what_is_there(cluster) == []
    assert shop.counts()["total"]["received"] == received


def test_an_expired_swarm_is_an_orphan(cluster: Cluster, load: Callable[..., loadlab.LiveRun]) -> None:
    live = load()
    with clusters.open_cluster() as connection:
        assert clusters.find_orphans(connection) == []
        for kind in ("configmaps", "jobs"):
            for each in cluster.objects(kind, NAMESPACE):
                cluster.store.change(
                    each, lambda it: it["metadata"]["labels"].update({"loadlab.dev/expires": "20200101T000000Z"})
                )
        orphans = clusters.find_orphans(connection)
        assert [each.run_id for each in orphans] == [live.id]
        assert clusters.remove_swarms(connection, orphans) == {}
    assert what_is_there(cluster) == []
    assert live.wait().info["end_reason"] in ("quit", "master_lost")  # whether its last words came through


def test_the_same_host_is_loaded_once(cluster: Cluster, load: Callable[..., loadlab.LiveRun], shop: Storefront) -> None:
    live = load({"owner": "ana"})
    with pytest.raises(SpecError, match=f"{live.id} of ana does"):
        load()
    other = load({"alongside": True})
    for each in (live, other):
        each.stop()
        each.wait()
    assert what_is_there(cluster) == []


def test_guard_rails_are_asked_before_anything_is_created(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match=r"namespace.*guard rails"):
        load({"namespace": "default"})
    (tmp_path / "guard.yaml").write_text("contexts: ['*']\nnamespaces: ['*']\ntargets: ['*']\nmax_users: 5\n")
    with pytest.raises(SpecError, match="users: got 6; allowed: 5 at most"):
        load()
    monkeypatch.delenv("LOADLAB_GUARD")
    monkeypatch.chdir(tmp_path / "runs")
    with pytest.raises(SpecError, match="no guard rails"):
        load()
    assert not any(call.verb in ("create", "patch", "update", "delete") for call in cluster.calls)


def test_guard_rails_hold_for_users_that_are_added(cluster: Cluster, make_test: MakeTest, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text("contexts: ['*']\nnamespaces: ['*']\ntargets: ['*']\nmax_users: 10\n")
    _, swarm = launcher().prepare(make_test(users=10), run_id="r20261124-120000-ab12", logs=tmp_path / "logs")
    try:
        with pytest.raises(SpecError, match="users: got 11; allowed: 10 at most"):
            swarm.set_users(11, 1)
    finally:
        swarm.cluster.close()


def test_no_helm_and_no_cluster_are_told(
    cluster: Cluster, load: Callable[..., loadlab.LiveRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClusterUnreachable, match="nowhere"):
        load({"context": "nowhere"})
    monkeypatch.delenv("LOADLAB_HELM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HelmFailed, match="helm is not on PATH"):
        load()
