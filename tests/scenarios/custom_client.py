"""A client of one's own over a socket that fires events.request itself, with more or fewer of the arguments."""

import socket
import time
from urllib.parse import urlsplit

from locust import User, constant, task


class SocketClient:
    def __init__(self, host, request_event):
        url = urlsplit(host)
        self.address = (url.hostname, url.port)
        self.request_event = request_event

    def ask(self, path):
        with socket.create_connection(self.address, timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: shop\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer

    def measured(self, path):
        started, clock = time.time(), time.perf_counter()
        answer, exception = b"", None
        try:
            answer = self.ask(path)
        except OSError as error:
            exception = error
        self.request_event.fire(
            request_type="SOCKET",
            name=path,
            start_time=started,
            response_time=(time.perf_counter() - clock) * 1000,
            response_length=len(answer),
            response=answer,
            context={},
            exception=exception,
        )

    def brief(self, path):
        clock = time.perf_counter()
        answer = self.ask(path)
        milliseconds = int((time.perf_counter() - clock) * 1000)
        self.request_event.fire(
            request_type="BRIEF", name=path, response_time=milliseconds, response_length=len(answer), exception=None
        )

    def untimed(self, path):
        self.ask(path)
        self.request_event.fire(
            request_type="UNTIMED", name=path, response_time=None, response_length=0, exception=None, context=None
        )


class SocketUser(User):
    wait_time = constant(0.02)

    def __init__(self, environment):
        super().__init__(environment)
        self.client = SocketClient(self.host, environment.events.request)

    @task
    def health(self):
        self.client.measured("/health")

    @task
    def cart(self):
        self.client.brief("/cart")

    @task
    def home(self):
        self.client.untimed("/")
