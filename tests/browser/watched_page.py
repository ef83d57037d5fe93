"""Pages that notice every dialog and every request that leaves, and figures seen by their pixels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route

FIGURE_TIMEOUT_S = 90.0

# Text, axes and grids are grey: only what was drawn from data has a colour.
_COLOURED_PIXELS = """() => {
    const found = [];
    const walk = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.tagName === "CANVAS" && element.width > 100) {
                const pixels = element.getContext("2d").getImageData(0, 0, element.width, element.height).data;
                let coloured = 0;
                for (let i = 0; i < pixels.length; i += 4) {
                    const [red, green, blue, alpha] = pixels.subarray(i, i + 4);
                    if (alpha > 0 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured += 1;
                }
                found.push(coloured);
            }
            if (element.shadowRoot) walk(element.shadowRoot);
        }
    };
    walk(document);
    return found;
}"""


@dataclass
class Watch:
    """What a page did that a page of loadlab must not do."""

    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def misdeeds(self) -> list[str]:
        return self.dialogs + self.errors + self.requests


def watch(context: BrowserContext, page: Page, allowed: str) -> Watch:
    """Refuse and note every request of `page` but those whose address begins with `allowed`."""
    seen = Watch()

    def refuse(route: Route) -> None:
        if route.request.url.startswith(allowed):
            route.continue_()
        else:
            seen.requests.append(route.request.url[:200])
            route.abort()

    def dismiss(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    context.route(lambda url: not url.startswith(("data:", "blob:")), refuse)
    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    return seen


@contextmanager
def open_offline(browser: Browser, path: Path) -> Iterator[tuple[Page, Watch]]:
    """A page that shows the file `path` with the network off."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    context.set_default_timeout(90_000)
    page = context.new_page()
    seen = watch(context, page, path.as_uri())
    page.goto(path.as_uri())
    try:
        yield page, seen
    finally:
        context.close()


def drawn_figures(page: Page) -> int:
    """How many canvases show data."""
    return sum(pixels >= 30 for pixels in page.evaluate(_COLOURED_PIXELS))


def wait_for_figures(page: Page, figures: int) -> None:
    """Until so many canvases show data. Asks again and again: wait_for_function needs eval, which pages forbid."""
    deadline = time.monotonic() + FIGURE_TIMEOUT_S
    while (drawn := drawn_figures(page)) < figures:
        assert time.monotonic() < deadline, f"{drawn} of {figures} figures were drawn"
        page.wait_for_timeout(100)


def requests_by_endpoint(page: Page) -> dict[tuple[str, str], int]:
    """What the endpoints table of a notebook shows: (request_type, name) -> requests."""
    table = page.locator(".loadlab-part table", has=page.get_by_text("p95 over time"))
    shown = {}
    for row in table.locator("tbody tr").all():
        endpoint, _, requests = row.locator("th, td").all_text_contents()[:3]
        request_type, _, name = endpoint.partition(" ")
        shown[("", "Aggregated") if endpoint == "All requests" else (request_type, name)] = int(
            requests.replace(",", "")
        )
    return shown
