from __future__ import annotations

import numpy as np
import pandas as pd
import plot_samples as samples
import pytest
from bokeh.models import DataRange1d, LogAxis
from plot_figure_parts import column, drawn, legend_labels, named, times, tooltips

from loadlab.plot import TimeAxis, errors, percentiles, throughput


def test_percentiles_hold_the_numbers_of_the_timeline() -> None:
    timeline = samples.timeline()
    plot = percentiles(timeline)
    for quantile in ("p50", "p90", "p95", "p99"):
        line = named(plot, quantile)
        np.testing.assert_array_equal(column(line, f"{quantile}_ms"), timeline[f"{quantile}_ms"])
        assert list(times(line)) == list(timeline["time"])
    assert legend_labels(plot) == ["p50", "p90", "p95", "p99"]


def test_percentiles_name_units_and_time_zone_and_start_at_zero() -> None:
    plot = percentiles(samples.timeline())
    assert plot.yaxis.axis_label == "response time (ms)"
    assert plot.xaxis.axis_label == "time (UTC), 2026-11-23"
    assert isinstance(plot.y_range, DataRange1d)
    assert plot.y_range.start == 0
    assert all("ms" in tooltip and "UTC" in tooltip for tooltip in tooltips(plot))
    assert "highest p99" in plot.html_attributes["aria-label"]


def test_a_second_without_requests_is_a_gap_in_latency_and_zero_in_throughput() -> None:
    timeline = samples.timeline(gap=slice(30, 33))
    assert np.isnan(column(named(percentiles(timeline), "p50"), "p50_ms")[30:33]).all()
    rates = named(throughput(timeline), "successful")
    assert (column(rates, "rps")[30:33] == 0).all()
    assert (column(rates, "rps")[:30] > 0).all()


def test_a_value_between_gaps_has_a_marker() -> None:
    timeline = samples.timeline(600, gap=None)
    lonely = 333
    timeline.loc[[lonely - 1, lonely + 1], ["p50_ms", "p90_ms", "p95_ms", "p99_ms"]] = np.nan
    marks = [renderer for renderer in drawn(percentiles(timeline)) if renderer.name == "p50"][1]
    assert lonely in marks.view.filter.indices
    assert len(marks.view.filter.indices) < 20


@pytest.mark.parametrize("figure", [percentiles, throughput])
def test_a_single_second_is_drawn(figure) -> None:
    plot = figure(samples.timeline(1, gap=None))
    assert drawn(plot)
    assert plot.x_range.end - plot.x_range.start == pytest.approx(1020)


def test_an_empty_timeline_says_no_data() -> None:
    empty = samples.timeline().iloc[:0]
    for plot in (percentiles(empty), throughput(empty), errors(empty, None)):
        assert "No data" in plot.html_attributes["aria-label"]


def test_a_run_over_midnight_names_both_days() -> None:
    timeline = samples.timeline().assign(time=samples.times(60, pd.Timestamp("2026-11-23T23:59:30Z")))
    assert percentiles(timeline).xaxis.axis_label == "time (UTC), 2026-11-23 to 2026-11-24"


def test_other_time_zones_are_drawn_in_utc() -> None:
    timeline = samples.timeline()
    local = timeline.assign(time=timeline["time"].dt.tz_convert("Asia/Tokyo"))
    assert list(times(named(percentiles(local), "p50"))) == list(timeline["time"])
    assert percentiles(local).xaxis.axis_label == "time (UTC), 2026-11-23"


def test_intended_latency_is_drawn_where_there_is_any() -> None:
    timeline = samples.timeline()
    assert "p99 from intended start" not in legend_labels(percentiles(timeline.assign(intended_p99_ms=np.nan)))
    plot = percentiles(timeline.assign(intended_p99_ms=timeline["p99_ms"] * 2))
    np.testing.assert_array_equal(
        column(named(plot, "p99 from intended start"), "intended_p99_ms"), timeline["p99_ms"] * 2
    )


def test_percentiles_on_a_logarithmic_axis() -> None:
    timeline = samples.timeline()
    timeline.loc[3, "p50_ms"] = 0.0
    plot = percentiles(timeline, log=True)
    assert isinstance(plot.yaxis[0], LogAxis)
    assert all(tick > 0 for tick in plot.yaxis.ticker.ticks)


def test_a_long_run_is_thinned_without_losing_its_peak() -> None:
    timeline = samples.timeline(20_000, gap=slice(7000, 7010))
    timeline.loc[12_345, "p99_ms"] = 60_000.0
    line = named(percentiles(timeline), "p99")
    values = column(line, "p99_ms")
    assert len(values) <= 2000
    assert np.nanmax(values) == 60_000.0
    assert np.isnan(values).any()
    original = timeline.set_index("time")["p99_ms"]
    np.testing.assert_array_equal(values, original.loc[times(line)].to_numpy())


def test_throughput_stacks_failures_by_kind_on_the_successful() -> None:
    timeline = samples.timeline()
    counts = samples.errors_by_kind(timeline)
    plot = throughput(timeline, counts)
    assert legend_labels(plot) == ["successful", "HTTP 503", "timeout", "check failed"]
    total = column(named(plot, "check failed"), "kind_2_top")[:-1]
    np.testing.assert_allclose(total, timeline["rps"] + timeline["failures_per_s"])
    for place, kind in enumerate(("HTTP 503", "timeout", "check failed")):
        counted = counts[counts["kind"] == kind].set_index("time")["count"].loc[timeline["time"]]
        np.testing.assert_array_equal(column(named(plot, kind), f"kind_{place}")[:-1], counted)


def test_the_last_bin_is_as_wide_as_the_others() -> None:
    timeline = samples.timeline()
    ends = times(named(throughput(timeline), "successful"))
    assert ends[-1] == timeline["time"].iloc[-1] + pd.Timedelta("1s")


def test_failures_without_a_kind_are_shown() -> None:
    timeline = samples.timeline()
    assert legend_labels(throughput(timeline)) == ["successful", "failed"]
    counts = samples.errors_by_kind(timeline)
    partly = throughput(timeline, counts[counts["kind"] != "timeout"])
    assert legend_labels(partly) == ["successful", "HTTP 503", "check failed", "failed"]
    np.testing.assert_allclose(
        column(named(partly, "failed"), "failed_top")[:-1], timeline["rps"] + timeline["failures_per_s"]
    )


def test_rates_divide_by_the_seconds_that_a_bin_covers() -> None:
    timeline = samples.timeline(6, gap=None)
    timeline["time"] = pd.date_range(samples.START, periods=6, freq="10s", unit="us")
    timeline[["rps", "failures_per_s"]] /= 10
    timeline.loc[5, ["rps", "failures_per_s"]] *= 2
    counts = samples.errors_by_kind(timeline)
    plot = throughput(timeline, counts)
    assert "failed" not in legend_labels(plot)
    top = column(named(plot, legend_labels(plot)[-1]), "kind_2_top")[:-1]
    np.testing.assert_allclose(top, timeline["rps"] + timeline["failures_per_s"])


def test_many_kinds_are_added_up_and_look_the_same_in_both_figures() -> None:
    timeline = samples.timeline()
    counts = samples.errors_by_kind(timeline, tuple(f"HTTP 50{number}" for number in range(9)))
    above, below = throughput(timeline, counts), errors(timeline, counts)
    labels = legend_labels(below)
    assert labels == ["HTTP 500", "HTTP 501", "HTTP 502", "other kinds"]
    for label in labels:
        assert named(above, label).glyph.fill_color == named(below, label).glyph.fill_color
        assert named(above, label).glyph.hatch_pattern == named(below, label).glyph.hatch_pattern
    every = counts.groupby("time")["count"].sum().to_numpy()
    np.testing.assert_allclose(column(named(below, "other kinds"), "other_top")[:-1], every)


def test_exceptions_in_tasks_are_errors_but_not_requests() -> None:
    timeline = samples.timeline()
    counts = samples.errors_by_kind(timeline)
    assert "task exception" not in legend_labels(throughput(timeline, counts))
    assert "task exception" in legend_labels(errors(timeline, counts))


def test_errors_outside_of_all_bins_are_drawn() -> None:
    timeline = samples.timeline(gap=None)
    late = pd.DataFrame({"time": [samples.START + pd.Timedelta("75s")], "kind": ["task exception"], "count": [3]})
    area = named(errors(timeline, late), "task exception")
    assert column(area, "kind_0").sum() == 3 + 3  # the last row ends the step
    assert times(area)[-2] == samples.START + pd.Timedelta("75s")


@pytest.mark.parametrize(("seconds", "named"), [(1, ""), (86_400, ""), (86_401, " to 2026-11-24")])
def test_a_day_that_nothing_is_drawn_of_is_not_named(seconds: int, named: str) -> None:
    """The axis reaches a little further than the data: from midnight, into the day before."""
    times = pd.Series(pd.to_datetime(["2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z"]))
    times[1] += pd.Timedelta(seconds=seconds - 1)
    assert TimeAxis.covering(times, pd.Timedelta("1s")).label == "time (UTC), 2026-11-23" + named
