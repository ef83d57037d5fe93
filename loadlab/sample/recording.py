"""Records the sample run, and keeps nothing of the machine that it was made on."""

from __future__ import annotations

import getpass
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loadlab import schema, store, workbench
from loadlab.demo import Storefront
from loadlab.errors import LoadlabError
from loadlab.live import LiveRun
from loadlab.progress import HasStatus
from loadlab.results import Run
from loadlab.spec import LoadTest

MAXIMUM_BYTES = 150_000
LOCUSTFILE = Path("locustfiles/storefront.py")
"""Relative, so the run tells of no folder of this machine: record it in the folder of the checkout."""

SHOP: dict[str, Any] = {
    "concurrency": 8,
    "service_time": 0.1,
    "distribution": "lognormal",
    "sigma": 0.6,
    "seed": 1,
    "faults": {"errors": {"GET /search": {"rate": 0.08, "status": 503}}},
}
"""It can take 80 requests a second: fewer than the visitors of the rush would like to make."""

STAGES = "20/10/15s/ordinary, 80/20/30s/rush"
CRITERIA = "p95 < 400ms; error_ratio < 2%; error_ratio(GET /search) < 1%"
STORY = (
    (16.0, "a newsletter went out: the rush begins"),
    (34.0, "search is repaired"),
)
"""Seconds under load, and the note that is made then. With the last one the faults end."""


def record(progress: Callable[[HasStatus], None]) -> Run:
    """Load a shop of its own for three quarters of a minute and put the run in the place of the one in the package.

    `progress` is called about once a second. Raises LoadlabError, and leaves the old one, when the new one cannot be
    trusted, is too large or tells of this machine; and what `workbench.run` raises.
    """
    with tempfile.TemporaryDirectory() as place, Storefront(**SHOP) as shop:
        test = LoadTest(
            locustfile=LOCUSTFILE,
            host=shop.url,
            workers=2,
            stages=STAGES,
            locust_options="--think-time 0.1",
            criteria=CRITERIA,
            labels="service=demo-shop",
            description="The sample run: an ordinary hour of the demo shop in short, then a rush.",
        )
        run = workbench.run(test, runs=place, progress=_Story(shop, progress))
        if run.validity.status != "valid":
            raise LoadlabError(f"this run cannot be trusted. {' '.join(run.validity.reasons)}")
        folder = store.RunFolder(Path(place) / run.id)
        strip(folder)
        check(folder)
        return Run(_replace(folder.path))


def _replace(path: Path) -> Path:
    package = Path(__file__).parent
    old = [each.parent for each in package.glob("*/run.json")]
    new = shutil.copytree(path, package / path.name)
    for each in old:
        shutil.rmtree(each)
    return Path(new)


class _Story:
    """Makes the notes of STORY in time."""

    def __init__(self, shop: Storefront, progress: Callable[[HasStatus], None]) -> None:
        self._shop = shop
        self._progress = progress
        self._ahead = list(STORY)

    def __call__(self, live: LiveRun) -> None:
        self._progress(live)
        if self._ahead and live.elapsed_s >= self._ahead[0][0]:
            _, text = self._ahead.pop(0)
            live.note(text)
            if not self._ahead:
                self._shop.set_faults()


def strip(folder: store.RunFolder) -> None:
    """Remove what is of this machine only: its name, paths, revision and logs. The numbers stay."""
    shutil.rmtree(folder.logs, ignore_errors=True)
    info = folder.read_info()
    host = {"hostname": "demo", "platform": platform.system(), "cpus": info["host"]["cpus"]}
    folder.update_info(host=host, git=None)
    folder.write_summary(Run(folder.path).summary_dict())


def check(folder: store.RunFolder) -> None:
    """Raise LoadlabError when the run is too large for a package, or says where it was made."""
    size = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
    if size > MAXIMUM_BYTES:
        raise LoadlabError(f"the run has {size:,} bytes; the sample may have {MAXIMUM_BYTES:,}")
    own = {platform.node(), getpass.getuser(), str(Path.home()), str(Path.cwd()), sys.prefix, tempfile.gettempdir()}
    for text in texts(folder):
        for word in own:
            if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
                raise LoadlabError(f"the run tells of this machine: {word!r} stands in {text[:200]!r}")


def texts(folder: store.RunFolder) -> Iterator[str]:
    """All text that the run holds: its JSON files, and each value of a text column of its tables."""
    for path in folder.path.glob("*.json"):
        yield path.read_text(encoding="utf-8")
    run = Run(folder.path)
    for table in schema.TABLES:
        frame = run.table(table)
        for column in frame.select_dtypes(include=["str", "category"]):
            yield from map(str, frame[column].unique())
