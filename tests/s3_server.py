"""An S3 on this machine: moto's server, with what a network and an owner of buckets may do to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow.fs
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)

Fault = Callable[[str, str], "tuple[int, str] | None"]
"""(method, key) -> HTTP status and S3's code of a refusal, or None for none. It may also wait."""


class S3Server:
    """Answers at `url`. ``fault`` may refuse requests, ``log`` has (method, key) of each, ``authorization`` is what the
    last one was signed with, ``busiest`` how many at most were answered at the same time."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.log: list[tuple[str, str]] = []
        self.authorization = ""
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        _, _, key = unquote(urlsplit(environ["REQUEST_URI"]).path).lstrip("/").partition("/")
        with self._lock:
            self.log.append((method, key))
            self.authorization = environ.get("HTTP_AUTHORIZATION", "")
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            refusal = self.fault(method, key) if self.fault is not None else None
            if refusal is None:
                return self._app(environ, start_response)
            start_response(f"{refusal[0]} No", [("Content-Type", "application/xml")])
            text = f"<?xml version='1.0'?><Error><Code>{refusal[1]}</Code><Message>not now</Message></Error>"
            return [] if method == "HEAD" else [text.encode()]
        finally:
            with self._lock:
                self._busy -= 1

    def environment(self) -> dict[str, str]:
        """What a person sets to use it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name: str) -> None:
        self._owner(allow_bucket_creation=True).create_dir(name)

    def remove(self, place: object) -> None:
        """Remove the object that an URL names."""
        self._owner().delete_file(str(place).removeprefix("s3://"))

    def keys(self, bucket: str) -> list[str]:
        """What is in the bucket, but for the empty objects that pyarrow leaves for folders."""
        files = self._owner().get_file_info(pyarrow.fs.FileSelector(bucket, recursive=True))
        return [info.path.removeprefix(f"{bucket}/") for info in files if info.is_file]

    def _owner(self, **options: Any) -> pyarrow.fs.S3FileSystem:
        return pyarrow.fs.S3FileSystem(access_key="a", secret_key="b", endpoint_override=self.url, **options)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    try:
        yield server
    finally:
        server.close()


def refuse_writes_after(count: int) -> Fault:
    """So many objects may be written, then no more."""
    left = iter(range(count))
    lock = threading.Lock()

    def fault(method: str, key: str) -> tuple[int, str] | None:
        if method != "PUT":
            return None
        with lock:
            return None if next(left, None) is not None else (403, "AccessDenied")

    return fault


def wait_for(seconds: float) -> Fault:
    """Every answer comes later."""

    def fault(method: str, key: str) -> None:
        time.sleep(seconds)

    return fault
