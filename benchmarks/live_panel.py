"""The live panel over a long run: six hours of 50 endpoints replayed a hundred times as fast, in a real JupyterLab.

The kernel parses and records the stream (100 seconds of it each second) and updates the panel once a second, as in
life; the page shows it. Measured from the outside: the kernel's CPU time and memory by psutil, the page's heap, nodes
and work by Chromium's own counters, after a garbage collection. The kernel keeps the run's tables, which grow with the
run: their part is measured beside it, in a process that only records.

    python -m benchmarks.live_panel
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT, fresh_python
from benchmarks.replayed_run import BLOCK_S, ReplayedRun, write_block

HOURS, NAMES, SPEED = 6, 50, 100.0
MIB = 1 << 20
AIM_CPU, AIM_HEAP_BYTES, AIM_MEMORY_BYTES, AIM_UPDATE_BYTES = 0.5, 20 * MIB, 60 * MIB, 100_000
LOCUSTFILE = ROOT / "locustfiles" / "storefront.py"

_CELL = """import os, sys
sys.path.insert(0, {root!r})
from benchmarks.replayed_run import ReplayedRun
from loadlab.panel import show
from pathlib import Path
run = ReplayedRun(Path({block!r}), seconds={seconds}, speed={speed}, locustfile=Path({locustfile!r}))
print("kernel", os.getpid())
show(run)"""
_ALONE = "import sys; from benchmarks import live_panel; live_panel.print_recording_alone(*sys.argv[1:])"


def measure(quick: bool = False) -> list[Outcome]:
    """Replay, and look at kernel and page a sixth into the run and at its end."""
    hours, speed = (1, 300.0) if quick else (HOURS, SPEED)
    if shutil.which("chromium") is None:
        return [Outcome("live panel", "not measured", note="needs Chromium and Playwright")]
    with tempfile.TemporaryDirectory() as name:
        block = write_block(Path(name) / "hour.ndjson", names=NAMES)
        alone = json.loads(fresh_python(_ALONE, str(block), str(hours * BLOCK_S), str(speed)))
        looks, sizes = _watch(Path(name), block, hours * BLOCK_S, speed)
    early, late = looks[0], looks[-1]
    wall_s = late["at_s"] - early["at_s"]
    cpu = (late["cpu_s"] - early["cpu_s"]) / wall_s
    page = (late["page_s"] - early["page_s"]) / wall_s
    heap, memory = late["heap"] - early["heap"], late["rss"] - early["rss"] - (alone["late"] - alone["early"])
    told = f"{hours} h of {NAMES} names at {speed:g}x"
    return [
        Outcome(
            "live panel: kernel's CPU",
            f"{cpu:.0%}",
            f"<= {AIM_CPU:.0%} of a core",
            cpu <= AIM_CPU,
            f"{told}; recording alone: {alone['cpu']:.0%}; so the panel takes {cpu - alone['cpu']:.1%}, and recording "
            f"at the true speed {alone['cpu'] / speed:.2%}",
        ),
        Outcome(
            "live panel: kernel's memory",
            f"{memory / MIB:+.0f} MiB",
            f"<= {AIM_MEMORY_BYTES // MIB} MiB beyond the tables",
            memory <= AIM_MEMORY_BYTES,
            f"from a sixth of the run to its end; the tables grew by {(alone['late'] - alone['early']) / MIB:.0f} MiB "
            f"meanwhile ({alone['rows']:,} rows in the end)",
        ),
        Outcome(
            "live panel: page's heap",
            f"{heap / MIB:+.1f} MiB",
            f"<= {AIM_HEAP_BYTES // MIB} MiB",
            heap <= AIM_HEAP_BYTES,
            f"{early['heap'] / MIB:.0f} to {late['heap'] / MIB:.0f} MiB, {early['nodes']:,.0f} to {late['nodes']:,.0f} "
            f"nodes; the page worked {page:.0%} of the time",
        ),
        Outcome(
            "live panel: bytes an update",
            f"{max(sizes) / 1000:.0f} kB",
            f"<= {AIM_UPDATE_BYTES // 1000} kB",
            max(sizes) <= AIM_UPDATE_BYTES,
            f"{sizes[0] / 1000:.0f} kB a sixth into the run, {sizes[-1] / 1000:.0f} kB at its end; once a second",
        ),
    ]


def _watch(folder: Path, block: Path, seconds: int, speed: float) -> tuple[list[dict[str, float]], list[int]]:
    """Looks at kernel and page at a sixth of the run and at its end, and the sizes of the picture then."""
    import psutil
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "tests" / "browser"))  # how the tests drive JupyterLab
    from jupyter_lab import IDLE, jupyter_lab

    project, home = folder / "project", folder / "home"
    project.mkdir()
    home.mkdir()
    cell = _CELL.format(root=str(ROOT), block=str(block), seconds=seconds, speed=speed, locustfile=str(LOCUSTFILE))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [{"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}]
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (project / "panel.ipynb").write_text(json.dumps(book))
    looks: list[dict[str, float]] = []
    sizes: list[int] = []
    with jupyter_lab(project, home) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with lab.open(browser, "panel.ipynb") as (page, _):
            page.wait_for_selector(IDLE)
            page.click('.lm-MenuBar-itemLabel:text-is("Run")')
            page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
            page.wait_for_selector(".loadlab-live")
            found = re.search(r"kernel (\d+)", page.inner_text(".jp-Notebook"))
            assert found is not None
            process = psutil.Process(int(found[1]))
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            began = time.monotonic()
            for part in (1 / 6, 0.97):
                page.wait_for_timeout(max(0.0, began + part * seconds / speed - time.monotonic()) * 1000)
                sizes.append(len(page.locator(".loadlab-live").evaluate("each => each.outerHTML")))
                looks.append(_look(process, session, began))
        browser.close()
    return looks, sizes


def _look(process: Any, session: Any, began: float) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    counters = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    times = process.cpu_times()
    return {
        "at_s": time.monotonic() - began,
        "cpu_s": times.user + times.system,
        "rss": process.memory_info().rss,
        "heap": counters["JSHeapUsedSize"],
        "nodes": counters["Nodes"],
        "page_s": counters["TaskDuration"],
    }


def print_recording_alone(block: str, seconds: str, speed: str) -> None:
    """In a process of its own: CPU share and memory of recording without a panel."""
    import psutil

    process = psutil.Process()
    run = ReplayedRun(Path(block), seconds=int(seconds), speed=float(speed), locustfile=LOCUSTFILE)
    began, wall_s = time.monotonic(), int(seconds) / float(speed)
    time.sleep(wall_s / 6)
    early, cpu_s, at = process.memory_info().rss, process.cpu_times(), time.monotonic()
    time.sleep(max(0.0, began + 0.97 * wall_s - time.monotonic()))
    now = process.cpu_times()
    share = (now.user + now.system - cpu_s.user - cpu_s.system) / (time.monotonic() - at)
    late = process.memory_info().rss
    print(json.dumps({"early": early, "late": late, "cpu": share, "rows": run.tables.rows("requests")}))


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
