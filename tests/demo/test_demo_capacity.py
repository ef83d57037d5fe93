"""The capacity is the one promised, on a real machine and in real time."""

from __future__ import annotations

import math
import time

import psutil
import pytest
from raw_client import RawClient, ask, measure_throughput, wait_for

from loadlab.demo import Storefront


@pytest.mark.parametrize(
    ("distribution", "concurrency", "service_time"),
    [("constant", 8, 0.01), ("constant", 1, 0.002), ("exponential", 16, 0.01), ("lognormal", 16, 0.01)],
)
def test_throughput_is_concurrency_by_mean_service_time(
    distribution: str, concurrency: int, service_time: float
) -> None:
    with Storefront(concurrency=concurrency, service_time=service_time, distribution=distribution, seed=4) as shop:
        capacity = concurrency / service_time
        assert shop.capacity() == pytest.approx(capacity)
        clients = concurrency + int(0.3 * capacity)  # 0.3 s of work in the queue: this machine may hiccup
        measured, asked = [], 0
        while not measured or (max(measured) < 0.5 * capacity and len(measured) < 3):  # it may be busy
            measured.append(measure_throughput(shop.url, "/health", clients=clients, requests=int(capacity * 2)))
            asked += int(capacity * 2)
        assert max(measured) <= 1.05 * capacity
        assert max(measured) >= 0.5 * capacity  # the exact law: see test_demo_station, in virtual time
        assert shop.counts()["total"]["answered"] == {"200": asked}


def test_capacity_of_a_mix() -> None:
    with Storefront(concurrency=4, service_time=0.01, factors={"GET /search": 3.0}) as shop:
        assert shop.capacity({"GET /search": 1}) == pytest.approx(4 / 0.03)
        assert shop.capacity({"GET /search": 1, "GET /": 3}) == pytest.approx(4 / (0.01 * (0.25 * 3 + 0.75)))
        measured: list[float] = []
        while not measured or (max(measured) < 0.5 * 4 / 0.03 and len(measured) < 5):  # the machine may be busy
            measured.append(measure_throughput(shop.url, "/search?q=lamp", clients=44, requests=200))
        assert 0.5 * 4 / 0.03 <= max(measured) <= 1.05 * 4 / 0.03
        assert shop.config()["capacity_rps"] == pytest.approx(400)


def test_an_idle_storefront_answers_after_its_service_time() -> None:
    with Storefront(service_time=0.03) as shop, RawClient(shop.url) as client:
        times: list[float] = []
        while len(times) < 15 or (min(times) >= 0.045 and len(times) < 600):  # the machine may be busy
            started = time.perf_counter()
            client.ask("/")
            times.append(time.perf_counter() - started)
    assert 0.0299 <= min(times) < 0.045


def test_without_service_time_there_is_no_limit_but_the_machine() -> None:
    with Storefront(service_time=0) as shop:
        assert shop.capacity() == math.inf
        assert shop.config()["capacity_rps"] is None
        ask(shop.url, "/products/1")
        process = psutil.Process(shop.pid)
        before = sum(process.cpu_times()[:2])
        measure_throughput(shop.url, "/products/1", clients=16, requests=5000)
        cpu_s = sum(process.cpu_times()[:2]) - before
        assert 5000 / cpu_s >= 500, "requests a second of one core"


def test_a_full_queue_is_answered_503_at_once() -> None:
    with Storefront(concurrency=2, service_time=60, queue_limit=1) as shop:
        waiting = [RawClient(shop.url) for _ in range(3)]
        for number, client in enumerate(waiting, 1):
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            wait_for(lambda number=number: shop.counts()["total"]["received"] == number, "the request is read")
        answer = ask(shop.url, "/cart")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        total = shop.counts()["total"]
        assert total == {"received": 4, "answered": {"503": 1}, "aborted": 0, "dropped": 0, "in_service": 3}
        for client in waiting:
            client.__exit__()
