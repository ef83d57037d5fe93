"""Rules for the whole test run."""

import os
import sys

import hypothesis
import pytest
from chromium import browser
from s3_fixtures import s3, s3_place

__all__ = ["browser", "s3", "s3_place"]

hypothesis.settings.register_profile("loadlab", deadline=None)  # a slow machine is no fault of an example
hypothesis.settings.load_profile("loadlab")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-docs", action="store_true", help="write the generated parts of README.md anew")


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
