"""Users with a pace: constant_throughput on the one, constant_pacing on the other."""

from locust import FastHttpUser, HttpUser, constant_pacing, constant_throughput, task


class SteadyUser(FastHttpUser):
    wait_time = constant_throughput(20)

    @task
    def product(self):
        self.client.get("/products/5")


class PacedUser(HttpUser):
    wait_time = constant_pacing(0.1)

    @task
    def cart(self):
        self.client.get("/cart")
