"""Secrets of a test reach Locust, and nothing that is kept, printed or reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from locust_left import until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import SpecError, TargetUnreachable
from loadlab.launch.processes import free_ports

MakeTest = Callable[..., loadlab.LoadTest]

SECRETIVE = """
import os
from locust import FastHttpUser, HttpUser, User, constant, events, task

@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("--api-token")
    parser.add_argument("--pin-key")

def check(user):
    assert user.host.startswith("http://bob:hunter2@127.0.0.1")
    assert os.environ["SHOP_KEY"] == user.environment.parsed_options.api_token == "hunter2"
    assert user.environment.parsed_options.pin_key == "hunter2"

class Slow(HttpUser):
    wait_time = constant(0.1)
    def on_start(self):
        check(self)
    @task
    def relative(self):
        self.client.get("/missing")
    @task
    def absolute(self):
        with self.client.get(self.host + "/missing", catch_response=True) as response:
            response.failure(f"nothing at {self.host}")

class Fast(FastHttpUser):
    wait_time = constant(0.1)
    def on_start(self):
        check(self)
    @task
    def relative(self):
        self.client.get("/missing")
    @task
    def absolute(self):
        self.client.get(self.host + "/cart")

class Custom(User):
    wait_time = constant(0.1)
    @task
    def report(self):
        self.environment.events.request.fire(
            request_type="X", name=self.host, url=self.host, response_time=5.0, response_length=0,
            exception=ValueError(f"no answer from {self.host}"), context={},
        )
"""


def test_secrets_reach_the_locustfile_and_nothing_that_is_kept(
    make_test: MakeTest, shop: Storefront, tmp_path: Path
) -> None:
    host = shop.url.replace("//", "//bob:hunter2@")
    test = make_test(
        locustfile=locustfile(tmp_path, SECRETIVE),
        host=host,
        environment={"SHOP_KEY": "hunter2"},
        locust_options="--api-token hunter2 --pin-key=hunter2",
        run_time=300,
    )
    live = loadlab.start(test, runs=tmp_path / "runs")
    until(lambda: live.tables.rows("requests") > 12)
    assert not [path for path in below(tmp_path / "runs") if b"hunter2" in path.read_bytes()]
    live.stop()
    run = live.wait()
    assert not (run.errors["kind"] == "task exception").any()
    assert shop.counts()["total"]["received"] > 0
    run.report()
    shown = [run.report_text(), repr(run), run.info["command"], str(run.summary()), str(run.exemplars)]
    assert not [text for text in shown if "hunter2" in text]
    assert not [path for path in below(tmp_path / "runs") if b"hunter2" in path.read_bytes()]
    for table in ("requests", "errors", "exemplars", "events"):  # the files are compressed
        assert "hunter2" not in getattr(run, table).to_csv()
    assert list(loadlab.runs(tmp_path / "runs", host=host)["id"]) == [run.id]


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_refused_option_is_told_without_its_secret(make_test: MakeTest, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as raised:
        loadlab.run(make_test(locust_options="--api-token hunter2"), runs=tmp_path / "runs")
    assert "--api-token" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_an_unreachable_host_is_told_without_its_password(make_test: MakeTest, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(TargetUnreachable) as raised:
        loadlab.run(make_test(host=f"http://bob:hunter2@127.0.0.1:{port}"), runs=tmp_path / "runs")
    assert f"http://bob:...@127.0.0.1:{port}" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def locustfile(folder: Path, source: str) -> Path:
    path = folder / "locustfile_under_test.py"
    path.write_text(source)
    return path
