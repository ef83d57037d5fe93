"""What a reader of the report finds first, on a screen, on paper, and where scripts and styles are blocked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator
from report_browser import Open, wait_for_figures
from report_samples import report_data
from verdict_samples import BROKEN, MET, UNKNOWN, verdict

from loadlab import plot
from loadlab.report import ReportData, write_report
from loadlab.report.policy import CONTENT_POLICY


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return report_data(40, verdict=verdict(BROKEN, MET, UNKNOWN))


@pytest.fixture(scope="module")
def report(sample: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sample, tmp_path_factory.mktemp("design") / "report.html")


def light(place: Locator) -> float:
    """How light a part of a page is, 0 to 1: the median of its pixels."""
    pixels = np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("L"))
    return float(np.median(pixels)) / 255


def test_the_verdict_comes_first_then_validity_then_the_measurement(report: Path, visit: Open) -> None:
    with visit(report) as seen:
        headings = seen.page.locator("h2").all_inner_texts()
        assert headings == [
            "✕ Failed: 1 of 3 criteria is broken", "Was the test valid?", "Timeline", "Distribution", "Endpoints",
            "Errors", "Slowest requests", "Load generators", "Provenance",
        ]  # fmt: skip
        rows = seen.page.locator("section.verdict tbody tr")
        cells = [rows.nth(place).locator("th, td").all_inner_texts() for place in range(3)]
        assert [row[:4] for row in cells] == [
            ["p99(GET /cart) < 300ms", "✕ broken", "412 ms", "300 ms"],
            ["error_ratio < 1%", "✓ met", "0.200 %", "1.00 %"],
            ["p99(POST /pay) < 1s", "? not judged", "–", "300 ms"],
        ]
        assert [row[5] for row in cells] == ["10:00:07", "–", "–"]
        colours = [row.locator("td").first.evaluate("cell => getComputedStyle(cell).color") for row in rows.all()]
        assert len(set(colours)) == 3


def test_errors_are_told_over_time_with_first_and_last_seen(report: Path, sample: ReportData, visit: Open) -> None:
    with visit(report) as seen:
        wait_for_figures(seen.page)
        section = seen.page.locator("section:has(> #errors)")
        assert "Errors by kind" in (section.locator("[role=figure]").first.get_attribute("aria-label") or "")
        titles = section.locator("thead th").all_inner_texts()
        assert [title.split("\n")[0] for title in titles[-3:]] == ["First seen", "Last seen", "Sample, secrets hidden"]
        first = sample.errors.iloc[0]
        row = section.locator("tbody tr").first.locator("th, td").all_inner_texts()
        assert row[-3:-1] == [f"{first['first_seen']:%H:%M:%S}", f"{first['last_seen']:%H:%M:%S}"]


def test_all_charts_over_time_share_one_crosshair_and_one_range(report: Path, visit: Open) -> None:
    with visit(report) as seen:
        wait_for_figures(seen.page)
        shared = """() => {
            const models = [...Bokeh.documents[0]._all_models.values()];
            const tools = models.filter(one => one.type == "CrosshairTool");
            const has = one => one.type == "Figure" && one.toolbar.tools.some(each => tools.includes(each));
            const plots = models.filter(has);
            return {
                charts: plots.length,
                spans: [...new Set(tools.map(one => one.overlay.id))].length,
                ranges: [...new Set(plots.map(one => one.x_range.id))].length,
                at: tools[0].overlay.location,
            };
        }"""
        before = seen.page.evaluate(shared)
        assert before["charts"] == 8
        assert before["spans"] == before["ranges"] == 1
        seen.page.locator("[data-figure=timeline] [role=figure]").first.hover()
        assert seen.page.evaluate(shared)["at"] != before["at"]


def test_the_first_broken_second_is_marked_in_the_charts(sample: ReportData) -> None:
    assert sample.events is not None
    events = plot.with_broken_criteria(sample.events, sample.verdict)
    added = events[events["kind"] == "criterion_broken"]
    assert list(added["object"]) == [BROKEN["criterion"]]
    assert added["time"].iloc[0].isoformat() == "2026-11-23T10:00:07+00:00"
    assert len(events) == len(sample.events) + 1
    assert sample.timeline is not None
    drawn = plot.percentiles(sample.timeline, events)
    assert "broken: p99(GET /cart) < 300ms" in [label.text.text for label in drawn.select({"type": plot_label()})]
    assert plot.with_broken_criteria(sample.events, verdict(MET)) is sample.events


def plot_label() -> Any:
    from bokeh.models.annotations import Label

    return Label


def test_paper_is_light_and_has_all_that_was_folded(report: Path, visit: Open) -> None:
    with visit(report, color_scheme="dark") as seen:
        wait_for_figures(seen.page)
        chart, folded = seen.page.locator("[data-figure=heatmap]"), seen.page.locator("details")
        assert light(chart) < 0.2
        seen.page.emulate_media(media="print", color_scheme="dark")
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert light(chart) > 0.8
        assert light(seen.page.locator("body")) > 0.9
        assert folded.count() >= 4
        assert all(each.locator("tr").last.is_visible() for each in folded.all())
        seen.page.emulate_media(media="screen", color_scheme="dark")
        seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert light(chart) < 0.2
        assert not any(each.locator("tr").last.is_visible() for each in folded.all())
        assert seen.misdeeds == []


def test_figures_follow_the_page_from_light_to_dark(report: Path, visit: Open) -> None:
    with visit(report, color_scheme="light") as seen:
        wait_for_figures(seen.page)
        chart = seen.page.locator("[data-figure=spectrum]")
        assert light(chart) > 0.8
        seen.page.emulate_media(color_scheme="dark")
        assert light(chart) < 0.2


def test_paper_without_scripts_has_all_that_was_folded(report: Path, visit: Open) -> None:
    with visit(report, scripts=False, color_scheme="dark") as seen:
        folded = seen.page.locator("details")
        assert not any(each.locator("tr").last.is_visible() for each in folded.all())
        seen.page.emulate_media(media="print", color_scheme="dark")
        assert all(each.locator("tr").last.is_visible() for each in folded.all())
        assert light(seen.page.locator("body")) > 0.9


def test_it_reads_well_where_scripts_and_styles_are_blocked(report: Path, tmp_path: Path, visit: Open) -> None:
    """As a CI server shows it that sends ``Content-Security-Policy: default-src 'none'``."""
    blocked = tmp_path / "blocked.html"
    policy = CONTENT_POLICY.replace("'", "&#39;")
    page = report.read_text(encoding="utf-8")
    assert policy in page
    blocked.write_text(page.replace(policy, "default-src &#39;none&#39;"), encoding="utf-8")
    with visit(blocked) as seen:
        assert seen.page.evaluate("getComputedStyle(document.body).margin") == "8px"
        assert seen.page.locator("figure.plot canvas").count() == 0
        text = seen.page.inner_text("body")
        told = ["Failed: 1 of 3 criteria", "p99(GET /cart) < 300ms", "412 ms", "Throughput", "Was the test valid?",
                "The timeline as numbers", "Response time of all requests by percentile", "All requests", "First seen",
                "Longest lag", "Run it again"]  # fmt: skip
        places = [text.index(each) for each in told]
        assert places == sorted(places)


def test_criteria_are_read_without_scrolling_sideways(report: Path, visit: Open) -> None:
    """On a narrow page each cell stands below the one before it, with its title."""
    with visit(report) as seen:
        place = seen.page.locator(".verdict .scroll")
        row = place.locator("tbody tr").first
        measured, head = row.get_by_role("cell", name="412 ms").first, row.get_by_role("rowheader")
        for width, label in ((400, '"Measured: "'), (800, "none")):
            seen.page.set_viewport_size({"width": width, "height": 900})
            assert place.evaluate("place => place.scrollWidth - place.clientWidth") == 0
            assert place.locator("caption").bounding_box()["height"] < 40  # type: ignore[index]
            assert measured.evaluate("cell => getComputedStyle(cell, '::before').content") == label
            below = measured.bounding_box()["y"] > head.bounding_box()["y"]  # type: ignore[index]
            assert below == (width == 400)
