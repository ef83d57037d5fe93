"""A locustfile: one request a second."""

from locust import HttpUser, constant, task


class Visitor(HttpUser):
    """Comes once a second."""

    wait_time = constant(1)

    @task
    def page(self):
        """One request."""
        self.client.get("/")
