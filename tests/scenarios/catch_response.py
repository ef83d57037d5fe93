"""Decides itself what is a success: a 404 that is expected, a 200 that is wrong, a slow answer. Exit code 1."""

from locust import HttpUser, constant, task
from locust.exception import RescheduleTask


class PickyUser(HttpUser):
    wait_time = constant(0.02)

    @task
    def expected_404(self):
        with self.client.get("/missing", catch_response=True) as response:
            if response.status_code == 404:
                response.success()

    @task
    def wrong_content(self):
        with self.client.get("/search?q=unicorn", catch_response=True, name="/search") as response:
            if not response.json()["products"]:
                response.failure("found nothing")

    @task
    def too_slow(self):
        with self.client.get("/health", catch_response=True) as response:
            if response.elapsed.total_seconds() >= 0:
                response.failure(f"took too long: {response.elapsed.total_seconds()} s")

    @task
    def failed_by_an_exception(self):
        with self.client.get("/cart", catch_response=True) as response:
            if response.status_code != 402:
                response.failure(ValueError("the cart should cost something"))
                raise RescheduleTask()
