from __future__ import annotations

import numpy as np
import pandas as pd
import plot_samples as samples
from bokeh.models import PlainText
from bokeh.models.annotations import Label
from plot_figure_parts import column, legend_labels, named, times

from loadlab.plot import percentiles


def labels(plot) -> list[str]:
    return [part.text.text for part in plot.center if isinstance(part, Label) and isinstance(part.text, PlainText)]


def test_events_are_marked_at_their_time_with_their_text() -> None:
    events = samples.events()
    plot = percentiles(samples.timeline(), events)
    assert legend_labels(plot)[-2:] == ["events", "warnings"]
    lost = named(plot, "warnings")
    assert list(column(lost, "text")) == ["worker-2 went silent"]
    assert times(lost)[0] == events["time"].iloc[4]
    assert len(column(named(plot, "events"), "text")) == 6


def test_labels_are_short_and_say_what_happened() -> None:
    assert labels(percentiles(samples.timeline(), samples.events())) == [
        "1: 20 users (+1 more)",
        "ramp done",
        "2: 50 users",
        "worker-2 lost",
        "deployed build 1234",
        "stopping",
    ]


def test_events_close_to_each_other_share_the_label_that_matters_most() -> None:
    events = pd.DataFrame(
        {
            "time": samples.START + pd.to_timedelta([10.0, 10.2, 10.4, 10.6], unit="s"),
            "kind": ["worker_joined", "stage", "master_lost", "note"],
            "object": ["worker-3", "", "", ""],
            "text": ["a", "b", "c", "d"],
            "data": ["{}", '{"users": 7}', "{}", "{}"],
            "region": "",
        }
    )
    assert labels(percentiles(samples.timeline(), events)) == ["master lost (+3 more)"]


def test_many_events_in_a_row_leave_room_for_the_curves() -> None:
    """Two labels may stand beside each other; then 8 % of the minute that is visible stay free."""
    events = pd.DataFrame(
        {
            "time": samples.START + pd.to_timedelta([10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 40.0, 42.0], unit="s"),
            "kind": ["note", "note", "note", "worker_lost", "note", "note", "note", "note"],
            "object": "w1",
            "text": list("abcdefgh"),
            "data": "{}",
            "region": "",
        }
    )
    assert labels(percentiles(samples.timeline(), events)) == ["a", "w1 lost (+2 more)", "e", "f", "g", "h"]


def test_events_outside_of_the_chart_are_left_out() -> None:
    events = samples.events().assign(time=samples.START - pd.Timedelta("1h"))
    plot = percentiles(samples.timeline(), events)
    assert labels(plot) == []
    assert legend_labels(plot) == ["p50", "p90", "p95", "p99"]


def test_odd_data_of_an_event_does_no_harm() -> None:
    events = samples.events()
    events["data"] = ["", "[]", "not json", '{"users": "many"}', "null", "{}", "{}"]
    assert "stage" in labels(percentiles(samples.timeline(), events))


def test_ten_thousand_events_stay_readable() -> None:
    many = pd.DataFrame(
        {
            "time": samples.START + pd.to_timedelta(np.linspace(0, 60, 10_000), unit="s"),
            "kind": "note",
            "object": "",
            "text": "n" * 500,
            "data": "{}",
            "region": "",
        }
    )
    plot = percentiles(samples.timeline(), many)
    assert len(labels(plot)) <= 21
    assert all(len(label) < 40 for label in labels(plot))


def test_a_label_at_the_end_stands_before_its_line() -> None:
    plot = percentiles(samples.timeline(), samples.events())
    drawn = [part for part in plot.center if isinstance(part, Label) and isinstance(part.text, PlainText)]
    assert [label.text_baseline for label in drawn] == ["top"] * 5 + ["bottom"]
    assert drawn[-1].x_offset < 0


def test_the_only_stage_has_no_number() -> None:
    events = samples.events()
    assert labels(percentiles(samples.timeline(), events.drop(index=3)))[0] == "20 users (+1 more)"
