"""What the agent measures beside the requests, and who may ask it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import requests
from locust_left import until
from ports import reserve_ports

import loadlab
from loadlab.analyse import Histogram
from loadlab.demo import Storefront
from loadlab.errors import LaunchError, LocustfileError, SpecError
from loadlab.launch.local import AGENT
from loadlab.launch.master_api import MasterApi
from loadlab.stream import RecordStream, TableBuilder

MakeTest = Callable[..., loadlab.LoadTest]

PACED = """
from locust import FastHttpUser, constant_throughput, task
class Paced(FastHttpUser):
    wait_time = constant_throughput(10)
    @task
    def home(self):
        self.client.get("/")
"""

METRICS = """
import random
from locust import FastHttpUser, HttpUser, constant, tag, task
from loadlab.agent import count, gauge

class Buyer(FastHttpUser):
    wait_time = constant(0.05)
    @tag("buy")
    @task
    def buy(self):
        if self.client.get("/cart", headers={"X-Request-Id": f"own-{random.random()}"}).status_code == 200:
            count("checkouts")
            count("revenue", 2.5)
        gauge("open_carts", 3)

class Browser(HttpUser):
    wait_time = constant(0.05)
    @tag("browse")
    @task
    def browse(self):
        self.client.get("/products?page=1", name="/products")
"""


def locustfile(folder: Path, source: str) -> Path:
    path = folder / "locustfile_under_test.py"
    path.write_text(source)
    return path


def test_a_stall_shows_in_every_request_it_delayed(make_test: MakeTest, tmp_path: Path) -> None:
    with Storefront(service_time=0.005, concurrency=4) as shop:
        test = make_test(host=shop.url, locustfile=locustfile(tmp_path, PACED), users=1, workers=1, run_time=300)
        live = loadlab.start(test, runs=tmp_path)
        until(lambda: live.tables.rows("requests") >= 2)
        shop.set_faults(pause_s=1.5)
        until(lambda: live.tables.frame("requests")["max_ms"].max() > 1300)
        rows = live.tables.rows("requests")
        until(lambda: live.tables.rows("requests") >= rows + 2)
        live.stop()
        run = live.wait()
    stall_ms = run.requests["max_ms"].max()
    measured = Histogram.from_column(run.requests["histogram"])
    intended = Histogram.from_column(run.requests["intended_histogram"])
    slots = intended.count - measured.count  # starts that Locust left out: one every 100 ms of the stall at least
    assert slots >= int((stall_ms - 100) / 100) - 1 >= 10
    times = run.events.set_index("kind")["time"]
    assert intended.count <= 10 * (times["test_stop"] - times["test_start"]).total_seconds() + 1
    over = [measured.count - measured.count_below(250), intended.count - intended.count_below(250)]
    assert over[0] >= 1
    assert over[1] - over[0] >= int((stall_ms - 350) / 100) - 1 >= 8
    total = run.summary(intended=True).iloc[-1]
    assert total["intended_p95_ms"] > 500
    assert total["intended_p95_ms"] > total["p95_ms"]


def test_metrics_traces_tags_and_seconds_of_health(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    source = locustfile(tmp_path, METRICS)
    live = loadlab.start(make_test(locustfile=source, users=8, tags=["buy"], run_time=300), runs=tmp_path)
    until(lambda: most_users(live.tables.frame("users")) == 8)
    until(lambda: {"worker-1", "worker-2"} <= set(live.tables.frame("generators")["worker"]))
    until(lambda: live.tables.frame("metrics")["name"].nunique() == 3)
    live.stop()
    run = live.wait()
    bought = shop.counts()["routes"]["GET /cart"]["received"]
    assert set(run.requests["name"]) == {"/cart"}
    assert any("Browser has no task" in text for text in run.events["text"])
    values = run.metrics.groupby("name", observed=True)["value"]
    assert values.sum()["checkouts"] == bought
    assert values.sum()["revenue"] == pytest.approx(2.5 * bought)
    assert values.max()["open_carts"] == 3
    assert run.exemplars["trace_id"].str.fullmatch("[0-9a-f]{32}").all()
    assert run.exemplars["trace_id"].is_unique
    assert run.exemplars["request_id"].str.startswith("own-").all()
    assert (run.exemplars["status"] == 200).all()
    assert run.exemplars["url"].str.endswith("/cart").all()
    workers = run.generators[run.generators["worker"] != "master"]
    assert set(workers["worker"]) == {"worker-1", "worker-2"}
    assert workers["memory_bytes"].between(10e6, 1e9).all()
    assert (workers["cpu_percent"] >= 0).all()
    assert (workers["lag_ms"] > 0).all()
    assert workers["requests"].sum() == run.requests["count"].sum()
    assert most_users(run.users) == 8


def most_users(users: pd.DataFrame) -> int:
    """The most users that ran at the end of one second."""
    return int(users.groupby("time")["users"].sum().max()) if len(users) else 0


def test_without_trace_headers_nothing_is_added(make_test: MakeTest, tmp_path: Path) -> None:
    from targets import nginx

    with nginx(tmp_path / "nginx") as server:
        run = loadlab.run(make_test(host=server.url, trace_headers=False, users=2), runs=tmp_path / "runs")
        assert {request["request_id"] for request in server.requests()} <= {"", "-", None}
    assert (run.exemplars["trace_id"] == "").all()


TRACED = """
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser, HttpUser, constant, task

class Own(FastHttpUser):
    wait_time = constant(0.05)
    default_headers = {"x-request-id": "mine"}
    @task
    def buy(self):
        self.client.post("/own", json={"a": 1})

class Fast(FastHttpUser):
    wait_time = constant(0.05)
    @task
    def browse(self):
        self.client.get("/fast", headers={"Accept": "text/html"})

class Slow(HttpUser):
    wait_time = constant(0.05)
    @task
    def browse(self):
        self.client.get("/slow")

class Session(HttpUser):
    wait_time = constant(0.05)
    def on_start(self):
        self.client.headers["X-Request-Id"] = "session's"
    @task
    def browse(self):
        self.client.get("/session")
        self.client.get("/session", headers={"x-request-id": "own"})

class Pool(FastHttpUser):
    wait_time = constant(0.05)
    client_pool = HTTPClientPool(headers={"X-Request-Id": "pool's"})
    @task
    def browse(self):
        self.client.get("/pool")
"""


def test_every_client_sends_the_ids_that_the_archive_tells(make_test: MakeTest, tmp_path: Path) -> None:
    from targets import nginx

    with nginx(tmp_path / "nginx") as server:
        source = locustfile(tmp_path, TRACED)
        run = loadlab.run(make_test(host=server.url, locustfile=source, users=10), runs=tmp_path / "runs")
        paths = ("/own", "/fast", "/slow", "/session", "/pool")
        sent = {path: [each for each in server.requests() if each["uri"] == path] for path in paths}
    assert all(len(requests) > 10 for requests in sent.values())
    assert {request["request_id"] for request in sent["/own"]} == {"mine"}
    assert {request["request_id"] for request in sent["/session"]} == {"session's", "own"}
    assert {request["request_id"] for request in sent["/pool"]} == {"pool's"}
    ids = {path: [(each["traceparent"].split("-")[1], each["request_id"]) for each in sent[path]] for path in sent}
    assert all(trace_id == request_id for trace_id, request_id in ids["/fast"] + ids["/slow"])
    everything = [pair for pairs in ids.values() for pair in pairs]
    assert len({trace_id for trace_id, _ in everything}) == len(everything) == run.conservation["sent"]
    assert set(zip(run.exemplars["trace_id"], run.exemplars["request_id"], strict=True)) <= set(everything)


def test_stages_are_followed_and_summarised(make_test: MakeTest, tmp_path: Path) -> None:
    stages = [
        {"users": 1, "spawn_rate": 20, "duration": 4, "name": "low"},
        {"users": 3, "spawn_rate": 20, "duration": 5, "name": "high"},
    ]
    fields = make_test(locustfile=locustfile(tmp_path, PACED)).to_dict() | {"stages": stages}
    for name in ("users", "spawn_rate", "run_time"):
        fields.pop(name, None)
    run = loadlab.run(loadlab.LoadTest.from_dict(fields), runs=tmp_path)
    table = run.stages()
    assert list(table["name"]) == ["low", "high"]
    assert list(table["users"]) == [1, 3]
    assert table["rps"].iloc[1] > 1.5 * table["rps"].iloc[0]  # each user keeps its pace, so they share no resource
    assert (table["steady_s"] >= 1).all()
    assert run.info["end_reason"] == "shape_done"


def test_users_can_be_changed_and_noted_in_mid_run(make_test: MakeTest, tmp_path: Path) -> None:
    live = loadlab.start(make_test(users=2, run_time=300), runs=tmp_path)
    until(lambda: live.tables.rows("users") > 2)
    live.set_users(9, spawn_rate=20)
    live.swarm.note("deployed build 42")
    until(lambda: most_users(live.tables.frame("users")) == 9)
    live.stop()
    run = live.wait()
    assert run.info["end_reason"] == "stopped"
    assert list(run.stages()["users"]) == [2, 9]
    with pytest.raises(LaunchError, match="over"):
        live.set_users(3, spawn_rate=1)
    assert "deployed build 42" in set(run.events["text"])


def test_a_change_of_users_leaves_the_run_time_as_it_is(make_test: MakeTest, tmp_path: Path) -> None:
    live = loadlab.start(make_test(users=2, run_time=6), runs=tmp_path)
    live.set_users(3, spawn_rate=20)  # Locust forgets its timer then
    run = live.wait()
    assert run.info["end_reason"] == "run_time"
    times = run.events.set_index("kind")["time"]
    assert 4 < (times["test_stopping"] - times["test_start"]).total_seconds() < 60
    assert most_users(run.users) == 3


def test_the_web_port_answers_only_with_the_token(make_test: MakeTest, tmp_path: Path) -> None:
    live = loadlab.start(make_test(run_time=300), runs=tmp_path)
    try:
        url, right = live.swarm.url, {"Authorization": f"Bearer {live.swarm.token}"}
        assert url.startswith("http://127.0.0.1:")
        for path in ("/", "/stats/requests", "/assets/x.js", "/loadlab/stream", "/loadlab/status", "/logs", "/nothing"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": live.swarm.token}):
                assert requests.get(url + path, headers=headers, timeout=60).status_code == 401
        for path in ("/swarm", "/stop", "/loadlab/quit", "/loadlab/note"):
            assert requests.post(url + path, timeout=60).status_code == 401
        assert requests.options(url + "/stop", headers={"Origin": "http://evil"}, timeout=60).status_code == 401
        assert requests.get(url + "/stats/requests", headers=right, timeout=60).status_code == 200
        assert requests.get(url + "/loadlab/stream?after=x", headers=right, timeout=60).status_code == 400
        assert requests.post(url + "/loadlab/note", json={"text": ""}, headers=right, timeout=60).status_code == 400
        for process in live.swarm.processes:
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert live.swarm.token.encode() not in words
        assert (live.path / "swarm.json").stat().st_mode & 0o077 == 0
    finally:
        live.stop()
        live.wait()
    assert not (live.path / "swarm.json").exists()


@pytest.mark.parametrize("extra", [[], ["--processes", "2"]])
def test_the_agent_works_where_loadlab_does_not_launch(browse: Path, shop: Storefront, extra: list[str]) -> None:
    web, bind = reserve_ports(2)
    command = [sys.executable, "-m", "locust", "-f", f"{browse},{AGENT}", "--web-host", "127.0.0.1"]
    command += ["--web-port", str(web), *extra]
    if extra:
        command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(bind)]
        command += ["--master-port", str(bind)]
    environment = {**os.environ, "LOADLAB_TOKEN": "secret", "LOADLAB_AGENT_LEASE_S": "20"}
    locust = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        api = MasterApi(f"http://127.0.0.1:{web}", "secret")
        expected = 2 if extra else 1
        until(lambda: (api.status() or {}).get("workers") == expected)
        api.swarm({"user_count": "6", "spawn_rate": "20", "run_time": "3", "host": shop.url})
        tables = TableBuilder()
        for record in RecordStream(api.url, "secret"):
            tables.add(record.payload)
        assert tables.end is not None
        assert len(tables.end["workers"]) == expected
        sent = sum(worker["sent"] for worker in tables.end["workers"].values())
        assert sent == shop.counts()["total"]["received"] > 0
        done = sum(worker["ok"] + worker["failed"] for worker in tables.end["workers"].values())
        assert tables.frame("requests")["count"].sum() == done > 0
        exemplars = tables.frame("exemplars")
        assert exemplars["trace_id"].is_unique
    finally:
        locust.terminate()
        locust.wait(timeout=120)


def test_plain_locust_with_the_agent_beside_it_is_left_alone(browse: Path, shop: Storefront) -> None:
    command = [sys.executable, "-m", "locust", "-f", f"{browse},{AGENT}", "--headless", "--host", shop.url]
    command += ["-u", "2", "-r", "2", "-t", "2s", "--exit-code-on-error", "0"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOADLAB")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "stays out of the way" in ended.stderr


ODD = """
from locust import HttpUser, constant, task
from loadlab.agent import count, gauge

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")

class Odd(HttpUser):
    wait_time = constant(0.05)

    def on_start(self):
        def sign(request):
            self.client.get("/health", name="token")
            return request
        self.client.auth = None
        self.sign = sign

    @task
    def buy(self):
        self.client.get("/cart", auth=self.sign)
        gauge("hit_ratio", float("nan"))
        gauge("text", "abc")
        count(17, None)
        count("revenue", 1e308)
        count("revenue", 1e308)
        for odd in (1.5, float("nan"), "abc", [1]):
            self.environment.events.request.fire(
                request_type="ODD", name="length", response_time=1e308, response_length=odd, exception=None, context={}
            )
        self.environment.events.request.fire(
            request_type="ODD", name="inf", response_time=float("inf"), response_length=1, exception=Silent()
        )
"""


def test_odd_numbers_and_nested_requests_cost_nothing(make_test: MakeTest, shop: Storefront, tmp_path: Path) -> None:
    run = loadlab.run(make_test(locustfile=locustfile(tmp_path, ODD), users=4), runs=tmp_path)
    received = shop.counts()["routes"]
    counts = run.requests.groupby("name", observed=True)["count"].sum()
    assert counts["/cart"] == received["GET /cart"]["received"] == counts["token"] == counts["inf"] > 0
    assert counts["length"] == 4 * counts["inf"]
    assert list(run.errors.groupby("kind", observed=True)["count"].sum().items()) == [("Silent", counts["inf"])]
    assert run.generators["requests"].sum() == run.requests["count"].sum()
    assert run.conservation["in_flight"] == run.conservation["unreported"] == run.conservation["lost"] == 0
    assert not (run.errors["kind"] == "task exception").any()
    assert any("no finite numbers" in text for text in run.events["text"])


def test_what_a_locustfile_cannot_do_is_said_before_any_load(shop: Storefront, tmp_path: Path) -> None:
    source = locustfile(tmp_path, METRICS)
    with pytest.raises(SpecError, match="Did you mean 'browse'") as raised:
        loadlab.run(loadlab.LoadTest(locustfile=source, host=shop.url, tags=["brwse"]), runs=tmp_path / "runs")
    assert "browse, buy" in str(raised.value)
    with pytest.raises(SpecError, match=r"host: .*because Browser, Buyer in"):
        loadlab.run(loadlab.LoadTest(locustfile=source), runs=tmp_path / "runs")
    idle = locustfile(tmp_path, "from locust import HttpUser\nclass Idle(HttpUser):\n    host = 'http://127.0.0.1'\n")
    with pytest.raises(LocustfileError, match="Idle has nothing to do"):
        loadlab.run(loadlab.LoadTest(locustfile=idle), runs=tmp_path / "runs")
    assert shop.counts()["total"]["received"] == 0


def test_configuration_files_of_locust_change_nothing(
    make_test: MakeTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locust.conf").write_text("headless = true\nrun-time = 1s\nusers = 99\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCUST_TAGS", "nothing")
    run = loadlab.run(make_test(users=3), runs=tmp_path / "runs")
    assert run.info["end_reason"] == "run_time"
    assert run.users["users"].max() <= 3
    assert run.requests["count"].sum() > 0
