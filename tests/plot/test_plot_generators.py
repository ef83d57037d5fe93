from __future__ import annotations

import numpy as np
import pandas as pd
import plot_samples as samples
import pytest
from bokeh.models.annotations import Span
from plot_figure_parts import column, legend_labels, named, plots, times

from loadlab.plot import generator_figures, generator_health, users


def test_users_are_the_table_summed_and_by_class() -> None:
    table = samples.users()
    plot = users(table)
    line = named(plot, "all users")
    np.testing.assert_array_equal(column(line, "total")[:-1], table.groupby("time")["users"].sum())
    shop = table[table["user_class"] == "ShopUser"].sort_values("time")["users"]
    np.testing.assert_array_equal(column(named(plot, "ShopUser"), "class_0")[:-1], shop)
    assert legend_labels(plot) == ["all users", "ShopUser", "Checker"]


def test_late_parts_of_the_same_second_are_added() -> None:
    table = samples.users(classes=("ShopUser",))
    line = named(users(pd.concat([table, table])), "all users")
    np.testing.assert_array_equal(column(line, "total")[:-1], table["users"] * 2)


def test_many_user_classes_are_added_up() -> None:
    table = samples.users(classes=tuple(f"User{number}" for number in range(8)))
    plot = users(table)
    assert legend_labels(plot) == ["all users", "User0", "User1", "User2", "User3", "other classes"]
    rest = table[table["user_class"].isin([f"User{number}" for number in range(4, 8)])].groupby("time")["users"].sum()
    np.testing.assert_array_equal(column(named(plot, "other classes"), "other")[:-1], rest)


def test_workers_are_counted_on_an_axis_of_their_own_without_the_master() -> None:
    plot = users(samples.users(), samples.generators())
    workers = column(named(plot, "workers (right axis)"), "workers")
    assert workers[0] == 2
    assert workers[45] == 1
    assert plot.right[0].axis_label == "workers"
    assert plot.extra_y_ranges["workers"].start == 0


def test_generators_hold_the_numbers_of_the_table_and_break_where_one_was_silent() -> None:
    table = samples.generators()
    cpu, lag, memory = generator_figures(table)
    for plot, name, scale in ((cpu, "cpu_percent", 1), (lag, "lag_ms", 1), (memory, "memory_bytes", 1e-6)):
        for place, worker in enumerate(("master", "worker-1", "worker-2")):
            line = named(plot, worker)
            own = table[table["worker"] == worker].set_index("time")[name].reindex(times(line))
            np.testing.assert_allclose(column(line, f"worker_{place}"), own * scale)
    assert np.isnan(column(named(cpu, "worker-2"), "worker_2")[40:50]).all()
    assert [plot.yaxis.axis_label for plot in (cpu, lag, memory)] == [
        "CPU (% of one core)",
        "longest delay (ms)",
        "resident memory (MB)",
    ]


def test_a_second_that_all_miss_is_a_gap() -> None:
    table = samples.generators(workers=("worker-1",))
    cpu = generator_figures(table)[0]
    silent = column(named(cpu, "worker-1"), "worker_0")[40:50]
    assert len(silent) == 10
    assert np.isnan(silent).all()


def test_of_many_generators_the_busiest_are_drawn_and_the_highest_of_the_others() -> None:
    workers = tuple(f"worker-{number}" for number in range(12))
    table = samples.generators(workers=workers)
    cpu = generator_figures(table)[0]
    assert legend_labels(cpu) == ["worker-10", "worker-11", "worker-8", "worker-9", "highest of 8 others"]
    others = table[~table["worker"].isin(["worker-8", "worker-9", "worker-10", "worker-11"])]
    np.testing.assert_allclose(
        column(named(cpu, "highest of 8 others"), "other"), others.groupby("time")["cpu_percent"].max()
    )


@pytest.mark.parametrize(("limit", "reached"), [(80.0, True), (500.0, False)])
def test_limits_are_lines_and_in_sight_when_they_are_near(limit: float, reached: bool) -> None:
    cpu = generator_figures(samples.generators(), cpu_limit_percent=limit)[0]
    assert [part.location for part in cpu.center if isinstance(part, Span)] == [limit]
    assert (cpu.y_range.end is not None and cpu.y_range.end > limit) == reached


def test_health_is_three_linked_figures() -> None:
    figures = plots(generator_health(samples.generators()))
    assert len(figures) == 3
    assert len({plot.x_range.id for plot in figures}) == 1


def test_nothing_to_draw_says_so() -> None:
    assert "No data" in users(samples.users().iloc[:0]).html_attributes["aria-label"]
    (empty,) = generator_figures(samples.generators().iloc[:0])
    assert "No data" in empty.html_attributes["aria-label"]
