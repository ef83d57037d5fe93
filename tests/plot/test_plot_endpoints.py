from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plot_samples as samples
import pytest

from loadlab.plot import MISSING, endpoint_table_html, sparkline_svg


class Table(HTMLParser):
    """The texts of all cells by row, and every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def test_the_table_tells_the_numbers_of_each_endpoint_and_of_all() -> None:
    table = Table(endpoint_table_html(samples.summary()))
    assert table.rows[0] == (
        ["type", "name", "requests", "failed", "failed %", "rps", "mean", "p50", "p90", "p95", "p99", "max"]
    )
    assert " | ".join(table.rows[2]) == (
        "GET | /products/{id} | 6,172 | 17 | 0.275 % | 103 | 15.4 ms | 12.8 ms | 24.4 ms | 30.8 ms | 52.6 ms | 116 ms"
    )
    assert table.rows[-1][:3] == ["", "Aggregated", "2,057"]
    assert len(table.rows) == 1 + len(samples.NAMES) + 1


def test_an_endpoint_called_aggregated_stays_an_endpoint() -> None:
    table = Table(endpoint_table_html(samples.summary((("GET", "Aggregated"), ("", "ping")))))
    assert [row[1] for row in table.rows[1:]] == ["Aggregated", "ping", "Aggregated"]


def test_quantiles_with_too_few_samples_are_marked_and_explained() -> None:
    html = endpoint_table_html(samples.summary())
    marked = [cell for row in Table(html).rows for cell in row if "†" in cell]
    assert marked == ["842 ms†"]
    assert "too few requests" in html
    assert "too few requests" not in endpoint_table_html(samples.summary().assign(few_samples=""))


def test_intervals_are_told() -> None:
    titles = [attributes.get("title") for tag, attributes in Table(endpoint_table_html(samples.summary())).elements]
    assert "95 % interval: 11.9 ms to 14.8 ms" in titles


def test_sparklines_are_drawn_for_each_endpoint() -> None:
    table = Table(endpoint_table_html(samples.summary(), samples.named_timelines()))
    images = [attributes for tag, attributes in table.elements if tag == "svg"]
    assert len(images) == 2 * len(samples.NAMES)
    assert all(image["role"] == "img" for image in images)
    peak = samples.timeline(seed=0)["rps"].max()
    assert images[0]["aria-label"] == f"successful requests a second over time, highest {peak:.0f}"
    assert len({len(row) for row in table.rows}) == 1


def test_hostile_names_are_text() -> None:
    names = ((samples.NASTY, samples.NASTY), ("GET", '"><b>&amp;\0\u202e' + "x" * 100_000))
    html = endpoint_table_html(samples.summary(names), samples.named_timelines(names))
    table = Table(html)
    tags = {tag for tag, _ in table.elements}
    assert tags <= {"style", "div", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "svg", "path", "p"}
    assert not any(name.startswith("on") for _, attributes in table.elements for name in attributes)
    assert table.rows[1][1] == samples.NASTY
    assert table.rows[2][1].startswith('"><b>&amp;␀\ufffdx')
    assert len(html) < 20_000
    html.encode("utf-8")


def test_of_many_endpoints_those_with_the_most_requests_are_shown() -> None:
    names = tuple(("GET", f"/{number}") for number in range(30))
    html = endpoint_table_html(samples.summary(names), max_rows=5)
    assert [row[1] for row in Table(html).rows[1:-1]] == ["/0", "/1", "/2", "/3", "/4"]
    assert "and 25 more endpoints" in html


def test_undefined_numbers_have_a_sign() -> None:
    summary = samples.summary((("GET", "/"),))
    summary.loc[0, ["mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms", "error_ratio"]] = np.nan
    row = Table(endpoint_table_html(summary)).rows[1]
    assert row[4] == MISSING
    assert row[6:] == [MISSING] * 6


def test_no_endpoints_say_no_data() -> None:
    assert "no data" in endpoint_table_html(samples.summary(()))
    assert "no data" in endpoint_table_html(pd.DataFrame(columns=samples.summary().columns))


def test_a_sparkline_goes_from_zero_to_its_maximum_and_breaks_at_gaps() -> None:
    svg = sparkline_svg(np.array([0.0, 10.0, np.nan, 5.0, np.nan, 5.0, 5.0]), "label")
    path = next(attributes["d"] for tag, attributes in Table(svg).elements if tag == "path")
    assert path == "M2.0 22.0L21.3 2.0M60.0 12.0h0M98.7 12.0L118.0 12.0"


def test_a_long_sparkline_keeps_its_peak() -> None:
    values = np.full(100_000, 1.0)
    values[54_321] = 100.0
    assert " 2.0" in sparkline_svg(values, "label")
    assert len(sparkline_svg(values, "label")) < 1500


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_to_draw_is_no_sparkline(values: list[float]) -> None:
    assert sparkline_svg(np.array(values), "label") == ""


def test_a_sparkline_of_zeros_lies_at_the_bottom() -> None:
    assert 'd="M2.0 22.0L118.0 22.0"' in sparkline_svg(np.zeros(2), "label")
