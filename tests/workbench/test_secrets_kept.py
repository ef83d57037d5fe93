"""Secrets of a test, and those that its locustfile and its target tell, reach nothing that is kept or shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from locust_left import until
from ports import reserve_ports

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import SpecError, TargetUnreachable
from loadlab.report import TABLES
from loadlab.schema import TABLES as SCHEMA

MakeTest = Callable[..., loadlab.LoadTest]

SECRETIVE = """
import os
from locust import FastHttpUser, HttpUser, User, constant, events, task
from loadlab.agent import count

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

class Loose(FastHttpUser):
    wait_time = constant(0.1)
    @task
    def query(self):
        self.client.get("/missing?token=hunter2&page=1")
    @task
    def told(self):
        jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
        for text in (
            "Authorization: Bearer hunter2 was refused", "basic: Basic aHVudGVyMg==", f"expired: {jwt}",
            "{'Cookie': 'sid=hunter2', 'X-Api-Key': 'hunter2'}", "login failed: password=hunter2",
            "key AKIAIOSFODNN7EXAMPLE unknown", "my shop key is " + os.environ["SHOP_KEY"],
        ):
            with self.client.get("/", name="api_key=hunter2", catch_response=True) as response:
                response.failure(text)
    @task
    def raised(self):
        print("password=hunter2 and", os.environ["SHOP_KEY"], flush=True)
        count("token=hunter2")
        raise ValueError("sent {'Authorization': 'Bearer hunter2'} and " + os.environ["SHOP_KEY"])

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
        labels={"service": "shop", "token": "hunter2"},
        description="With the password: hunter2",
        run_time=300,
    )
    live = loadlab.start(test, runs=tmp_path / "runs")
    until(lambda: live.tables.rows("requests") > 24 and live.tables.rows("errors") > 24)
    live.tables.add_event("note", "it was token=hunter2", time=time.time())
    journals = [path for path in below(tmp_path / "runs") if path.suffix != ".log"]  # what it prints, while it runs
    assert len(journals) > 2
    assert not [path for path in journals if told(path.read_text(errors="replace"))]
    live.stop()
    run = live.wait()
    raised = run.errors[run.errors["kind"] == "task exception"]
    assert set(raised["message"]) == {"ValueError: sent {'Authorization': '...'} and ..."}
    assert {"Authorization: ... was refused", "my shop key is ..."} <= set(run.errors["message"])
    assert {"/missing?token=...&page=1", "api_key=..."} <= set(run.requests["name"])
    assert "it was token=..." in set(run.events["text"])
    assert shop.counts()["total"]["received"] > 0
    run.report()
    fragments = [run.report_table(name) for name in TABLES]
    shown = [
        *(run.report_text(), repr(run), run._repr_html_(), repr(test), run.info["command"]),
        *(run.endpoints()._repr_html_(), *(each._repr_html_() for each in fragments), *map(repr, fragments)),
        *(getattr(run, table).to_csv() for table in SCHEMA),  # the files are compressed
        *(pd.DataFrame.to_csv(frame) for frame in (run.summary(), run.failures(), loadlab.runs(tmp_path / "runs"))),
    ]
    assert not [text[:500] for text in shown if told(text)]
    assert not [path for path in below(tmp_path / "runs") if told(path.read_text(errors="replace"))]
    assert list(loadlab.runs(tmp_path / "runs", host=host)["id"]) == [run.id]


def told(text: str) -> list[str]:
    """The secrets that stand in `text`."""
    return [secret for secret in ("hunter2", "aHVudGVyMg", "eyJhbGci", "AKIAIOSFODNN7EXAMPLE") if secret in text]


def below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_refused_option_is_told_without_its_secret(make_test: MakeTest, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as raised:
        loadlab.run(make_test(locust_options="--api-token hunter2"), runs=tmp_path / "runs")
    assert "--api-token" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_an_unreachable_host_is_told_without_its_password(make_test: MakeTest, tmp_path: Path) -> None:
    (port,) = reserve_ports(1)
    with pytest.raises(TargetUnreachable) as raised:
        loadlab.run(make_test(host=f"http://bob:hunter2@127.0.0.1:{port}"), runs=tmp_path / "runs")
    assert f"http://bob:...@127.0.0.1:{port}" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def locustfile(folder: Path, source: str) -> Path:
    path = folder / "locustfile_under_test.py"
    path.write_text(source)
    return path
