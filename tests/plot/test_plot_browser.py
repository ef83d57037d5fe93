"""The figures in a real browser, under the policy of the report, with the network off."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import plot_samples as samples
import pytest
from bokeh.embed import file_html
from bokeh.layouts import column
from bokeh.models import Div
from bokeh.resources import INLINE
from playwright.sync_api import TimeoutError
from plot_browser import OpenHtml, OpenPage

from loadlab.plot import latency_by_rps, no_data, overview, percentile_spectrum

FIGURES = 10


def every_figure(**changes: Any) -> Any:
    timeline = samples.timeline()
    tables: dict[str, Any] = {
        "events": samples.events(),
        "errors_by_kind": samples.errors_by_kind(timeline),
        "users_table": samples.users(),
        "generators": samples.generators(),
        "heat": samples.heat(timeline),
        "cpu_limit_percent": 80.0,
    }
    stages = samples.staged(timeline)
    return column(
        overview(timeline, **(tables | changes)),
        percentile_spectrum(samples.spectrum()),
        latency_by_rps(changes.get("stages", stages)),
        sizing_mode="stretch_width",
    )


def page(figures: Any, *, css: str = "", body: str = "") -> str:
    html = file_html(figures, INLINE, "figures")
    return html.replace("</head>", f"<style>{css}</style></head>", 1).replace("</body>", f"{body}</body>", 1)


def corner(opened: OpenPage) -> tuple[int, ...]:
    """The colour of the first figure's surface."""
    data = opened.page.evaluate(
        """() => {
            const walk = (root) => {
                for (const element of root.querySelectorAll("*")) {
                    if (element.tagName === "CANVAS" && element.width > 100) return element;
                    const found = element.shadowRoot && walk(element.shadowRoot);
                    if (found) return found;
                }
            };
            return Array.from(walk(document).getContext("2d").getImageData(5, 5, 1, 1).data);
        }"""
    )
    return tuple(data)[:3]


def test_all_figures_are_drawn_under_the_policy(open_html: OpenHtml) -> None:
    opened = open_html(page(every_figure()))
    opened.wait_until_drawn(FIGURES)
    assert opened.errors == []
    assert len(opened.requests) == 1


@pytest.mark.parametrize(
    ("scheme", "css", "surface"),
    [
        ("light", "", (255, 255, 255)),
        ("dark", "", (21, 24, 28)),
        ("light", ":root { --jp-layout-color0: #111; --jp-ui-font-color1: #eee; }", (17, 17, 17)),
        ("dark", ":root { --jp-layout-color0: white; --jp-ui-font-color1: #222; }", (255, 255, 255)),
        ("dark", ":root { --jp-layout-color0: white; --loadlab-surface: #102030; }", (16, 32, 48)),
    ],
    ids=["light", "dark", "dark JupyterLab", "light JupyterLab on a dark desktop", "the page's own"],
)
def test_figures_follow_the_scheme_of_the_page(
    open_html: OpenHtml, scheme: str, css: str, surface: tuple[int, ...]
) -> None:
    opened = open_html(page(no_data("Throughput", "no requests"), css=css), scheme=scheme)
    opened.page.wait_for_function("() => Bokeh.documents.length && Bokeh.documents[0].is_idle")
    assert corner(opened) == pytest.approx(surface, abs=2)


def test_hostile_names_are_shown_and_do_nothing(open_html: OpenHtml) -> None:
    nasty = samples.NASTY + "</script><script>alert(2)</script>$$\\alpha$$ @{time}{safe}"
    timeline = samples.timeline()
    events = pd.DataFrame(
        {
            "time": samples.START + pd.to_timedelta([5.0, 25.0, 45.0], unit="s"),
            "kind": ["note", "worker_lost", nasty],
            "object": [nasty] * 3,
            "text": [nasty, nasty, "\0" * 1000],
            "data": [nasty] * 3,
            "region": [nasty] * 3,
        }
    )
    figures = every_figure(
        events=events,
        errors_by_kind=samples.errors_by_kind(timeline, tuple(f"{nasty}{number}" for number in range(6))),
        users_table=samples.users(classes=(nasty, "$$x$$")),
        generators=samples.generators(workers=("master", nasty, "$$x$$")),
        stages=timeline.assign(stage=nasty),
    )
    opened = open_html(page(figures))
    opened.wait_until_drawn(FIGURES)
    hover_everywhere(opened)
    assert opened.dialogs == []
    assert opened.errors == []
    assert len(opened.requests) == 1


def test_a_script_would_have_been_noticed(open_html: OpenHtml) -> None:
    opened = open_html(page(Div(text=samples.NASTY)))
    opened.page.wait_for_function("() => Bokeh.documents.length && Bokeh.documents[0].is_idle")
    deadline = time.monotonic() + 90
    while not opened.dialogs and time.monotonic() < deadline:
        opened.page.wait_for_timeout(50)
    assert opened.dialogs == ["x"]


def hover_everywhere(opened: OpenPage) -> None:
    """Lets the tooltips of each figure appear: at a third of its width, and on its first mark of an event."""
    opened.page.set_viewport_size({"width": 1280, "height": 3000})
    frames = opened.page.evaluate(
        """() => {
            const found = [];
            const walk = (view) => {
                if (view.model.type === "Figure") {
                    const box = view.el.getBoundingClientRect();
                    const frame = view.frame.bbox;
                    const middle = box.y + frame.top + frame.height / 2;
                    const at = (share) => [box.x + frame.left + frame.width * share, middle];
                    const time = view.model.x_range.type === "Range1d" ? 1795428005000 : null;
                    const mark = time && [box.x + view.frame.x_scale.compute(time), middle];
                    found.push(at(0.33), at(0.66), ...(mark ? [mark] : []));
                }
                for (const child of view.child_views ?? []) walk(child);
            };
            for (const root of Bokeh.index.roots) walk(root);
            return found;
        }"""
    )
    patience_ms = (1000, 10_000)  # some places have none, so a long wait is for a slow machine only
    assert any(sum(shows_tooltip(opened, *place, each) for place in frames) > FIGURES for each in patience_ms)


def shows_tooltip(opened: OpenPage, x: float, y: float, patience_ms: float) -> bool:
    """Whether a tooltip appears under the cursor; some places have none."""
    opened.page.mouse.move(x - 2, y)
    opened.page.mouse.move(x, y)
    try:
        opened.page.locator(".bk-Tooltip:visible").first.wait_for(timeout=patience_ms)
    except TimeoutError:
        return False
    return True


def test_the_tooltip_tells_the_exact_numbers_of_the_second_under_the_cursor(open_html: OpenHtml) -> None:
    timeline = samples.timeline()
    opened = open_html(page(overview(timeline)))
    opened.wait_until_drawn(2)
    place = opened.page.evaluate(
        """() => {
            const view = [...Bokeh.index.roots][0].child_views[1];
            const box = view.el.getBoundingClientRect();
            const x = view.frame.x_scale.compute(1795428020900);
            return [box.x + x, box.y + view.frame.bbox.top + 50];
        }"""
    )
    opened.page.mouse.move(place[0] - 2, place[1])
    opened.page.mouse.move(*place)
    tooltip = opened.page.locator(".bk-Tooltip .bk-tooltip-content", has_text="successful")
    tooltip.wait_for()
    assert "2026-11-23 10:00:20 UTC" in tooltip.inner_text()
    assert f"{timeline['rps'][20]:g} /s" in tooltip.inner_text()
