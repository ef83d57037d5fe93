"""Options of its own on the command line."""

from locust import FastHttpUser, constant, events, task


@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--product", type=int, env_var="LOCUST_PRODUCT", default=11, help="the product to look at")
    parser.add_argument("--my-token", is_secret=True, default="secret", help="sent as a header")
    parser.add_argument("--not-in-the-ui", include_in_web_ui=False, default="hidden")


@events.test_start.add_listener
def announce(environment, **kwargs):
    print(f"looking at product {environment.parsed_options.product}")


class ArgumentUser(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def product(self):
        options = self.environment.parsed_options
        self.client.get(f"/products/{options.product}", headers={"Authorization": f"Bearer {options.my_token}"})
