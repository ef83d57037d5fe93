"""A headless Chromium of the system, and a page that notices every script, dialog, error and request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
_CANVAS_COLOURS = """() => {
    const found = [];
    const walk = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.tagName === "CANVAS" && element.width > 100) {
                const data = element.getContext("2d").getImageData(0, 0, element.width, element.height).data;
                const colours = new Set();
                for (let i = 0; i < data.length; i += 4) {
                    if (data[i + 3] > 0) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
                }
                found.push(colours.size);
            }
            if (element.shadowRoot) walk(element.shadowRoot);
        }
    };
    walk(document);
    return found;
}"""


@dataclass
class OpenPage:
    """A page that was opened without network, and what happened on it."""

    page: Page
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def drawn_canvases(self) -> int:
        """How many canvases show more than a few colours: a background alone is not a figure."""
        return sum(colours > 20 for colours in self.page.evaluate(_CANVAS_COLOURS))

    def wait_until_drawn(self, figures: int) -> None:
        self.page.wait_for_function(f"() => ({_CANVAS_COLOURS})().filter((n) => n > 20).length >= {figures}")


OpenHtml = Callable[..., OpenPage]


@pytest.fixture
def open_html(browser: Browser, tmp_path: Path) -> Iterator[OpenHtml]:
    """Opens HTML text as a file under the report's content policy, with the network off."""
    contexts = []

    def open_page(html: str, *, scheme: str = "light", policy: str = POLICY) -> OpenPage:
        path = tmp_path / f"page-{len(contexts)}.html"
        path.write_text(
            html.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(90_000)
        contexts.append(context)
        opened = OpenPage(context.new_page())
        page = opened.page
        page.on("dialog", lambda dialog: (opened.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on("console", lambda line: opened.errors.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.route("**/*", lambda route: route.continue_() if route.request.url == path.as_uri() else route.abort())
        page.goto(path.as_uri())
        return opened

    yield open_page
    for context in contexts:
        context.close()
