"""One endpoint, as fast as the users can, or at a constant rate: how much can it take?

    locust -f locustfiles/single_endpoint.py --host http://127.0.0.1:8000 --users 50 --path /products/1
    locust -f locustfiles/single_endpoint.py --host http://127.0.0.1:8000 --users 20 --method POST --path /cart \\
        --body '{"product_id": 1}' --expect-status 201 --rps-per-user 5

Without `--rps-per-user` each user sends its next request as soon as it has its answer: a closed loop, which finds the
maximum throughput. With it the users keep a pace, N users send N times as many requests a second, and loadlab also
counts from the moment at which a request was meant to be sent. Runs under plain Locust too.
"""

import argparse

from locust import FastHttpUser, constant, constant_throughput, events, tag, task

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def http_method(text):
    """The value of `--method`, in capitals."""
    if text.upper() not in METHODS:
        raise argparse.ArgumentTypeError(f"{text}: allowed are {', '.join(METHODS)}")
    return text.upper()


def endpoint_path(text):
    """The value of `--path`: it starts with a slash."""
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text}: a path starts with a slash, the host is given by --host")
    return text


def expected_status(text):
    """The value of `--expect-status`: 0 for any below 400."""
    status = int(text)
    if status != 0 and not 100 <= status <= 599:
        raise argparse.ArgumentTypeError(f"{text}: allowed are 100 to 599, and 0 for any below 400")
    return status


def rate_per_user(text):
    """The value of `--rps-per-user`: 0 for as fast as possible."""
    rate = float(text)
    if not 0 <= rate <= 100_000:
        raise argparse.ArgumentTypeError(f"{text}: allowed are numbers from 0 to 100000")
    return rate


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    """Add the endpoint to Locust's options."""
    group = parser.add_argument_group("single endpoint")
    option = group.add_argument
    option("--method", type=http_method, default="GET", env_var="ENDPOINT_METHOD", help="HTTP method (default: GET)")
    option("--path", type=endpoint_path, default="/", env_var="ENDPOINT_PATH", help="path and query (default: /)")
    option("--body", default="", env_var="ENDPOINT_BODY", help="request body (default: none)")
    option(
        "--content-type",
        default="application/json",
        env_var="ENDPOINT_CONTENT_TYPE",
        help="of the body (default: application/json)",
    )
    option(
        "--expect-status",
        type=expected_status,
        default=0,
        env_var="ENDPOINT_EXPECT_STATUS",
        help="the status of a success; 0, the default, is any below 400",
    )
    option(
        "--rps-per-user",
        type=rate_per_user,
        default=0.0,
        env_var="ENDPOINT_RPS_PER_USER",
        help="constant throughput of each user in requests a second; 0, the default, is as fast as possible",
    )


@events.init.add_listener
@events.test_start.add_listener
def set_pace(environment, **_):
    """Give the users their pace: at the start of the process, and anew if the test brings another one along."""
    rate = environment.parsed_options.rps_per_user
    if rate != EndpointUser.rps:
        EndpointUser.rps = rate
        EndpointUser.wait_time = constant_throughput(rate) if rate else constant(0)


class EndpointUser(FastHttpUser):
    """Sends the same request again and again. Redirects are not followed: they would be another endpoint."""

    wait_time = constant(0)
    rps = 0.0

    def on_start(self):
        """Read the options once."""
        options = self.environment.parsed_options
        self.expected = options.expect_status
        self.request = {"method": options.method, "url": options.path, "name": options.path.partition("?")[0]}
        if options.body:
            self.request |= {"data": options.body, "headers": {"Content-Type": options.content_type}}

    @tag("endpoint")
    @task
    def send(self):
        """One request, a failure unless it has the expected status."""
        with self.client.request(**self.request, allow_redirects=False, catch_response=True) as response:
            status = response.status_code
            if status == 0 or (self.expected == 0 and status >= 400):
                return  # Locust counts a missing answer or an error status as the failure
            if self.expected in (0, status):
                response.success()
            else:
                response.failure(f"status {status} instead of {self.expected}")
