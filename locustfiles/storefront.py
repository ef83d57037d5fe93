"""A shop's visitors, in the proportions one would expect.

The weights count page views, 1000 of them make 200 visits of five pages each:

====================  ======  ====================================================================================
home                     160  80 % of the visits begin there, the others come in by a search engine or a link
listing                  260  what most visitors do
search                   180  about every other visit, nearly once in two visits a second time
product                  366  one or two products a visit
add to cart               11  the carts that are left behind: about 70 % of all, so ...
check out                  5  ... the other 30 %: 2.5 % of the visits buy (product into the cart, cart, order)
health                     5  no visitor: the load balancer's probe
====================  ======  ====================================================================================

Each visitor begins with a request to /health and to the home page (prewarm), so that connections and caches are warm
before anything is clicked. Between two clicks a visitor thinks for `think_time_s` seconds; `--think-time 0.1` makes all
visitors ten times as quick, 0 leaves no pause.

    locust -f locustfiles/storefront.py --host http://127.0.0.1:8000 --users 50 --think-time 0.5

Runs under plain Locust; under loadlab the visitors' carts and orders are recorded too.
"""

import argparse
import random
from contextlib import contextmanager

from locust import FastHttpUser, events, tag, task

try:
    from loadlab.agent import count, gauge
except ImportError:

    def count(name, value=1):
        """Do nothing: there is no loadlab to count for."""

    def gauge(name, value):
        """Do nothing: there is no loadlab to tell."""


PRODUCTS = 500
PAGES = 25
SEARCHES = ("backpack", "red jacket", "lamp", "blue", "tent", "mug", "umbrella", "socks", "green bottle", "scarf")


def think_time_factor(text):
    """The value of `--think-time`: a number of 0 or more."""
    factor = float(text)
    if not 0 <= factor <= 1000:
        raise argparse.ArgumentTypeError(f"{text}: allowed are numbers from 0 to 1000")
    return factor


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    """Add `--think-time` to Locust's options."""
    parser.add_argument(
        "--think-time",
        type=think_time_factor,
        default=1.0,
        env_var="STOREFRONT_THINK_TIME",
        metavar="FACTOR",
        help="multiplies the visitors' think times (default: 1, 0 for none)",
    )


class Visitor(FastHttpUser):
    """Somebody who looks for something, and now and then buys it."""

    think_time_s = (2.0, 8.0)
    """The shortest and the longest time between two clicks; times in between are equally likely."""

    open_carts = 0
    """Visitors of this process with something in their cart."""

    def wait_time(self):
        """Think, for as long as a person would, times `--think-time`."""
        return random.uniform(*self.think_time_s) * self.environment.parsed_options.think_time

    def on_start(self):
        """Come to the shop: warm up, then look at the home page."""
        self.items = 0
        self.client.get("/health", name="/health")
        self.client.get("/", name="/")
        count("visitors")

    def on_stop(self):
        """Leave; a cart with something in it is left behind."""
        self.empty_cart()

    @tag("browse")
    @task(160)
    def view_home(self):
        """Go back to the home page."""
        self.client.get("/", name="/")

    @tag("browse")
    @task(260)
    def browse(self):
        """Turn the pages of the listing; the first ones are read most."""
        page = min(int(random.expovariate(1 / 3)) + 1, PAGES)
        with self.get_json(f"/products?page={page}", "/products") as (response, listing):
            if listing is not None and not listing.get("products"):
                response.failure("a listing without products")

    @tag("search")
    @task(180)
    def search(self):
        """Search for something that is there."""
        words = random.choice(SEARCHES).replace(" ", "+")
        with self.get_json(f"/search?q={words}", "/search") as (response, found):
            if found is not None and "products" not in found:
                response.failure("a search result without products")

    @tag("product")
    @task(366)
    def view_product(self):
        """Look at one product."""
        self.open_product()

    @tag("cart")
    @task(11)
    def fill_cart(self):
        """Put a product into the cart and look at it. Most leave it there."""
        if self.add_to_cart():
            self.view_cart()

    @tag("checkout")
    @task(5)
    def check_out(self):
        """Buy: a product into the cart, a look at the cart, the order."""
        if not self.add_to_cart() or not self.view_cart():
            return
        with self.client.post(
            "/checkout", json={"payment": "invoice"}, name="/checkout", catch_response=True
        ) as response:
            order = read_json(response)
            if order is None:
                return
            if not order.get("items"):
                response.failure("an order without items")
                return
        count("checkouts")
        count("revenue_cents", order["total_cents"])
        self.empty_cart()

    @tag("health")
    @task(5)
    def probe(self):
        """Ask whether the shop is well, as a load balancer would."""
        self.client.get("/health", name="/health")

    def open_product(self):
        """Look at some product; its number, or None when it could not be shown."""
        number = random.randint(1, PRODUCTS)
        with self.get_json(f"/products/{number}", "/products/[id]") as (response, product):
            if product is None:
                return None
            if product.get("id") != number:
                response.failure("another product than the one asked for")
                return None
        return number

    def add_to_cart(self):
        """Put a product into the cart. True when the shop took it."""
        number = self.open_product()
        if number is None:
            return False
        item = {"product_id": number, "quantity": random.choice((1, 1, 1, 2))}
        with self.client.post("/cart", json=item, name="/cart", catch_response=True) as response:
            if read_json(response) is None:
                return False
        count("added_to_cart")
        if self.items == 0:
            Visitor.open_carts += 1
            gauge("open_carts", Visitor.open_carts)
        self.items += 1
        return True

    def view_cart(self):
        """Look at the cart. True when everything is in it."""
        with self.get_json("/cart", "/cart") as (response, cart):
            if cart is None:
                return False
            if not cart.get("items"):
                response.failure("the cart has lost its items")
                return False
        return True

    def empty_cart(self):
        """Have nothing in the cart any more."""
        if self.items:
            self.items = 0
            Visitor.open_carts -= 1
            gauge("open_carts", Visitor.open_carts)

    @contextmanager
    def get_json(self, path, name):
        """The response to a GET and its JSON object, which is None when the request has failed already."""
        with self.client.get(path, name=name, catch_response=True) as response:
            yield response, read_json(response)


def read_json(response):
    """The response's JSON object. None, and the request has failed, when there is none."""
    if not response.ok:
        return None  # Locust counts the status as the failure
    try:
        value = response.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        response.failure("the answer is no JSON object")
        return None
    return value
