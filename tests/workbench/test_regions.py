"""One test from several clusters: real Locust pods of two cluster doubles against one shop."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from cluster_double import Cluster
from load_cluster import NAMESPACE, end_cluster, load_clusters, regions_launcher
from locust_left import until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import LaunchError, SpecError
from loadlab.stream import RecordStream, merged

PACED = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        self.client.get("/")
"""
AHEAD_S = 30


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Cluster]]:
    with load_clusters(tmp_path, monkeypatch, "eu", "us") as clusters:
        yield clusters


@pytest.fixture
def make_regions_test(tmp_path: Path, shop: Storefront) -> Callable[..., loadlab.LoadTest]:
    (tmp_path / "paced.py").write_text(PACED)

    def make(**changes: Any) -> loadlab.LoadTest:
        fields = {"users": 7, "spawn_rate": 20, "run_time": 4, "workers": 3, "host": shop.url}
        return loadlab.LoadTest(locustfile=tmp_path / "paced.py", **{**fields, **changes})

    return make


def received(shop: Storefront) -> int:
    return int(shop.counts()["total"]["received"])


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[RecordStream]:
    """What the regions are read by, in their order: with patience, for the machine may be busy."""
    made: list[RecordStream] = []

    def make(url: str, token: str) -> RecordStream:
        made.append(RecordStream(url, token, patience_s=60.0))
        return made[-1]

    monkeypatch.setattr(merged, "RecordStream", make)
    return made


class Ending(threading.Thread):
    """Ends the last `count` clusters once the load of every region is recorded; they are lost after three seconds.

    `ended` is the time at which the last of them had ended.
    """

    def __init__(
        self, live: loadlab.LiveRun, clusters: dict[str, Cluster], streams: list[RecordStream], *, count: int
    ) -> None:
        super().__init__()
        self.live, self.clusters, self.streams, self.count = live, list(clusters.values()), streams, count
        self.ended = 0.0
        self.start()

    def run(self) -> None:
        until(lambda: set(self.live.tables.frame("requests")["region"]) == {"eu", "us"})
        for stream in self.streams[-self.count :]:
            stream._patience_s = 3.0
        for cluster in self.clusters[-self.count :]:
            end_cluster(cluster)
        self.ended = time.time()


def left(cluster: Cluster) -> list[str]:
    kinds = ("pods", "jobs", "configmaps", "secrets", "services", "networkpolicies")
    return [f"{kind}/{each['metadata']['name']}" for kind in kinds for each in cluster.objects(kind, NAMESPACE)]


def test_two_regions_are_one_run_with_its_clocks_put_right(
    clusters: dict[str, Cluster], make_regions_test: Any, shop: Storefront, tmp_path: Path
) -> None:
    ahead = {"us": [f"loadtest.environment.LOADLAB_AGENT_CLOCK_SHIFT_S={AHEAD_S}"]}
    run = loadlab.run(make_regions_test(), runs=tmp_path / "runs", launcher=regions_launcher(*clusters, settings=ahead))
    assert {name: left(cluster) for name, cluster in clusters.items()} == {"eu": [], "us": []}
    assert run.requests["count"].sum() == received(shop) == run.conservation["sent"]
    assert run.conservation["lost"] == 0
    assert run.regions == ["eu", "us"]

    by_region = run.summary(by="region").set_index("region")
    assert list(by_region.index) == ["eu", "us", "Aggregated"]
    assert by_region["count"]["eu"] + by_region["count"]["us"] == by_region["count"]["Aggregated"]
    users = run.users.groupby(["region", "time"], observed=True)["users"].sum()
    assert users.groupby("region", observed=True).max().to_dict() == {"eu": 4, "us": 3}
    seconds = run.requests.groupby("region", observed=True)["time"].agg(["min", "max"])
    starts = run.events[run.events["kind"] == "test_start"].set_index("region")["time"]
    slow = run.exemplars.groupby("region", observed=True)["time"].min()
    for times in (seconds["min"], seconds["max"], starts, slow):  # one clock; how long a busy machine takes is another
        assert abs((times["us"] - times["eu"]).total_seconds()) < AHEAD_S / 3
    clock = run.info["regions"]["us"]
    assert clock["clock_offset_ms"] == pytest.approx(-1000 * AHEAD_S, abs=clock["clock_error_ms"] + 20)
    (told,) = run.events.loc[run.events["text"].str.contains("clock of us"), "text"]
    assert re.fullmatch(r"the clock of us is (29\.9|30\.[01]) s ahead of that of eu; it was put right", told)

    assert len(run.stages()) == 1
    assert run.stages()["users"].tolist() == [7]
    assert 3 < (run.duration_s or 0) < 4 + AHEAD_S / 3
    assert run.timeline(by="region").groupby("region", observed=True)["count"].sum()["eu"] == by_region["count"]["eu"]
    assert "What came from each region" in run.report_text()
    assert 'id="regions"' in Path(run.report()).read_text()
    assert sorted(path.name for path in (run.path / "logs").iterdir()) == ["eu", "us"]
    assert (run.path / "logs" / "us" / "master.log").exists()
    kubernetes = run.info["kubernetes"]
    assert [kubernetes["regions"][name]["users"] for name in clusters] == [4, 3]
    assert [kubernetes["regions"][name]["workers"] for name in clusters] == [2, 1]
    assert "--context eu,us" in run.info["command"]


@pytest.mark.parametrize(("policy", "run_time", "reason"), [("continue", 14, "run_time"), ("stop", 300, "region_lost")])
def test_the_rest_goes_on_or_stops_when_a_region_is_lost(
    clusters: dict[str, Cluster],
    make_regions_test: Any,
    shop: Storefront,
    streams: list[RecordStream],
    tmp_path: Path,
    policy: str,
    run_time: int,
    reason: str,
) -> None:
    launcher = regions_launcher(*clusters, on_region_lost=policy)
    live = loadlab.start(make_regions_test(run_time=run_time), runs=tmp_path / "runs", launcher=launcher)
    ending = Ending(live, clusters, streams, count=1)
    run = live.wait()
    ending.join()
    assert left(clusters["eu"]) == []
    assert run.info["end_reason"] == reason
    states = {name: each["state"] for name, each in run.info["regions"].items()}
    assert states == {"eu": "ended", "us": "lost"}
    lost = run.events[run.events["kind"] == "region_lost"]
    assert lost["region"].tolist() == ["us"]

    last = run.requests.groupby("region", observed=True)["time"].max()
    if policy == "continue":
        assert (run.duration_s or 0) > run_time - 1
        assert last["eu"] > lost["time"].iloc[0] > last["us"] + pd.Timedelta("2s")
    else:
        assert (run.duration_s or 0) < run_time - 60
    assert run.validity.status == "invalid"
    assert any("us is lost" in text for text in run.validity.reasons)
    conservation = run.conservation
    assert conservation["sent"] == sum(conservation[key] for key in ("ok", "failed", "in_flight", "unreported", "lost"))
    recorded = int(run.requests["count"].sum())
    assert recorded == conservation["ok"] + conservation["failed"]
    untold_s = ending.ended - last["us"].timestamp()
    assert recorded <= received(shop) <= recorded + 3 * (20 * untold_s + 1), "what us did not tell before it ended"


def test_a_region_that_does_not_come_up_leaves_nothing_in_the_other(
    clusters: dict[str, Cluster], make_regions_test: Any, shop: Storefront, tmp_path: Path
) -> None:
    place = regions_launcher(*clusters, ready_timeouts={"us": 8.0})
    with clusters["us"].unschedulable(), pytest.raises(LaunchError, match=r"^us: ") as failed:
        loadlab.run(make_regions_test(), runs=tmp_path / "runs", launcher=place)
    assert "node" in str(failed.value)
    assert {name: left(cluster) for name, cluster in clusters.items()} == {"eu": [], "us": []}
    assert clusters["eu"].calls, "eu was coming up"
    assert received(shop) == 0
    assert not list((tmp_path / "runs").glob("r*"))


def test_an_interrupt_while_the_regions_come_up_leaves_nothing(
    clusters: dict[str, Cluster], make_regions_test: Any, tmp_path: Path
) -> None:
    def interrupt() -> None:
        clusters["eu"].until(lambda: clusters["eu"].objects("pods") and clusters["us"].objects("pods"))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with clusters["us"].unschedulable(), pytest.raises(KeyboardInterrupt):
        loadlab.run(make_regions_test(), runs=tmp_path / "runs", launcher=regions_launcher(*clusters))
    assert {name: left(cluster) for name, cluster in clusters.items()} == {"eu": [], "us": []}
    assert not list((tmp_path / "runs").glob("r*"))


def test_when_every_region_is_lost_the_run_ends_with_what_there_is(
    clusters: dict[str, Cluster], make_regions_test: Any, streams: list[RecordStream], tmp_path: Path
) -> None:
    launcher = regions_launcher(*clusters)
    live = loadlab.start(make_regions_test(run_time=300), runs=tmp_path / "runs", launcher=launcher)
    ending = Ending(live, clusters, streams, count=2)
    run = live.wait()
    ending.join()
    assert run.info["end_reason"] == "master_lost"
    assert run.events["kind"].tolist().count("region_lost") == 2
    assert set(run.requests["region"]) == {"eu", "us"}
    assert run.validity.status == "invalid"


def test_the_guard_rails_are_those_of_each_region_and_of_the_whole_test(
    clusters: dict[str, Cluster], make_regions_test: Any, tmp_path: Path
) -> None:
    path = tmp_path / "guard.yaml"
    allowed = yaml.safe_load(path.read_text())

    def refuse(message: str, confirmed: str | None = None, **changes: Any) -> None:
        path.write_text(yaml.safe_dump(allowed | changes))
        with pytest.raises(SpecError, match=message):
            loadlab.run(
                make_regions_test(), runs=tmp_path / "runs", launcher=regions_launcher(*clusters, yes_i_mean=confirmed)
            )
        assert {name: left(cluster) for name, cluster in clusters.items()} == {"eu": [], "us": []}

    refuse("^us: context: got 'us'", contexts=["eu"])
    refuse("users: got 7; allowed: 6 at most", max_users=6)
    refuse("workers: got 3; allowed: 2 at most", max_workers=2)
    refuse("^us: yes_i_mean: got 'eu'; allowed: 'us'", production=["eu", "us"], confirmed="eu")
    refuse("run_time", production=["eu", "us"], confirmed="eu, us", max_run_time=1)


def test_two_contexts_of_one_cluster_are_no_regions(
    clusters: dict[str, Cluster], make_regions_test: Any, tmp_path: Path
) -> None:
    clusters["eu"].kubeconfig(tmp_path / "kubeconfig", NAMESPACE, contexts=["eu", "us"])
    with pytest.raises(SpecError, match="one context a cluster: both lead to namespace load"):
        loadlab.run(make_regions_test(), runs=tmp_path / "runs", launcher=regions_launcher(*clusters))
    assert left(clusters["eu"]) == []
