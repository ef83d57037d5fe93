"""A page with its parts: a task that spawns a gevent pool of requests."""

from gevent.pool import Pool
from locust import FastHttpUser, constant, task


class BrowserUser(FastHttpUser):
    wait_time = constant(0.05)
    concurrency = 10

    @task
    def page(self):
        self.client.get("/")
        pool = Pool(4)
        for number in range(1, 7):
            pool.spawn(self.client.get, f"/products/{number}", name="/products/[id]")
        pool.join()
