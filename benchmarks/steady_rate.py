"""A locustfile: every user sends five requests a second, under twenty names."""

import random

from locust import FastHttpUser, constant_throughput, task


class Visitor(FastHttpUser):
    """Keeps its pace."""

    wait_time = constant_throughput(5)

    @task
    def page(self):
        """One request."""
        number = random.randrange(20)
        self.client.get(f"/products/{number + 1}", name=f"/products/{number:02d}")
