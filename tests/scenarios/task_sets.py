"""Nested TaskSets, one of them sequential; both leave by interrupt()."""

from locust import FastHttpUser, SequentialTaskSet, TaskSet, constant, task


class Purchase(SequentialTaskSet):
    def on_start(self):
        self.product = 3

    @task
    def look(self):
        self.client.get(f"/products/{self.product}", name="/products/[id]")

    @task
    def put_into_cart(self):
        self.client.post("/cart", json={"product_id": self.product})

    @task
    def pay(self):
        self.client.post("/checkout")
        self.interrupt()


class Browsing(TaskSet):
    @task(5)
    def listing(self):
        self.client.get("/products")

    @task(2)
    class Searching(TaskSet):
        @task(2)
        def search(self):
            self.client.get("/search?q=lamp", name="/search")

        @task
        def leave(self):
            self.interrupt(reschedule=False)

    @task
    def leave(self):
        self.interrupt()


class Customer(FastHttpUser):
    wait_time = constant(0.01)
    tasks = {Browsing: 3, Purchase: 1}  # noqa: RUF012 - as people write it
