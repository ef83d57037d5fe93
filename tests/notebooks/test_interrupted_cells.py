"""Jupyter's stop button while a test runs, in a cell that awaits and in one that blocks: a signal to the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

import loadlab
from loadlab.demo import Storefront

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "storefront.py"


class Notebook:
    """A kernel, and the cells that are run in it one at a time."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def begin(self, code: str) -> None:
        self.client.execute(code)

    def hear(self, until: Callable[[str], bool] = lambda text: False) -> str:
        """What the cell writes, until it has ended or has written what is waited for."""
        text, deadline = "", time.monotonic() + 120
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=120)
            content: Any = message["content"]
            if message["msg_type"] == "stream":
                text += content["text"]
            elif message["msg_type"] == "error":
                text += f"{content['ename']}: {content['evalue']}"
            if until(text) or (message["msg_type"] == "status" and content["execution_state"] == "idle"):
                return text
        raise AssertionError(f"the cell did not end: {text}")

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield Notebook(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def start(notebook: Notebook, host: str, runs: Path, **fields: Any) -> Path:
    """Start a test in the kernel and wait for its first seconds; the locustfile, by which its processes are known."""
    locustfile = runs.parent / "shop.py"
    locustfile.write_bytes(LOCUSTFILE.read_bytes())
    given = {"locustfile": str(locustfile), "host": host, "users": 4, "spawn_rate": 9, "run_time": "5m", **fields}
    notebook.begin(
        "import loadlab, time\n"
        f"live = loadlab.start(loadlab.LoadTest(**{given!r}), runs={str(runs)!r})\n"
        "while live.elapsed_s < 2: time.sleep(0.1)\n"
    )
    assert notebook.hear() == ""
    return locustfile


def processes_of(locustfile: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if any(str(locustfile) in w for w in p.info["cmdline"] or ())]


TELL = "lambda live: print('waiting', flush=True)"
"""Progress that is told from inside the wait: an interrupt before it would be Python's own."""


@pytest.mark.parametrize("waiting", [f"await live.finished({TELL})", f"live.wait({TELL})"])
def test_one_interrupt_ends_the_test_in_good_order(notebook: Notebook, tmp_path: Path, waiting: str) -> None:
    with Storefront() as shop:
        locustfile = start(notebook, shop.url, tmp_path / "runs")
        notebook.begin(f"run = {waiting}\nprint('got', run.info['end_reason'])")
        notebook.hear(lambda text: "waiting" in text)
        notebook.interrupt()
        told = notebook.hear()
        received = shop.counts()["total"]["received"]
    assert "the test ends in good order and what was measured is kept; interrupt again to kill it" in told
    assert "got interrupted" in told
    assert processes_of(locustfile) == []
    run = loadlab.open_run("latest", tmp_path / "runs")
    assert run.conservation["sent"] == received > 0
    assert run.conservation["lost"] == 0


def test_the_second_interrupt_of_an_await_kills(notebook: Notebook, tmp_path: Path) -> None:
    with Storefront(service_time=60, concurrency=64) as stuck:
        locustfile = start(notebook, stuck.url, tmp_path / "runs", stop_timeout=60)
        notebook.begin(f"run = await live.finished({TELL})\nprint('got', run.info['end_reason'])")
        notebook.hear(lambda text: "waiting" in text)
        notebook.interrupt()
        notebook.hear(lambda text: "interrupt again to kill it" in text)
        notebook.interrupt()
        told = notebook.hear()
    assert "interrupted again: the swarm is killed; what was measured is kept" in told
    assert "got interrupted" in told
    assert processes_of(locustfile) == []
