"""FastHttpUser: plain requests, the rest() helper, HEAD, a body, an address of its own in the name."""

from locust import FastHttpUser, constant, task


class ApiUser(FastHttpUser):
    wait_time = constant(0.02)
    connection_timeout = 5
    network_timeout = 10

    @task(4)
    def read(self):
        with self.rest("GET", "/products/7") as response:
            if response.js is not None and response.js["id"] != 7:
                response.failure("wrong product")

    @task
    def write(self):
        with self.rest("POST", "/cart", json={"product_id": 7, "quantity": 2}) as response:
            if response.js is not None and "items" not in response.js:
                response.failure("no items in the cart")

    @task
    def probe(self):
        self.client.head("/health")
