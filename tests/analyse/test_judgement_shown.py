"""What a verdict, the validity and their parts show of themselves in a notebook cell and in a terminal."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from IPython.lib.pretty import pretty

from loadlab.analyse import Check, CriterionResult, Validity, Verdict
from loadlab.analyse.criteria import verdict
from loadlab.analyse.validity import check
from loadlab.report import verdict as told_in_reports
from loadlab.spec import Criteria

HOSTILE = """<img src=x onerror="alert(1)"></td><script>alert(2)</script>"""
BROKEN = CriterionResult("p99 < 300ms", "failed", "p99 was 412ms.", 412.0, 300.0, "ms", 1234)
MET = CriterionResult(f"rps({HOSTILE}) > 1", "passed", f"{HOSTILE} had 5 a second.", 5.0, 1.0, "/s", 300)


class Reader(HTMLParser):
    """Every element that there is, and the texts of list items and cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.add(tag)
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


def test_a_verdict_shows_a_row_a_criterion_and_obeys_no_name() -> None:
    reader = Reader(Verdict("failed", (BROKEN, MET), (BROKEN.text,))._repr_html_())
    assert reader.elements == {"div", "p", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "✕ Failed" in reader.texts
    cells = reader.texts[reader.texts.index("what was measured") + 1 :]
    assert [cell for cell in cells if cell] == [
        *("p99 < 300ms", "✕ broken", "p99 was 412ms."),
        *(f"rps({HOSTILE}) > 1", "✓ met", f"{HOSTILE} had 5 a second."),
    ]


def test_what_makes_a_run_invalid_is_told_beside_its_criteria() -> None:
    judged = Verdict("invalid", (MET,), (f"Worker {HOSTILE} was lost.",))
    assert repr(judged).splitlines() == ["invalid", f"Worker {HOSTILE} was lost.", f"✓ {MET.criterion}: {MET.text}"]
    reader = Reader(judged._repr_html_())
    assert f"Worker {HOSTILE} was lost." in reader.texts
    assert "script" not in reader.elements
    without = Verdict("unjudged", (), ("No criteria were given.",))
    assert repr(without) == "unjudged\nNo criteria were given."
    assert Reader(without._repr_html_()).elements == {"div", "p", "ul", "li"}


def test_validity_shows_what_speaks_against_a_run_first() -> None:
    checks = (Check("samples", "ok", "Enough."), Check("worker_cpu", "unjudged", "?"), Check("end", "warning", HOSTILE))
    reader = Reader(Validity(checks)._repr_html_())
    assert "! Valid run, with warnings" in reader.texts
    cells = reader.texts[reader.texts.index("why") + 1 :]
    assert [cell for cell in cells if cell][::3] == ["end", "samples", "worker cpu"]
    assert "script" not in reader.elements
    assert repr(checks[0]) == "✓ samples: Enough."


def test_signs_are_those_of_the_reports() -> None:
    assert verdict.SIGNS == told_in_reports.CRITERION_SIGNS
    assert verdict._WORDS == told_in_reports.CRITERION_RESULTS
    assert check._WORDS == told_in_reports.RESULTS
    assert {status: told_in_reports.SIGNS[status] for status in check.SIGNS} == check.SIGNS


def test_parts_show_as_a_line_in_a_cell() -> None:
    assert repr(BROKEN) == "✕ p99 < 300ms: p99 was 412ms."
    assert pretty([Criteria.parse("p99 < 0.3s")[0]]) == "[p99 < 300ms]"
