"""The storefront's counts against those of its clients."""

from __future__ import annotations

import asyncio
import random

from raw_client import RawClient, address, ask, request_bytes, wait_for

from loadlab.demo import Storefront

PATHS = {"/": "GET /", "/products/7": "GET /products/{id}", "/missing": "GET /missing", "/nowhere": "GET /(other)"}


def test_nothing_else_is_counted() -> None:
    with Storefront(service_time=0) as shop:
        empty = {"received": 0, "answered": {}, "aborted": 0, "dropped": 0, "in_service": 0}
        assert shop.counts() == {"total": empty, "routes": {}, "rejected": {}, "connections": 1}
        shop.config()
        assert ask(shop.url, "/_demo/nothing").status == 404
        assert ask(shop.url, "/_demo/counts", "POST").status == 405
        assert shop.counts()["total"] == empty
        assert ask(shop.url, "/_demo").status == 404
        assert shop.counts()["routes"]["GET /(other)"]["received"] == 1


def test_counts_are_exact_with_clients_that_leave() -> None:
    rng = random.Random(11)
    sent: dict[str, int] = dict.fromkeys(PATHS.values(), 0)
    read = left = 0

    async def visitor(shop: Storefront, kind: str) -> None:
        nonlocal read, left
        path = rng.choice(list(PATHS))
        reader, writer = await asyncio.open_connection(*address(shop.url))
        data = request_bytes(path)
        repeat = rng.randint(1, 5) if kind != "leaves" else 1
        if kind == "incomplete":
            writer.write(data[: rng.randint(1, len(data) - 1)])
            await writer.drain()
            repeat = 0
        elif kind == "pipelines":
            writer.write(data * repeat)
        for _ in range(repeat):
            if kind != "pipelines":
                writer.write(data)
                await writer.drain()
            sent[PATHS[path]] += 1
            if kind == "leaves":
                left += 1
                break
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
            read += 1
        writer.close()
        await writer.wait_closed()

    async def visit(shop: Storefront) -> None:
        kinds = ["stays", "pipelines", "leaves", "incomplete"] * 40
        rng.shuffle(kinds)
        await asyncio.wait_for(asyncio.gather(*(visitor(shop, kind) for kind in kinds)), 60)

    with Storefront(service_time=0.25, concurrency=500) as shop:
        asyncio.run(visit(shop))
        wait_for(lambda: shop.counts()["total"]["in_service"] == 0, "the end of all requests")
        wait_for(lambda: shop.counts()["total"]["received"] >= sum(sent.values()), "all requests")
        counts = shop.counts()
    assert {name: route["received"] for name, route in counts["routes"].items()} == sent
    assert counts["total"]["received"] == read + left
    assert sum(counts["total"]["answered"].values()) == read
    assert counts["total"]["aborted"] == left == 40
    assert counts["rejected"] == {}


def test_received_counts_before_the_answer() -> None:
    with Storefront(service_time=30) as shop, RawClient(shop.url) as client:
        client.send(request_bytes("/cart", "POST", b'{"product_id": 1}')[:-1])
        assert shop.counts()["total"]["received"] == 0
        client.send(b"}")
        wait_for(lambda: shop.counts()["total"]["received"] == 1, "the request")
        assert shop.counts()["routes"]["POST /cart"]["in_service"] == 1


def test_a_half_closed_connection_is_a_client_that_left() -> None:
    with Storefront(service_time=30) as shop, RawClient(shop.url) as client:
        client.send(request_bytes("/"))
        client.socket.shutdown(1)
        wait_for(lambda: shop.counts()["total"]["aborted"] == 1, "the abort")
        assert client.read() is None
