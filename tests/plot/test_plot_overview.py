from __future__ import annotations

from functools import cache
from typing import Any

import plot_samples as samples
import pytest
from bokeh.models import Column, CrosshairTool, GlyphRenderer, HoverTool, VSpan
from plot_figure_parts import drawn, legend_labels, plots, second_cue

from loadlab.plot import latency_by_rps, overview, overview_figures, percentile_spectrum


def tables(seconds: int = 60) -> dict[str, Any]:
    timeline = samples.timeline(seconds)
    return {
        "events": samples.events(seconds),
        "errors_by_kind": samples.errors_by_kind(timeline),
        "users_table": samples.users(seconds),
        "generators": samples.generators(seconds),
        "heat": samples.heat(timeline),
    }


OVER_TIME = [
    "Response time percentiles",
    "Throughput",
    "Errors by kind",
    "Users and workers",
    "Requests by response time",
    "Generator CPU",
    "Generator event loop lag",
    "Generator memory",
]
SINGLE = ["Percentile spectrum", "p95 response time by throughput"]


@cache
def every_figure() -> dict[str, Any]:
    timeline = samples.timeline()
    single = [percentile_spectrum(samples.spectrum()), latency_by_rps(samples.staged(timeline))]
    return {plot.title.text: plot for plot in [*plots(overview(timeline, **tables())), *single]}


def test_the_overview_holds_all_charts_over_time() -> None:
    layout = overview(samples.timeline(), **tables())
    assert [plot.title.text for plot in layout.children] == OVER_TIME
    assert every_figure().keys() == {*OVER_TIME, *SINGLE}
    assert layout.sizing_mode == "stretch_width"
    assert all(plot.sizing_mode == "stretch_width" for plot in layout.children)


def test_all_share_one_x_range_and_one_crosshair() -> None:
    figures = plots(overview(samples.timeline(), **tables()))
    assert len({id(plot.x_range) for plot in figures}) == 1
    crosshairs = [tool.overlay for plot in figures for tool in plot.tools if isinstance(tool, CrosshairTool)]
    assert len(crosshairs) == len(figures)
    assert len({id(overlay) for overlay in crosshairs}) == 1


def test_plot_areas_are_aligned() -> None:
    figures = plots(overview(samples.timeline(), **tables()))
    assert len({(plot.min_border_left, plot.min_border_right) for plot in figures}) == 1


def test_what_is_not_given_is_left_out() -> None:
    timeline = samples.timeline()
    assert list(overview_figures(timeline)) == ["percentiles", "throughput"]
    counts = samples.errors_by_kind(timeline).assign(count=0)
    assert "errors" not in overview_figures(timeline, errors_by_kind=counts)
    assert list(overview_figures(timeline, **tables())) == [
        "percentiles",
        "throughput",
        "errors",
        "users",
        "heatmap",
        "generators",
    ]
    assert isinstance(overview_figures(timeline, **tables())["generators"], Column)


def test_an_empty_run_says_no_data() -> None:
    (plot,) = plots(overview(samples.timeline().iloc[:0]))
    assert "No data" in plot.html_attributes["aria-label"]


def test_a_run_without_requests_shows_its_users_and_generators() -> None:
    empty, given = samples.timeline().iloc[:0], tables()
    figures = overview_figures(empty, users_table=given["users_table"], generators=given["generators"])
    assert list(figures) == ["percentiles", "users", "generators"]
    linked = [plot.x_range for plot in plots(overview(empty, **given)) if plot.xaxis.visible]
    assert len({id(x_range) for x_range in linked}) == 1


@pytest.mark.parametrize("title", [*OVER_TIME, *SINGLE])
def test_every_figure_is_named_labelled_and_told_apart_without_colour(title: str) -> None:
    plot = every_figure()[title]
    label = plot.html_attributes["aria-label"]
    assert plot.html_attributes["role"] == "figure"
    assert label.startswith(plot.title.text)
    assert any(character.isdigit() for character in label)
    assert all(axis.axis_label for axis in [*plot.xaxis, *plot.yaxis])
    cues: dict[str, set[str]] = {}
    for renderer in drawn(plot):
        cues.setdefault(renderer.name, set()).add(second_cue(renderer))
    assert len({frozenset(cue) for cue in cues.values()}) == len(cues), cues
    assert any(isinstance(tool, HoverTool) for tool in plot.tools)


@pytest.mark.parametrize("title", [*OVER_TIME, *SINGLE])
def test_legends_are_outside_of_the_plot_area_and_hide_what_is_clicked(title: str) -> None:
    plot = every_figure()[title]
    if not legend_labels(plot):
        assert plot.title.text == "Requests by response time"
        return
    assert plot.legend[0] in plot.above
    assert plot.legend[0].click_policy == "hide"
    shown = [renderer for item in plot.legend[0].items for renderer in item.renderers]
    marks = [renderer for renderer in drawn(plot) if isinstance(renderer.glyph, VSpan)]
    assert set(shown) | set(marks) == set(drawn(plot))


def test_an_overview_of_a_day_is_small() -> None:
    from bokeh.embed import json_item

    timeline = samples.timeline(86_400)
    item = json_item(overview(timeline, events=samples.events(86_400)))
    points = [
        len(renderer.data_source.data["time"])
        for plot in plots(overview(timeline))
        for renderer in plot.renderers
        if isinstance(renderer, GlyphRenderer)
    ]
    assert max(points) <= 2001
    assert len(str(item)) < 700_000
