"""What every launcher promises, asked of both: one suite, so that the notebook need not know which one it has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from load_cluster import launcher, load_cluster
from locust_left import until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import LaunchError, LocustfileError, SpecError
from loadlab.launch import Launcher, LocalLauncher

SHOP = """
from locust import FastHttpUser, constant, tag, task
from pages import CART

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task(3)
    def home(self):
        self.client.get("/")

    @tag("buy")
    @task
    def cart(self):
        self.client.get(CART)
"""


@pytest.fixture(params=["local", "kubernetes"])
def make_launcher(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Launcher]]:
    """Makes a launcher of each kind; nothing of a swarm may be left when the test is over."""
    if request.param == "local":
        yield LocalLauncher
        return
    with load_cluster(tmp_path, monkeypatch) as cluster:
        yield launcher
        left = [each["metadata"]["name"] for kind in ("pods", "jobs", "configmaps") for each in cluster.objects(kind)]
        assert left == []
        assert [each["metadata"]["name"] for each in cluster.objects("secrets")] == []


@pytest.fixture
def shop() -> Iterator[Storefront]:
    with Storefront(service_time=0.002, concurrency=64) as shop:
        yield shop


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    (tmp_path / "pages.py").write_text('CART = "/cart"\n')
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return path


def load_test(locustfile: Path, shop: Storefront, **changes: object) -> loadlab.LoadTest:
    fields = {"locustfile": locustfile, "host": shop.url, "users": 6, "spawn_rate": 20, "run_time": 2, "workers": 2}
    return loadlab.LoadTest(**{**fields, **changes})


def test_a_run_from_start_to_archive(
    make_launcher: Callable[[], Launcher], locustfile: Path, shop: Storefront, tmp_path: Path
) -> None:
    test = load_test(locustfile, shop, labels={"service": "shop"}, tags=["buy"])
    run = loadlab.run(test, runs=tmp_path / "runs", launcher=make_launcher())
    assert run.conservation["sent"] == shop.counts()["total"]["received"] == run.requests["count"].sum() > 0
    assert run.conservation["lost"] == 0
    assert set(run.requests["name"]) == {"/cart"}
    assert run.info["end_reason"] == "run_time"
    master, *workers = sorted(set(run.generators["worker"]))
    assert master == "master"
    assert len(workers) == 2
    assert all(name.startswith("worker-") for name in workers)
    assert run.exemplars["trace_id"].str.fullmatch("[0-9a-f]{32}").all()
    logs = {path.stem: path.read_text() for path in (run.path / "logs").iterdir()}
    assert sorted(logs) == [master, *workers]
    assert all("Locust" in text for text in logs.values())
    assert loadlab.open_run("latest", tmp_path / "runs").requests.equals(run.requests)


def test_users_are_changed_noted_and_stopped(
    make_launcher: Callable[[], Launcher], locustfile: Path, shop: Storefront, tmp_path: Path
) -> None:
    live = loadlab.start(load_test(locustfile, shop, run_time=300), runs=tmp_path / "runs", launcher=make_launcher())
    until_users(live, 6)
    live.set_users(9, spawn_rate=20)
    live.swarm.note("deployed build 42")
    until_users(live, 9)
    live.stop()
    run = live.wait()
    assert run.info["end_reason"] == "stopped"
    assert "deployed build 42" in set(run.events["text"])
    assert run.conservation["sent"] == shop.counts()["total"]["received"]


def until_users(live: loadlab.LiveRun, users: int) -> None:
    until(lambda: users in set(live.tables.last("users", 5).groupby("time")["users"].sum()))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found\n", r"shop\.py, line 1.*nowhere_to_be_found"),
        ("def broken(:\n", r"shop\.py, line 1.*SyntaxError"),
    ],
)
def test_a_locustfile_that_does_not_load_is_told_with_its_line(
    make_launcher: Callable[[], Launcher], tmp_path: Path, shop: Storefront, source: str, said: str
) -> None:
    path = tmp_path / "shop.py"
    path.write_text(source)
    with pytest.raises(LocustfileError, match=f"(?s){said}"):
        loadlab.run(load_test(path, shop), runs=tmp_path / "runs", launcher=make_launcher())
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_the_locustfile_does_not_know_is_refused(
    make_launcher: Callable[[], Launcher], locustfile: Path, shop: Storefront, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="Did you mean 'buy'") as refused:
        loadlab.run(load_test(locustfile, shop, tags=["bye"]), runs=tmp_path / "runs", launcher=make_launcher())
    assert refused.value.field == "tags"


def test_closing_twice_and_after_an_error_leaves_nothing(
    make_launcher: Callable[[], Launcher], locustfile: Path, shop: Storefront, tmp_path: Path
) -> None:
    swarm = make_launcher().launch(load_test(locustfile, shop), run_id="r20261124-000000-test", folder=tmp_path)
    with contextlib.suppress(RuntimeError), swarm:
        swarm.start()
        raise RuntimeError("in the block")
    swarm.close()
    with pytest.raises(LaunchError):
        swarm.set_users(3, 1)
