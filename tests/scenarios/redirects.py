"""Redirects: followed, and not followed."""

from locust import FastHttpUser, HttpUser, constant, task


class FollowingUser(HttpUser):
    wait_time = constant(0.02)

    @task
    def follow(self):
        response = self.client.get("/offers")
        assert response.url.endswith("/products?page=1")

    @task
    def stay(self):
        self.client.get("/offers", allow_redirects=False, name="/offers (not followed)")


class FastFollowingUser(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def follow(self):
        self.client.get("/offers")

    @task
    def stay(self):
        with self.client.get("/offers", allow_redirects=False, catch_response=True, name="/offers (stay)") as response:
            if response.status_code == 302:
                response.success()
            else:
                response.failure(f"status {response.status_code}")
