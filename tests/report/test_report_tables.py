"""The tables of a report before they become HTML or text."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from report_samples import ENDPOINTS, START, report_data

from loadlab.report import ReportData
from loadlab.report.table import FIGURE_SPACE, PUNCTUATION_SPACE, number_column, time_column
from loadlab.report.tables import endpoint_table, error_table, exemplar_table, generator_table, stage_table


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return report_data(30, figures=False)


def test_right_aligned_numbers_meet_at_their_decimal_point() -> None:
    cells = number_column("p50", [1234.0, 12.34, 0.0123, 0.0, float("nan")], "ms").cells
    assert [cell.strip() for cell in cells] == ["1,230", "12.3", "0.0123", "0", "–"]
    spaces = FIGURE_SPACE + PUNCTUATION_SPACE
    behind_the_point = [len(cell) - len(cell.rstrip(spaces).partition(".")[0]) for cell in cells]
    assert behind_the_point == [5] * 5


def test_times_of_one_day_are_told_without_their_date() -> None:
    assert time_column("Time", [START, pd.NaT]).cells == ("10:00:00", "–")
    assert time_column("Time", [START, START + pd.Timedelta("1D")]).cells[1] == "2026-11-24 10:00:00"


def test_the_first_endpoint_row_is_for_all_requests_and_the_worst_follow(sample: ReportData) -> None:
    table = endpoint_table(sample)
    assert len(table) == len(ENDPOINTS) + 1
    assert table.totals == 1
    names = table.columns[0].cells
    assert names[0] == "All requests"
    ratios = sample.endpoints["error_ratio"].round(2).tolist()
    assert ratios == sorted(ratios, reverse=True)
    rest = table.rows(5, None, "the rest")
    assert rest.columns[0].cells == names[5:]
    assert rest.totals == 0


def test_quantiles_with_too_few_samples_are_marked(sample: ReportData) -> None:
    table = endpoint_table(sample)
    marked = {column.title: column.marked for column in table.columns if column.marked}
    few = ["p99.9" in labels.split(", ") for labels in sample.endpoints["few_samples"]]
    assert {row - 1 for row in marked["p99.9"] if row} == {row for row, is_few in enumerate(few) if is_few}
    assert "Requests" not in marked


def test_a_plain_test_has_no_stage_table(sample: ReportData) -> None:
    assert stage_table(sample) is None
    staged = stage_table(report_data(40, stages=(10, 20), figures=False))
    assert staged is not None
    assert staged.columns[0].cells == ("1: 10 users", "2: 20 users")
    assert staged.columns[1].cells == ("10", "20")


def test_a_sample_that_says_no_more_than_the_message_is_left_out(sample: ReportData) -> None:
    same = dataclasses.replace(sample, errors=sample.errors.assign(sample=sample.errors["message"]))
    table = error_table(same)
    assert table is not None
    assert set(table.columns[-1].cells) == {""}
    assert error_table(dataclasses.replace(sample, errors=sample.errors.head(0))) is None


def test_exemplars_tell_equal_ids_once_and_urls_without_the_host(sample: ReportData) -> None:
    assert sample.exemplars is not None
    table = exemplar_table(sample)
    assert table is not None
    titles = [column.title for column in table.columns]
    assert titles == ["Endpoint", "Response time", "Status", "Started", "Trace id", "X-Request-Id", "URL", "Error"]
    assert all(url.startswith("/") for url in table.columns[6].cells)
    plain = sample.exemplars.assign(request_id=sample.exemplars["trace_id"], error="")
    table = exemplar_table(dataclasses.replace(sample, exemplars=plain))
    assert table is not None
    titles = [column.title for column in table.columns]
    assert titles == ["Endpoint", "Response time", "Status", "Started", "Trace and request id", "URL"]


def test_generators_are_told_with_their_highest_values(sample: ReportData) -> None:
    assert sample.generators is not None
    table = generator_table(sample)
    assert table is not None
    worker = sample.generators[sample.generators["worker"] == "worker-2"]
    row = dict(
        zip((column.title for column in table.columns), (column.cells[2] for column in table.columns), strict=True)
    )
    assert row["Generator"] == "worker-2"
    assert row["Requests"] == f"{worker['requests'].sum():,}"
    assert float(row["Highest CPU"]) == pytest.approx(worker["cpu_percent"].max(), rel=0.01)
