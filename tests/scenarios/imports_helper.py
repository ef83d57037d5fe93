"""Imports a module that lies beside it."""

from locust import FastHttpUser, constant, task
from shop_pages import next_product_page


class HelpedUser(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def product(self):
        self.client.get(next_product_page(), name="/products/[id]")
