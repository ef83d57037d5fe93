"""loadlab: load tests that run distributed Locust, keep every second, and give an answer that can be trusted.

Importing this package loads nothing else: each public name is imported when it is first used.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is; importing typing would take as long as starting Python
if TYPE_CHECKING:
    from loadlab import export as export
    from loadlab.demo import demo_shop as demo_shop
    from loadlab.doctor import check as check
    from loadlab.errors import LoadlabError as LoadlabError
    from loadlab.live import LiveRun as LiveRun
    from loadlab.progress import progress_line as progress_line
    from loadlab.publishing import publish as publish
    from loadlab.publishing import writable_file as writable_file
    from loadlab.sample import sample_run as sample_run
    from loadlab.spec import Criteria as Criteria
    from loadlab.spec import KubernetesOptions as KubernetesOptions
    from loadlab.spec import LoadTest as LoadTest
    from loadlab.spec import Stage as Stage
    from loadlab.spec import in_project as in_project
    from loadlab.spec import project_folder as project_folder
    from loadlab.workbench import Run as Run
    from loadlab.workbench import attach as attach
    from loadlab.workbench import make_launcher as make_launcher
    from loadlab.workbench import open_run as open_run
    from loadlab.workbench import run as run
    from loadlab.workbench import runs as runs
    from loadlab.workbench import start as start

_HOME = {
    "LoadlabError": "loadlab.errors",
    "Criteria": "loadlab.spec",
    "KubernetesOptions": "loadlab.spec",
    "LoadTest": "loadlab.spec",
    "Stage": "loadlab.spec",
    "LiveRun": "loadlab.live",
    "Run": "loadlab.workbench",
    "attach": "loadlab.workbench",
    "check": "loadlab.doctor",
    "demo_shop": "loadlab.demo",
    "in_project": "loadlab.spec",
    "make_launcher": "loadlab.workbench",
    "open_run": "loadlab.workbench",
    "progress_line": "loadlab.progress",
    "project_folder": "loadlab.spec",
    "publish": "loadlab.publishing",
    "run": "loadlab.workbench",
    "runs": "loadlab.workbench",
    "sample_run": "loadlab.sample",
    "start": "loadlab.workbench",
    "writable_file": "loadlab.publishing",
}

__version__ = "0.1.0"
__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name == "export":  # a part that people call by its name: loadlab.export.cloudwatch(run)
        return importlib.import_module("loadlab.export")
    raise AttributeError(f"module 'loadlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "export"})
