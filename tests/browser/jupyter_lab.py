"""A real JupyterLab of its own: a server on a free port with its own settings, and a notebook opened in a browser."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from watched_page import Watch, watch

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
PAGE_TIMEOUT_MS = 90_000

QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


IDLE = '#jp-main-statusbar :text("| Idle")'


class JupyterLab:
    """A running server: `url` with its `token`, serving the folder `root`."""

    def __init__(self, url: str, token: str, root: Path) -> None:
        self.url = url
        self.token = token
        self.root = root

    @contextmanager
    def open(self, browser: Browser, notebook: str) -> Iterator[tuple[Page, Watch]]:
        """A page that shows the notebook (a path below `root`), its kernel idle."""
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        page = context.new_page()
        seen = watch(context, page, self.url)
        page.goto(f"{self.url}/lab/tree/{notebook}?token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector(IDLE)
        try:
            yield page, seen
        finally:
            context.close()


def run_all_cells(page: Page, cells: int) -> None:
    """Run > Run All Cells, and wait until the last of so many code cells has ended.

    The kernel is idle for a moment between two cells too, so it is the last cell's number that tells.
    """
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_selector(f'.jp-CodeCell .jp-InputPrompt:text-is("[{cells}]:")')
    page.wait_for_selector(IDLE)


@contextmanager
def jupyter_lab(root: Path, home: Path) -> Iterator[JupyterLab]:
    """Serves `root` with all of Jupyter's and IPython's settings and state below `home`; ends with its kernels."""
    settings = home / "lab-settings"
    for plugin, values in QUIET.items():
        package, _, name = plugin.partition(":")
        file = settings / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
    environment |= {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_TOKEN": token,
    }
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.log_level=WARN"]
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield JupyterLab(_wait_until_ready(server, home), token, root)
    finally:
        server.send_signal(signal.SIGTERM)  # the server ends its kernels itself
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], home: Path) -> str:
    """The address of the server, which writes it to a file once it listens."""
    file = home / "runtime" / f"jpserver-{server.pid}.json"
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (file.exists() and file.read_bytes().endswith(b"}")):
        assert server.poll() is None, (home / "server.log").read_text()
        assert time.monotonic() < deadline, "JupyterLab did not start"
        time.sleep(0.05)
    return f"http://127.0.0.1:{json.loads(file.read_text())['port']}"
