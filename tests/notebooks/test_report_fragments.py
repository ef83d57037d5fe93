"""The report's parts that a notebook shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from targets import storefront

import loadlab
from loadlab.errors import SpecError
from loadlab.plot import format_ms
from loadlab.report import TABLES

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "single_endpoint.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> loadlab.Run:
    with storefront() as shop:
        test = loadlab.LoadTest(locustfile=LOCUSTFILE, host=shop.url, users=5, spawn_rate=5, run_time=2)
        return loadlab.run(test, runs=tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_tells_something(run: loadlab.Run, name: str) -> None:
    fragment = run.report_table(name)._repr_html_()
    assert fragment.startswith("<style>")
    assert "<td" in fragment or "<p>" in fragment


def test_what_is_missing_is_said(run: loadlab.Run) -> None:
    assert "No request failed" in run.report_table("errors")._repr_html_()
    assert "The load had no stages" in run.report_table("stages")._repr_html_()


def test_the_slowest_request_comes_first(run: loadlab.Run) -> None:
    page = run.report_table("exemplars")._repr_html_()
    assert run.exemplars["trace_id"][run.exemplars["response_time_ms"].idxmax()] in re.findall(r"[0-9a-f]{32}", page)[0]


def test_an_unknown_table_is_refused_with_the_nearest(run: loadlab.Run) -> None:
    with pytest.raises(SpecError, match="Did you mean 'errors'"):
        run.report_table("error")


def test_the_verdict_comes_with_the_run(run: loadlab.Run) -> None:
    titles = {"valid": "valid run", "warning": "valid run, with warnings", "invalid": "invalid run"}
    page = run._repr_html_()
    assert run.id in page
    assert str(run.path) in page
    total = run.summary().iloc[-1]
    for told in (
        f"{total['count']:,}",
        format_ms(total["p99_ms"]),
        f"Validity: {titles[run.validity.status]} (checks:",
    ):
        assert told in re.sub(r"</?small>", "", page).replace("\u00a0", " ")
        assert told.startswith("Validity") or told in repr(run)
    assert repr(run).endswith(f"Kept in {run.path}.")
    deciding = [check.text for check in run.validity.checks if check.status == run.validity.status]
    assert all(text.split()[0] in page for text in deciding)


def test_verdict_and_validity_are_told_line_by_line(run: loadlab.Run) -> None:
    lines = repr(run.validity).splitlines()
    assert lines[0] == run.validity.status
    assert len(lines) == 1 + len(run.validity.checks)
    assert all(any(check.text in line for line in lines) for check in run.validity.checks)
    verdict = run.judge("p99 < 5s; error_ratio < 1%")
    judged = repr(verdict).splitlines()
    assert judged[0] in ("passed", "failed", "invalid")
    assert [line[2:].partition(": ")[0] for line in judged[-2:]] == ["p99 < 5s", "error_ratio < 1%"]
    assert verdict.status != "invalid" or all(reason in repr(verdict) for reason in verdict.reasons)


def test_the_report_is_a_link_that_works_where_it_stands(run: loadlab.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's page may not link to files, a file's page may not know where the server's folder is."""
    report = run.report()
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert f'href="{report.path.as_uri()}"' in report._repr_mimebundle_()["text/html"]
    (run.path.parents[1] / "notebooks").mkdir()
    monkeypatch.chdir(run.path.parents[1] / "notebooks")
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/load_test.ipynb")
    expected = f'href="../{run.path.parent.name}/{run.id}/report.html"'
    assert expected in report._repr_mimebundle_()["text/html"]
