"""The demo: the shop, the notebook that loads it, and the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loadlab.spec import LoadTest, check_folder

if TYPE_CHECKING:
    from loadlab.report import NotebookResult
    from loadlab.store import Location

USERS = 60
THINK_TIME = 0.15
"""Sixty visitors in a hurry make some 80 requests a second: enough for a p99 of the default run time."""

IF_INVALID = (
    "In the demo the shop, its load generators and the notebook share this machine: when that is slow, or busy with "
    "other things, they get in each other's way. Try again when it is idle, or with a longer --run-time."
)


def run_demo(runs: str | Path, run_time: str, workers: int, on_progress: Callable[[str], None]) -> NotebookResult:
    """Start the demo shop, execute the notebook load_test against it, and end the shop.

    The executed notebook is kept at `notebooks_of(runs)`, beside the runs. Raises SpecError for impossible values,
    before anything is started, and what `report.run_notebook` raises.
    """
    from loadlab import publishing, store
    from loadlab.demo import SHOP, Storefront
    from loadlab.report import find_notebook, run_notebook

    notebook = find_notebook("load_test")
    locustfile = notebook.parents[1] / "locustfiles" / "storefront.py"
    if locustfile.is_relative_to(Path.cwd()):
        locustfile = locustfile.relative_to(Path.cwd())
    LoadTest(locustfile=locustfile, run_time=run_time, workers=workers)
    place = store.parse_location(runs)
    if isinstance(place, Path):
        check_folder("runs", place)
        place = place.absolute()
    with publishing.output_folder(notebooks_of(runs)) as folder, Storefront(**SHOP) as shop:
        on_progress(f"the demo shop answers at {shop.url}")
        return run_notebook(
            notebook,
            {
                "locustfile": str(locustfile),
                "host": shop.url,
                "users": USERS,
                "spawn_rate": USERS / 4,
                "locust_options": f"--think-time {THINK_TIME}",
                "run_time": run_time,
                "workers": workers,
                "labels": "service=demo-shop",
                "runs": str(place),
            },
            output_dir=folder,
            on_progress=on_progress,
        )


def notebooks_of(runs: str | Path) -> Location:
    """Where the executed notebook of the demo is kept."""
    from loadlab import store

    return store.parse_location(runs) / "notebooks"
