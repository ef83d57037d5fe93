"""A real Chromium that cannot reach anything, for the pages that loadlab writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route


@dataclass
class Visit:
    """A page that was opened, and everything on it that a page of loadlab must not do."""

    page: Page
    dialogs: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def misdeeds(self) -> list[str]:
        return self.dialogs + self.complaints + self.requests


Open = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture
def visit(browser: Browser) -> Open:
    """Opens a file with every request but that for the file itself refused and counted."""

    @contextmanager
    def open_file(path: Path, *, scripts: bool = True, **options: Any) -> Iterator[Visit]:
        context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1280, "height": 900}, **options)
        context.set_default_timeout(90_000)
        page = context.new_page()
        visited = Visit(page)

        def refuse(route: Route) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                visited.requests.append(route.request.url[:200])
                route.abort()

        def dismiss(dialog: Dialog) -> None:
            visited.dialogs.append(dialog.message)
            dialog.dismiss()

        page.route(lambda url: not url.startswith(("data:", "blob:")), refuse)
        page.on("dialog", dismiss)
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: visited.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.goto(path.as_uri())
        try:
            yield visited
        finally:
            context.close()

    return open_file


def wait_for_figures(page: Page) -> None:
    """Until every Bokeh document of the page is drawn; page.wait_for_function needs eval, which the policy forbids."""
    drawn = "!!window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents.every(one => one.is_idle)"
    deadline = time.monotonic() + 90
    while not page.evaluate(drawn):
        assert time.monotonic() < deadline, "the figures were not drawn"
        page.wait_for_timeout(50)
