"""fixed_count beside weighted users, on_start and on_stop, and listeners for everything that happens."""

import logging

from locust import FastHttpUser, constant, events, task
from locust.runners import MasterRunner

seen = {"requests": 0}


@events.init.add_listener
def on_init(environment, **kwargs):
    logging.info("a %s", "master" if isinstance(environment.runner, MasterRunner) else "runner that makes load")


@events.test_start.add_listener
def on_test_start(environment, **kwargs):
    seen["requests"] = 0
    logging.info("the test of %s begins", environment.host)


@events.request.add_listener
def on_request(request_type, name, response_time, response_length, exception, context, **kwargs):
    seen["requests"] += 1


@events.test_stop.add_listener
def on_test_stop(environment, **kwargs):
    logging.info("the test ends after %d requests", seen["requests"])


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    if environment.stats.total.fail_ratio > 0.5:
        environment.process_exit_code = 3


class Administrator(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.1)

    @task
    def restock(self):
        self.client.post("/cart", json={"product_id": 1, "quantity": 1}, name="/cart (restock)")


class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    def on_start(self):
        self.client.get("/", name="log in")

    def on_stop(self):
        self.client.get("/health", name="log out")

    @task
    def listing(self):
        self.client.get("/products", context={"user": "shopper"})
