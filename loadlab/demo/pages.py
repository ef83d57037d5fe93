"""What the storefront answers: a small catalogue, and a cart that lives in the visitor's cookie."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs

from loadlab.demo.routes import OTHER, ROUTES

PRODUCTS = 500
PAGE_SIZE = 20
_CART_COOKIE = re.compile(r"(?:^|[;\s])cart=([0-9x.]*)")
_COLOURS = ("black", "blue", "green", "grey", "orange", "red", "sand", "white", "yellow", "violet")
_THINGS = ("backpack", "bottle", "jacket", "lamp", "mug", "notebook", "scarf", "socks", "tent", "umbrella")


class Response(NamedTuple):
    """An answer before it is put on the wire. `headers` are whole lines, each ended with CR LF."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: str = ""


def error_response(status: int, message: str) -> Response:
    """A JSON body that names what went wrong."""
    return Response(status, json.dumps({"error": message, "status": status}).encode())


def product(number: int) -> dict[str, object]:
    """Product `number` (1 to `PRODUCTS`), the same one each time."""
    thing, colour = _THINGS[number % 10], _COLOURS[number // 10 % 10]
    return {
        "id": number,
        "name": f"{colour} {thing} {number}",
        "price_cents": 495 + number * 37 % 9000,
        "stock": number * 7 % 120,
        "url": f"/products/{number}",
    }


def answer(method: str, route: str, path: str, query: str, cookie: str, body: bytes) -> Response:
    """The storefront's answer to a request on `route`; HEAD is answered as GET, the caller leaves the body out."""
    if not ROUTES[route]:
        return error_response(404, "no such page" if route == OTHER else "this page is missing")
    method = "GET" if method == "HEAD" else method
    if method not in ROUTES[route]:
        allowed = ", ".join([*ROUTES[route], *(["HEAD"] if "GET" in ROUTES[route] else [])])
        return error_response(405, f"{method} is not allowed here")._replace(headers=f"Allow: {allowed}\r\n")
    if route == "/health":
        return Response(200, b'{"status":"ok"}')
    if route == "/":
        return _home()
    if route == "/products/{id}":
        return _product_page(path[10:])
    if route == "/products":
        return _listing(_parameter(query, "page", "1"))
    if route == "/search":
        return _search(_parameter(query, "q", "").lower()[:100])
    if route == "/offers":
        return Response(302, b"", headers="Location: /products?page=1\r\n")
    if route == "/checkout":
        return _checkout(cookie)
    return _add_to_cart(cookie, body) if method == "POST" else _cart_response(200, _read_cart(cookie))


def _parameter(query: str, name: str, default: str) -> str:
    return parse_qs(query, keep_blank_values=True).get(name, [default])[0] if query else default


@lru_cache(maxsize=1)
def _home() -> Response:
    items = "\n".join(
        f'      <li><a href="/products/{p["id"]}">{p["name"]}</a></li>' for p in map(product, range(1, 13))
    )
    page = f"""<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Demo storefront</title></head>
  <body>
    <h1>Demo storefront</h1>
    <form action="/search"><input name="q" aria-label="Search"><button>Search</button></form>
    <ul>
{items}
    </ul>
    <p><a href="/products?page=1">All products</a> <a href="/cart">Cart</a></p>
  </body>
</html>
"""
    return Response(200, page.encode(), "text/html; charset=utf-8")


@lru_cache(maxsize=1024)
def _product_page(digits: str) -> Response:
    number = int(digits[:10])
    if not 1 <= number <= PRODUCTS:
        return error_response(404, f"no product {number}")
    text = f"A {product(number)['name']} that lasts. " * 4
    related = [f"/products/{(number + step) % PRODUCTS + 1}" for step in (3, 17, 101)]
    return Response(200, json.dumps({**product(number), "description": text.strip(), "related": related}).encode())


@lru_cache(maxsize=256)
def _listing(page: str) -> Response:
    if not (page.isascii() and page.isdigit() and int(page[:10]) >= 1):
        return error_response(400, "page must be a whole number from 1")
    first = (int(page[:10]) - 1) * PAGE_SIZE + 1
    products = [product(n) for n in range(first, min(first + PAGE_SIZE, PRODUCTS + 1))]
    pages = PRODUCTS // PAGE_SIZE
    return Response(200, json.dumps({"page": int(page[:10]), "pages": pages, "products": products}).encode())


@lru_cache(maxsize=1024)
def _search(words: str) -> Response:
    found = [p for p in map(product, range(1, PRODUCTS + 1)) if words in str(p["name"])]
    return Response(200, json.dumps({"query": words, "total": len(found), "products": found[:PAGE_SIZE]}).encode())


def _read_cart(cookie: str) -> dict[int, int]:
    match = _CART_COOKIE.search(cookie)
    pairs = (item.split("x") for item in match[1].split(".")) if match else ()
    numbers = [[int(digits) for digits in pair if 0 < len(digits) < 6] for pair in pairs]
    return {pair[0]: pair[1] for pair in numbers if len(pair) == 2 and 1 <= pair[0] <= PRODUCTS}


def _cart_response(status: int, cart: dict[int, int], headers: str = "") -> Response:
    items = [{"product_id": number, "quantity": quantity} for number, quantity in cart.items()]
    total = sum(int(str(product(number)["price_cents"])) * quantity for number, quantity in cart.items())
    return Response(status, json.dumps({"items": items, "total_cents": total}).encode(), headers=headers)


def _add_to_cart(cookie: str, body: bytes) -> Response:
    try:
        wanted = json.loads(body)
        number, quantity = int(wanted["product_id"]), int(wanted.get("quantity", 1))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return error_response(400, 'the body must be JSON such as {"product_id": 1, "quantity": 1}')
    if not (1 <= number <= PRODUCTS and 1 <= quantity <= 99):
        return error_response(422, f"product_id must be 1 to {PRODUCTS} and quantity 1 to 99")
    cart = _read_cart(cookie)
    cart[number] = min(cart.pop(number, 0) + quantity, 99)
    cart = dict(list(cart.items())[-50:])
    value = ".".join(f"{number}x{quantity}" for number, quantity in cart.items())
    return _cart_response(201, cart, f"Set-Cookie: cart={value}; Path=/; SameSite=Lax\r\n")


def _checkout(cookie: str) -> Response:
    cart = _read_cart(cookie)
    return _cart_response(201, cart, "Set-Cookie: cart=; Path=/; Max-Age=0; SameSite=Lax\r\n")
