"""The terminal summary: complete, aligned, within its width, and free of control sequences."""

from __future__ import annotations

import dataclasses

import pytest
from report_samples import report_data
from test_report_html import hostile_data
from verdict_samples import BROKEN, MET, UNKNOWN, verdict

from loadlab.report import TABLES, ReportData, render_table_text, render_text


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return report_data(60, stages=(20, 50), figures=False)


@pytest.fixture(scope="module")
def judged(sample: ReportData) -> ReportData:
    return dataclasses.replace(sample, verdict=verdict(MET, BROKEN, UNKNOWN))


def test_it_tells_verdict_numbers_endpoints_stages_errors_and_validity(sample: ReportData) -> None:
    text = render_text(sample)
    lines = text.splitlines()
    assert lines[0] == "Run r20261123-095958-k3x9, started 2026-11-23 09:59:58 UTC, took 1 min 3 s"
    assert "run" in lines[2]
    assert f"{sample.total['count']:,}" in text
    for part in ("Throughput", "All requests", "POST /checkout", "Load stages", "Errors, the most", "Validity"):
        assert part in text
    for check in sample.validity["checks"]:
        assert check["name"].replace("_", " ") in text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal(sample: ReportData, width: int) -> None:
    lines = render_text(sample, width).splitlines()
    assert max(map(len, lines)) <= min(width, 100)
    assert all(line == line.rstrip() for line in lines)


def test_numbers_of_a_column_meet_at_their_decimal_point(sample: ReportData) -> None:
    lines = render_text(sample, 100).splitlines()
    first = lines.index(next(line for line in lines if line.startswith("All requests")))
    table = lines[first : first + 13]
    rate = lines[first - 2].index("Rate") + len("Rate")
    points = {line.index(".", rate - 8) for line in table if "." in line[rate - 8 : rate]}
    assert len(points) == 1


@pytest.mark.parametrize("name", ["endpoints", *sorted(set(TABLES) - {"regions"})])
def test_each_table_can_be_told_alone(judged: ReportData, name: str) -> None:
    lines = render_table_text(judged, name, 90).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 110  # the slowest requests have more columns than fit into 90


def test_regions_have_a_table_where_there_are_several(sample: ReportData) -> None:
    assert "each region" not in render_text(sample)
    regions = sample.summary.tail(2).drop(columns="request_type").rename(columns={"name": "region"})
    told = {str(regions["region"].iloc[0]): {"state": "lost", "clock_offset_ms": None}}
    data = dataclasses.replace(sample, regions=regions, info={**sample.info, "regions": told})
    lines = render_table_text(data, "regions").splitlines()
    assert lines[0] == "What came from each region"
    assert "All regions" in lines[3]
    assert "lost" in lines[4]
    assert "\nWhat came from each region\n" in render_text(data)


def test_an_empty_table_says_so_in_words(sample: ReportData) -> None:
    data = dataclasses.replace(sample, errors=sample.errors.head(0))
    assert render_table_text(data, "errors") == "No request failed and no task raised an exception."


def test_the_worst_endpoints_come_first_and_the_others_are_counted(sample: ReportData) -> None:
    rows = [sample.summary.head(1).assign(name=f"/{place:03d}", p95_ms=float(place)) for place in range(50)]
    import pandas as pd

    data = dataclasses.replace(sample, summary=pd.concat([*rows, sample.summary.tail(1)], ignore_index=True))
    text = render_text(data)
    assert text.index("/049") < text.index("/048") < text.index("/030")
    assert "/029" not in text
    assert "... and 30 more endpoints" in text


def test_hostile_texts_cannot_steer_the_terminal() -> None:
    text = render_text(hostile_data())
    assert "␛[31m" in text
    allowed = {"\n"}
    assert all(character.isprintable() or character in allowed for character in text)
    assert max(map(len, text.splitlines())) <= 100


def test_a_run_without_requests_is_told_too() -> None:
    text = render_text(report_data(0, figures=False))
    assert "No request was finished" in text
    assert "–" in text


def test_the_verdict_and_the_criteria_come_first(sample: ReportData, judged: ReportData) -> None:
    lines = render_text(judged, 100).splitlines()
    assert lines[2].startswith("✕ Failed: 1 of 3 criteria is broken. ")
    at = lines.index("Criteria")
    assert at < lines.index("Validity")
    assert lines[at + 1 : at + 4] == [
        f"✓ {MET['criterion']}: {MET['text']}",
        f"✕ {BROKEN['criterion']}: {BROKEN['text']}",
        f"? {UNKNOWN['criterion']}: {UNKNOWN['text']}",
    ]
    assert "Criteria" not in render_text(sample)
    assert render_table_text(sample, "criteria") == "The test has no criteria."
