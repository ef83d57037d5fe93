"""Measures a whole transaction with events.request.measure, the good and the failing one. Exit code 1."""

from locust import FastHttpUser, constant, task


class MeasuringUser(FastHttpUser):
    wait_time = constant(0.02)

    @task(3)
    def buy(self):
        with self.environment.events.request.measure("transaction", "buy") as meta:
            self.client.post("/cart", json={"product_id": 9})
            response = self.client.post("/checkout")
            meta["response_length"] = len(response.content or b"")

    @task
    def fail(self):
        with self.environment.events.request.measure("transaction", "give up"):
            self.client.get("/cart")
            raise RuntimeError("changed my mind")
