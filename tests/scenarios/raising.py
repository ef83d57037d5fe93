"""Tasks with bugs: the exceptions are counted by Locust, the users go on. Exit code 1."""

from locust import FastHttpUser, constant, task
from locust.exception import RescheduleTask


class BuggyUser(FastHttpUser):
    wait_time = constant(0.02)

    @task(2)
    def fine(self):
        self.client.get("/health")

    @task
    def key_error(self):
        product = self.client.get("/products/1").json()
        print(product["colour"])

    @task
    def zero_division(self):
        self.client.get("/cart")
        return 1 / 0

    @task
    def reschedule(self):
        raise RescheduleTask()
