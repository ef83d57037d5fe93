"""A target that counts, a scenario, and the command line in this process or in one of its own."""

import http.server
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from command import COMMAND

from loadlab.cli import main

SCENARIO = """
from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        self.client.get("/")
"""


class CountingServer(http.server.ThreadingHTTPServer):
    """Answers every GET and counts them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), CountingHandler)
        self.served = 0
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class CountingHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock:
            self.server.served += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def target():
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory with a scenario in it."""
    (tmp_path / "visitor.py").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def recorded(tmp_path_factory, target):
    """A folder with one recorded run in ``runs/``, made by the command, and what the command said."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "visitor.py").write_text(SCENARIO)
    (folder / "test.yaml").write_text(f"{{locustfile: visitor.py, host: '{target.url}', labels: {{service: shop}}}}")
    (folder / "out").mkdir()
    before = target.served
    words = ["run", "test.yaml", "--users", "3", "--spawn-rate", "30", "--run-time", "2s", "--label", "build=42"]
    words += ["--criterion", "error_ratio < 1%", "--criterion", "p99 < 0.001ms"]
    written = ["--report", "out/report.html", "--junit", "out/junit.xml"]
    answer = subprocess.run([*COMMAND, *words, *written], cwd=folder, capture_output=True, text=True, timeout=240)
    return Recorded(folder, answer, target.served - before)


class Recorded:
    def __init__(self, folder: Path, answer: subprocess.CompletedProcess, served: int):
        self.folder = folder
        self.answer = answer
        self.served = served


@pytest.fixture
def cli():
    """Runs a command line in this process: ``cli("runs", "--host", "x")`` → exit_code, stdout, stderr."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*words):
        return CliRunner(env={**os.environ, "COLUMNS": "100"}).invoke(main, words, prog_name="loadlab")

    yield run
    signal.signal(signal.SIGTERM, before)
