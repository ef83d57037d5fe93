"""Groups addresses under one name: rename_request, request_name, the name argument."""

from locust import HttpUser, constant, task


class RenamingUser(HttpUser):
    wait_time = constant(0.02)

    @task
    def by_context(self):
        with self.client.rename_request("/products/[id]"):
            for number in (1, 2, 3):
                self.client.get(f"/products/{number}")

    @task
    def by_attribute(self):
        self.client.request_name = "/products?page=[n]"
        self.client.get("/products?page=1")
        self.client.get("/products?page=2")
        self.client.request_name = None

    @task
    def by_argument(self):
        self.client.get("/search", params={"q": "tent"}, name="/search?q=[words]")
