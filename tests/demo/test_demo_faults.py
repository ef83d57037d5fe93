"""Faults do what they say, and nothing else."""

from __future__ import annotations

import json
import time

import pytest
from raw_client import RawClient, ask, request_bytes, wait_for

from loadlab.demo import Storefront
from loadlab.errors import LaunchError, SpecError


def test_errors_come_where_they_were_ordered() -> None:
    with Storefront(service_time=0, seed=2) as shop:
        shop.set_faults(errors={"GET /cart": {"rate": 0.3, "status": 503}, "POST /checkout": {"rate": 1}})
        with RawClient(shop.url) as client:
            carts = [client.ask("/cart").status for _ in range(1000)]
            assert {client.ask("/").status for _ in range(100)} == {200}
            assert client.ask("/checkout", "POST").status == 500
            assert set(carts) == {200, 503}
            assert 230 < carts.count(503) < 370  # 4.8 standard deviations
            assert shop.counts()["routes"]["GET /cart"]["answered"]["503"] == carts.count(503)
            assert client.ask("/cart", "HEAD").status in (200, 503)
            shop.set_faults(errors={"*": {"rate": 1, "status": 418}, "GET /": {"rate": 0}})
            assert (client.ask("/").status, client.ask("/cart").status) == (200, 418)
            shop.set_faults()
            assert {client.ask("/cart").status for _ in range(50)} == {200}


def test_the_same_seed_brings_the_same_errors() -> None:
    def statuses() -> list[int]:
        faults = {"errors": {"*": {"rate": 0.5}}}
        with Storefront(service_time=0, seed=9, faults=faults) as shop, RawClient(shop.url) as client:
            return [client.ask("/").status for _ in range(64)]

    assert statuses() == statuses()


def test_dropped_connections() -> None:
    with Storefront(service_time=0.001, faults={"drops": {"GET /cart": 1.0}}) as shop:
        with RawClient(shop.url) as client:
            client.send(request_bytes("/cart"))
            assert client.read() is None
        assert ask(shop.url, "/").status == 200
        counts = shop.counts()
    assert counts["routes"]["GET /cart"] == {
        "received": 1,
        "answered": {},
        "aborted": 0,
        "dropped": 1,
        "in_service": 0,
    }


def test_a_pause_stalls_everything_but_the_control_plane() -> None:
    with Storefront(service_time=0) as shop, RawClient(shop.url) as client, RawClient(shop.url) as other:
        before = time.monotonic()
        shop.set_faults(pause_s=0.8)
        client.send(request_bytes("/"))
        other.send(request_bytes("/health"))
        wait_for(lambda: shop.counts()["total"]["received"] == 2, "the requests are read")
        waiting_there = shop.counts()["total"]["in_service"]
        if time.monotonic() < before + 0.7:
            assert waiting_there == 2
        for waiting in (client, other):
            answer = waiting.read()
            assert answer is not None
            assert answer.status == 200
            assert time.monotonic() - before >= 0.8


def test_pauses_repeat() -> None:
    """Exactly when, and until they are switched off: see test_demo_station, in virtual time."""
    with Storefront(service_time=0) as shop, RawClient(shop.url) as client:
        shop.set_faults(pause_s=0.3, pause_every_s=0.5)
        for pause in range(3):
            wait_for(lambda: time_of(client) > 0.2, f"pause {pause + 1}")


def test_a_slow_start_is_slow_at_first() -> None:
    with Storefront(service_time=0.02) as shop, RawClient(shop.url) as client:
        shop.set_faults(slow_start_factor=20, slow_start_s=3.0)
        first = time_of(client)
        assert first > 0.1
        wait_for(lambda: time_of(client) < first / 2, "it is slow no more")


def time_of(client: RawClient) -> float:
    """How long one request takes, in seconds."""
    started = time.monotonic()
    client.ask("/")
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"eror": 1}, "unknown fault 'eror'. Did you mean 'errors'"),
        ({"errors": {"GET /carts": {"rate": 1}}}, "Did you mean 'GET /cart'"),
        ({"errors": {"GET /cart": {"rate": 2}}}, "rate: got 2"),
        ({"errors": {"GET /cart": {"rate": 1, "status": 200}}}, "status: got 200"),
        ({"errors": {"GET /cart": {"rate": 1, "state": 500}}}, "unknown errors[GET /cart] field 'state'"),
        ({"errors": {"GET /cart": 0.5}}, "errors[GET /cart]: got 0.5"),
        ({"errors": [1]}, "errors: got [1]"),
        ({"drops": {"GET /cart": -0.1}}, "drops[GET /cart]: got -0.1"),
        ({"drops": 0.5}, "drops: got 0.5"),
        ({"pause_s": -1}, "pause_s: got -1"),
        ({"pause_s": True}, "pause_s: got True"),
        ({"pause_s": 5, "pause_every_s": 5}, "below pause_every_s"),
        ({"pause_every_s": 5}, "pause_s: got 0.0"),
        ({"slow_start_factor": 0.5}, "slow_start_factor: got 0.5"),
        ({"slow_start_s": "long"}, "slow_start_s: got 'long'"),
    ],
)
def test_wrong_faults_are_refused(faults: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        Storefront(faults=faults)
    assert words in str(caught.value)


def test_the_control_plane_refuses_wrong_faults_and_keeps_the_old() -> None:
    with Storefront(service_time=0, faults={"errors": {"GET /": {"rate": 1, "status": 500}}}) as shop:
        for body in (b'{"pause_s": -1}', b"{", b"[]", b"1", b"[" * 100_000, b'{"errors": {"GET /": null}}', b"\xff"):
            answer = ask(shop.url, "/_demo/faults", "POST", body)
            assert answer.status == 400
            assert json.loads(answer.body)["error"]
        assert ask(shop.url, "/").status == 500
        config = shop.config()
        assert config["faults"]["errors"] == {"GET /": {"rate": 1, "status": 500}}
        assert json.loads(ask(shop.url, "/_demo/faults", "POST").body)["errors"] == {}
        assert ask(shop.url, "/").status == 200


def test_faults_of_a_storefront_that_has_ended() -> None:
    with Storefront() as shop:
        pass
    with pytest.raises(LaunchError, match="not running"):
        shop.set_faults(pause_s=1)
