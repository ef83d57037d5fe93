"""HTTP/1.1 as it should be, and as it should not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from raw_client import RawClient, ask, request_bytes

from loadlab.demo import Storefront
from loadlab.demo.pages import answer


@pytest.fixture(scope="module")
def shop() -> Iterator[Storefront]:
    with Storefront(service_time=0) as running:
        yield running


@pytest.fixture
def client(shop: Storefront) -> Iterator[RawClient]:
    with RawClient(shop.url) as connected:
        yield connected


@pytest.mark.parametrize(
    ("path", "status", "key"),
    [
        ("/products?page=1", 200, "products"),
        ("/products", 200, "products"),
        ("/products?page=9999", 200, "products"),
        ("/products?page=0", 400, "error"),
        ("/products?page=²", 400, "error"),
        ("/search?q=red+lamp", 200, "products"),
        ("/search", 200, "products"),
        ("/products/500", 200, "price_cents"),
        ("/products/501", 404, "error"),
        ("/products/" + "9" * 5000, 404, "error"),
        ("/products/x", 404, "error"),
        ("/cart", 200, "items"),
        ("/health", 200, "status"),
        ("/missing", 404, "error"),
        ("//", 404, "error"),
    ],
)
def test_pages(client: RawClient, path: str, status: int, key: str) -> None:
    client.send(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    response = client.read()
    assert response is not None
    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert key in json.loads(response.body)


def test_home_is_a_page(client: RawClient) -> None:
    response = client.ask("/")
    assert response.headers["content-type"].startswith("text/html")
    assert response.body.startswith(b"<!doctype html>")
    assert client.ask("http://shop/health").body == client.ask("/health#top").body == b'{"status":"ok"}'


def test_redirect(client: RawClient) -> None:
    response = client.ask("/offers")
    assert (response.status, response.headers["location"], response.body) == (302, "/products?page=1", b"")


def test_a_visitor_buys(client: RawClient) -> None:
    cookie = ""
    for body in (b'{"product_id": 3, "quantity": 2}', b'{"product_id": 4}', b'{"product_id": 3}'):
        response = client.ask("/cart", "POST", body, cookie)
        assert response.status == 201
        cookie = f"Cookie: a=b; {response.headers['set-cookie'].split(';')[0]}\r\n"
    cart = json.loads(client.ask("/cart", headers=cookie).body)
    assert cart["items"] == [{"product_id": 4, "quantity": 1}, {"product_id": 3, "quantity": 3}]
    prices = {n: json.loads(client.ask(f"/products/{n}").body)["price_cents"] for n in (3, 4)}
    assert cart["total_cents"] == prices[4] + 3 * prices[3]
    order = client.ask("/checkout", "POST", b"{}", cookie)
    assert (order.status, json.loads(order.body)) == (201, cart)
    assert order.headers["set-cookie"].startswith("cart=;")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"product_id": null}', 400),
        (b'{"product_id": NaN}', 400),
        (b'{"product_id": Infinity}', 400),
        (b'{"product_id": 1, "quantity": []}', 400),
        (b"[" * 200_000, 400),
        (b"\xff\xfe\x00", 400),
        (b'{"product_id": 0}', 422),
        (b'{"product_id": 1, "quantity": 100}', 422),
    ],
)
def test_wrong_carts(client: RawClient, body: bytes, status: int) -> None:
    assert client.ask("/cart", "POST", body).status == status


@pytest.mark.parametrize("cookie", ["cart=", "cart=x", "cart=1x2x3", "cart=1.2", "cart=999999x1", "cart=0x5", "cart=."])
def test_broken_cookies_are_an_empty_cart(cookie: str) -> None:
    assert json.loads(answer("GET", "/cart", "/cart", "", cookie, b"").body)["items"] == []


def test_head_is_get_without_body(client: RawClient, shop: Storefront) -> None:
    full = client.ask("/products/1")
    head = client.ask("/products/1", "HEAD")
    assert head.headers == full.headers
    assert client.ask("/health").status == 200  # no stray body bytes
    assert shop.counts()["routes"]["HEAD /products/{id}"]["answered"] == {"200": 1}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/cart", "GET, POST, HEAD"), ("GET", "/checkout", "POST"), ("POST", "/", "GET, HEAD")],
)
def test_methods_that_a_page_does_not_have(client: RawClient, method: str, path: str, allowed: str) -> None:
    response = client.ask(path, method)
    assert (response.status, response.headers["allow"]) == (405, allowed)


def test_pipelined_requests_are_answered_in_order() -> None:
    factors = {"GET /search": 0.0, "GET /products/{id}": 1.0}
    with Storefront(service_time=0.02, factors=factors) as shop, RawClient(shop.url) as client:
        paths = [f"/products/{n}" if n % 2 else f"/search?q={n}" for n in range(1, 41)]
        client.send(b"".join(map(request_bytes, paths)))
        for number, path in enumerate(paths, 1):
            response = client.read()
            assert response is not None
            found = json.loads(response.body)
            assert (found.get("id") or found.get("query")) == (number if path.startswith("/products") else str(number))


def test_many_pipelined_requests_at_once(client: RawClient) -> None:
    client.send(request_bytes("/health") * 5000)
    assert all(client.read() is not None for _ in range(5000))


def test_a_request_may_come_byte_by_byte(client: RawClient) -> None:
    data = request_bytes("/cart", "POST", b'{"product_id": 1}')
    for byte in data:
        client.send(bytes([byte]))
    response = client.read()
    assert response is not None
    assert response.status == 201


def test_a_large_body_after_100_continue(client: RawClient) -> None:
    body = b'{"product_id": 1, "note": "' + b"x" * 1_000_000 + b'"}'
    data = request_bytes("/cart", "POST", body, "Expect: 100-continue\r\n")
    client.send(data[: -len(body)])
    go_on = client.read()
    assert go_on is not None
    assert go_on.status == 100
    client.send(body)
    response = client.read()
    assert response is not None
    assert response.status == 201


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\n\r\n", False),
    ],
)
def test_keep_alive(client: RawClient, head: bytes, closes: bool) -> None:
    client.send(head)
    response = client.read()
    assert response is not None
    assert (response.headers.get("connection") == "close") == closes
    if closes:
        assert client.read() is None
    else:
        assert client.ask("/health").status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST /cart HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
        (b"POST /cart HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
        (b"POST /cart HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST /cart HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /cart HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (b"G\x00T / HTTP/1.1\r\n\r\n", 400),
        (b"GET shop HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_refused_before_they_are_requests(data: bytes, status: int) -> None:
    with Storefront(service_time=0) as shop:
        with RawClient(shop.url) as client:
            client.send(data)
            response = client.read()
            assert response is not None
            assert (response.status, response.headers["connection"]) == (status, "close")
            assert client.read() is None
        counts = shop.counts()
    assert counts["rejected"] == {str(status): 1}
    assert counts["total"]["received"] == 0


def test_noise_does_no_harm(shop: Storefront) -> None:
    rng = random.Random(4)
    pieces = [b"GET", b" ", b"/", b"HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Content-Length:", b"\x00\xff", b"?", b"%", b"12"]
    for _ in range(150):
        with RawClient(shop.url) as client:
            client.send(b"".join(rng.choices(pieces, k=rng.randint(1, 60))))
    assert ask(shop.url, "/health").status == 200
    assert shop.counts()["total"]["in_service"] == 0
