"""A LoadTestShape of its own: up, down, and end by itself."""

from locust import FastHttpUser, LoadTestShape, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get("/")


class UpAndDown(LoadTestShape):
    stages = (
        {"until": 3, "users": 2, "spawn_rate": 10},
        {"until": 6, "users": 5, "spawn_rate": 10},
        {"until": 9, "users": 1, "spawn_rate": 10},
    )

    def tick(self):
        for stage in self.stages:
            if self.get_run_time() < stage["until"]:
                return stage["users"], stage["spawn_rate"]
        return None
