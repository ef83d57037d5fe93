"""Rules for the whole test run."""

import os
import sys
from pathlib import Path

import hypothesis
import pytest
from chromium import browser
from s3_fixtures import s3, s3_place

__all__ = ["browser", "s3", "s3_place"]

hypothesis.settings.register_profile("loadlab", deadline=None)  # a slow machine is no fault of an example
hypothesis.settings.load_profile("loadlab")

TESTS = Path(__file__).parent
LONG = (
    "launch/test_cluster_suite",
    "workbench/",
    "browser/",
    "notebooks/",
    "contract/",
    "cli/",
    "scenarios/",
    "report/",
)
"""The tests that take long, the longest first: whoever runs several files at a time ends with many short ones."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-docs", action="store_true", help="write the generated parts of README.md anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
        return next((place for place, long in enumerate(LONG) if path.startswith(long)), len(LONG))

    items.sort(key=place)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Importing Locust patches the process, which breaks whoever runs several tests at a time."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.saved:
        raise pytest.UsageError("one of the test modules imports locust; run it in a process of its own instead")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration nothing may skip: what is not run proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(f"CI=true and {len(reporter.stats['skipped'])} skipped: nothing may skip here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
