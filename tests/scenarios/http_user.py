"""The first locustfile everybody writes."""

from locust import HttpUser, between, task


class QuickstartUser(HttpUser):
    wait_time = between(0.01, 0.05)

    @task
    def hello_world(self):
        self.client.get("/")
        self.client.get("/products?page=1")

    @task(3)
    def view_items(self):
        for item_id in range(1, 4):
            self.client.get(f"/products/{item_id}", name="/products/[id]")

    def on_start(self):
        self.client.post("/cart", json={"product_id": 1, "quantity": 1})
