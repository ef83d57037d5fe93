"""Tagged tasks, weighted tasks, weighted users, a user class that is abstract."""

from locust import FastHttpUser, constant, tag, task


class ShopUser(FastHttpUser):
    abstract = True
    wait_time = constant(0.02)

    @tag("browse", "fast")
    @task(3)
    def listing(self):
        self.client.get("/products")

    @tag("health")
    @task(1)
    def health(self):
        self.client.get("/health")


class WebUser(ShopUser):
    weight = 3

    @tag("browse")
    @task(2)
    def home(self):
        self.client.get("/")


class MobileUser(ShopUser):
    weight = 1

    @tag("search")
    @task(2)
    def search(self):
        self.client.get("/search?q=mug", name="/search (mobile)")
