from __future__ import annotations

import numpy as np
import pandas as pd
import plot_samples as samples
import pytest
from bokeh.models import LogAxis, LogColorMapper
from plot_figure_parts import column, drawn, legend_labels, named

from loadlab.plot import latency_by_rps, latency_heatmap, percentile_spectrum


def test_heatmap_holds_the_cells() -> None:
    heat = samples.heat(samples.timeline())
    plot = latency_heatmap(heat)
    cells = named(plot, "requests")
    for name in ("low_ms", "high_ms", "count"):
        np.testing.assert_array_equal(column(cells, name), heat[name])
    assert (column(cells, "end") - column(cells, "time") == np.timedelta64(1000, "ms")).all()
    assert isinstance(plot.yaxis[0], LogAxis)
    assert isinstance(cells.glyph.fill_color.transform, LogColorMapper)
    assert cells.glyph.fill_color.transform.high == heat["count"].max()


def test_a_long_heatmap_is_made_coarser_and_keeps_every_request() -> None:
    heat = samples.heat(samples.timeline(3000, gap=None))
    cells = named(latency_heatmap(heat), "requests")
    assert len(np.unique(column(cells, "time"))) <= 240
    assert column(cells, "count").sum() == heat["count"].sum()
    assert (column(cells, "end") - column(cells, "time") == np.timedelta64(13_000, "ms")).all()


def test_spectrum_stretches_the_tail() -> None:
    spectrum = samples.spectrum()
    plot = percentile_spectrum(spectrum)
    line = named(plot, "percentiles")
    np.testing.assert_array_equal(column(line, "value_ms"), spectrum["value_ms"].iloc[:-1])
    np.testing.assert_allclose(column(line, "place"), -np.log10(1 - spectrum["quantile"].iloc[:-1]))
    labels = plot.xaxis.major_label_overrides
    assert (labels[1.0], labels[2.0], labels[3.0]) == ("90 %", "99 %", "99.9 %")
    assert {label: place for place, label in labels.items()}["50 %"] == pytest.approx(np.log10(2))
    assert column(named(plot, "max"), "value_ms")[0] == spectrum["value_ms"].max()


def test_spectrum_of_a_single_request() -> None:
    spectrum = pd.DataFrame({"quantile": [0.0, 1.0], "value_ms": [12.0, 12.0]})
    plot = percentile_spectrum(spectrum)
    assert column(named(plot, "max"), "value_ms").tolist() == [12.0]


def test_spectrum_on_a_logarithmic_axis_leaves_zeros_out() -> None:
    spectrum = samples.spectrum()
    spectrum.loc[0, "value_ms"] = 0.0
    plot = percentile_spectrum(spectrum, log=True)
    assert (column(named(plot, "percentiles"), "value_ms") > 0).all()


def test_latency_by_rps_is_coloured_and_shaped_by_stage() -> None:
    timeline = samples.staged(samples.timeline())
    plot = latency_by_rps(timeline)
    assert legend_labels(plot) == ["stage 0", "stage 1", "stage 2", "ramp"]
    dots = timeline[(timeline["stage"] == 1) & timeline["p95_ms"].notna()]
    second = named(plot, "stage 1")
    np.testing.assert_array_equal(column(second, "rps"), dots["rps"])
    np.testing.assert_array_equal(column(second, "value_ms"), dots["p95_ms"])
    assert len({renderer.glyph.marker for renderer in drawn(plot)}) == 4
    assert plot.xaxis.axis_label == "throughput (successful requests a second)"
    assert plot.yaxis.axis_label == "p95 response time (ms)"


def test_latency_by_rps_takes_another_quantile_and_named_or_many_stages() -> None:
    timeline = samples.staged(samples.timeline())
    plot = latency_by_rps(timeline, quantile="p99")
    np.testing.assert_array_equal(column(named(plot, "stage 0"), "value_ms"), timeline["p99_ms"][4:20])
    names = timeline.assign(stage=timeline["stage"].map({0: "warm", 1: "peak", 2: "soak"}))
    assert legend_labels(latency_by_rps(names)) == ["warm", "peak", "soak", "ramp"]
    floats = timeline.assign(stage=timeline["stage"].astype("float64"))
    assert legend_labels(latency_by_rps(floats)) == ["stage 0", "stage 1", "stage 2", "ramp"]
    many = latency_by_rps(samples.staged(samples.timeline(400), 20))
    assert len(legend_labels(many)) == 21
    assert len({renderer.glyph.line_color for renderer in drawn(many)}) == 21


def test_a_sample_of_many_bins_is_evenly_spread_and_said() -> None:
    timeline = samples.staged(samples.timeline(9000, gap=None))
    plot = latency_by_rps(timeline)
    assert "a sample of 2,000 of 9,000 bins" in plot.title.text
    assert sum(len(column(renderer, "rps")) for renderer in drawn(plot)) == 2000


def test_nothing_to_draw_says_so() -> None:
    timeline = samples.staged(samples.timeline())
    empty = (
        latency_heatmap(samples.heat(samples.timeline()).iloc[:0]),
        percentile_spectrum(samples.spectrum().iloc[:0]),
        latency_by_rps(timeline.iloc[:0]),
        latency_by_rps(timeline.assign(p95_ms=np.nan)),
    )
    assert all("No data" in plot.html_attributes["aria-label"] for plot in empty)
