"""The panel's picture: what it says, when it says that it is old, and that foreign text stays text."""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import loadlab
from loadlab.analyse import CriterionResult
from loadlab.analyse.criteria.wording import describe_no_steady_state
from loadlab.panel import read_status, render
from loadlab.spec import Criteria
from loadlab.stream import LiveSeconds

T = 1_764_028_800
HOSTILE = """</style></td><script>window.obeyed = 1</script><img src=x onerror="alert(1)">\x1b[31m‮ $x$"""
ALLOWED = {"div", "style", "header", "span", "b", "i", "small", "ul", "li", "figure", "figcaption", "br", "svg", "path"}
ALLOWED |= {"text", "table", "caption", "thead", "tbody", "tr", "th", "td"}


class Reader(HTMLParser):
    """The elements, attributes and texts of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


class Watched:
    """A run of some seconds with one failing and one good endpoint, told by hand."""

    id = "r20251125-000000-ab12"
    planned_s: float | None = 60.0
    target_users = 8
    state = "steady"
    outcome: tuple[bool, str] = (False, "")
    archived: Any = None
    own_warnings: tuple[str, ...] = ()

    def __init__(self, locustfile: Path, *, seconds: int = 20, name: str = "/cart", **fields: Any) -> None:
        self.test = loadlab.LoadTest(locustfile=locustfile, host="http://127.0.0.1:8000", users=8, **fields)
        self.seconds = LiveSeconds()
        self.last_news = time.monotonic()
        self.tell("test_start")
        self.tell("ramp_complete")
        for t in range(T, T + seconds):
            rows = [["GET", name, 4, 1, 0, 1.0, 1.0, 9.0, [200], [4], None, None]]
            rows.append(["GET", "/fine", 6, 0, 0, 1.0, 1.0, 9.0, [250], [6], None, None])
            generators = [["worker-1", 8, 10, 99.0, 1, 900.0, -2500.0], ["master", 0, 0, 2.0, 1, 0.1, 0.0]]
            record = {"kind": "second", "t": t, "requests": rows, "users": {"A": 8}, "generators": generators}
            self.seconds.add(record)

    def tell(self, kind: str, text: str = "", about: str = "") -> None:
        self.seconds.add({"kind": "event", "time": T, "event": kind, "object": about, "text": text})

    def results(self) -> tuple[CriterionResult, ...]:
        return (CriterionResult(HOSTILE, "failed", HOSTILE, 2.0, 1.0, "ms", 5),)


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    path = tmp_path / "visitor.py"
    path.write_text("")
    return path


def test_the_numbers_are_those_of_the_last_ten_seconds_and_the_worst_comes_first(locustfile: Path) -> None:
    status = read_status(Watched(locustfile))
    assert (status.window_s, status.requests, status.rps, status.error_ratio) == (10, 200, 9.0, 0.1)
    assert (status.elapsed_s, status.remaining_s, status.as_of) == (20.0, 40.0, T + 20)
    assert [row.name for row in status.endpoints] == ["/cart", "/fine"]
    assert status.endpoints[0].error_ratio == 0.25
    assert "steady, 20 of 60 s, 40 s left, 8 users, 9.00 rps, 10.0 % failed" in status.line
    assert status.line.endswith("As of 00:00:20 UTC.")


@pytest.mark.parametrize("kind", ["live", "snapshot", "final"])
def test_foreign_text_stays_text(locustfile: Path, kind: Any) -> None:
    run = Watched(locustfile, name=HOSTILE)
    run.tell("warning", HOSTILE)
    run.tell("worker_lost", about=HOSTILE)
    run.own_warnings = (HOSTILE,)
    run.outcome = (kind == "final", f"LaunchError: {HOSTILE}")
    html = render(read_status(run), kind=kind, controls="loadlab-controls-1")
    page = Reader(html)
    assert page.tags <= ALLOWED
    assert not any(name.startswith("on") for name in page.attributes)
    assert html.count("</style>") == 1
    assert page.text.count("<script>window.obeyed = 1</script>") >= 5
    assert "\x1b" not in html
    assert "‮" not in html


def test_only_what_goes_on_can_grow_old(locustfile: Path) -> None:
    status = read_status(Watched(locustfile))
    pictures = [render(status, kind="live", tick=tick, fresh_s=4) for tick in (1, 2)]
    assert all("Not live any more: as of 00:00:20 UTC" in picture for picture in pictures)
    names = [[word for word in ("loadlab-fresh-0 4s", "loadlab-fresh-1 4s") if word in each] for each in pictures]
    assert names == [["loadlab-fresh-1 4s"], ["loadlab-fresh-0 4s"]], "each begins its animation anew"
    run = Watched(locustfile)
    run.outcome, run.state = (True, "valid"), "finished"
    final = render(read_status(run), kind="final")
    assert "Not live any more" not in final
    assert "while it ran" not in final
    assert 'role="status"' not in final
    assert "whole run" in final
    assert "after 20 s instead of 60" in final


def test_a_snapshot_always_says_that_it_is_one(locustfile: Path) -> None:
    """A saved notebook shows it, when the run may have ended long ago: nothing may hide that, not even at first."""
    html = render(read_status(Watched(locustfile)), kind="snapshot")
    (mark,) = re.findall(r"<span class=\"[^\"]*stale[^>]*>[^<]*</span>", html)
    assert "Picture of 00:00:20 UTC, while it ran" in mark
    assert "animation" not in mark
    assert 'role="status"' not in html
    assert "20 of 60 s, 40 s were left" in Reader(html).text
    begun = Reader(render(read_status(Watched(locustfile, seconds=0)), kind="snapshot")).text
    assert "Picture of its start, while it ran" in begun


def test_doubts_are_told_as_they_appear(locustfile: Path) -> None:
    run = Watched(locustfile, target_rps=50)
    run.tell("worker_lost", about="worker-2")
    run.last_news -= 7
    run.own_warnings = ("The disk is nearly full.",)
    status = read_status(run)
    told = " ".join(status.doubts)
    assert [doubt.split()[0] for doubt in status.doubts] == ["Nothing", "1", "9", "worker-1", "Stalls", "The", "The"]
    assert '<li><span class="bad">!</span> Nothing has come' in render(status, kind="live")
    assert "1 worker went silent: worker-2." in told
    assert re.search(r"Nothing has come from the master for \d+ s", told)
    assert "worker-1 used more than 90 % of one core in 20 of the last 20 s" in told
    assert "Stalls of the generators delayed about 90% of the requests" in told
    assert "The clock of worker-1 is 2.5 s ahead of the master's" in told
    assert "9 requests/s succeed, 82% below the 50 asked for." in told
    run.outcome = (True, "")
    assert read_status(run).doubts == ("1 worker went silent: worker-2.", "The disk is nearly full.")


def test_missing_workers_are_marked_while_they_are_needed(locustfile: Path) -> None:
    run = Watched(locustfile)
    run.seconds.expected_workers, run.seconds.workers = 2, {"worker-1"}
    marked = '<b data-number="workers"><span class="bad">1</span> <small>of 2</small></b>'
    assert marked in render(read_status(run), kind="live")
    run.state = "stopping"
    assert marked not in render(read_status(run), kind="live"), "they leave when it ends"
    run.state, run.seconds.workers = "steady", {"worker-1", "worker-2"}
    assert '<b data-number="workers">2 <small>of 2</small></b>' in render(read_status(run), kind="live")


def test_before_the_first_second_there_is_nothing_but_the_state(locustfile: Path) -> None:
    run = Watched(locustfile, seconds=0)
    run.state = "starting"
    status = read_status(run)
    assert status.as_of is None
    assert math.isnan(status.p99_ms)
    page = Reader(render(status, kind="live"))
    assert "starting" in page.text
    assert "no data yet" in page.text
    assert "svg" not in page.tags


def test_an_error_of_several_lines_stays_so(locustfile: Path) -> None:
    run = Watched(locustfile, seconds=0)
    run.state, run.outcome = "failed", (True, "LaunchError: its last words:\n  File <a>, line 3\n\n    12 | a = b")
    html = render(read_status(run), kind="final")
    assert "LaunchError: its last words:<br>  File &lt;a&gt;, line 3<br>    12 | a = b</span>" in html
    assert "no data<" in html
    assert "as of no" not in html
    assert read_status(run).line.endswith(". No data.")
    run.outcome = (True, "a\n" * 2000)
    assert render(read_status(run), kind="final").count("<br>") == 999


def test_during_the_ramp_a_criterion_waits_for_its_end(locustfile: Path) -> None:
    (criterion,) = Criteria.parse("p95 < 500ms")
    text = describe_no_steady_state(criterion, started=True)
    assert text.startswith("No ramp was completed before the end")
    status = read_status(Watched(locustfile))
    status = replace(status, criteria=(CriterionResult(str(criterion), "invalid", text, None, 500.0, "ms", 0),))
    for kind, state, words in (
        ("live", "ramping", "… not yet: p95 < 500ms judged from the end of the ramp."),
        ("live", "stopping", "? not judged p95 < 500ms No ramp was completed"),
        ("final", "stopped", "? not judged p95 < 500ms No ramp was completed"),
    ):
        assert words in Reader(render(replace(status, state=state), kind=kind)).text


def test_a_long_run_shows_its_last_minutes_beside_the_whole(locustfile: Path) -> None:
    html = render(read_status(Watched(locustfile, seconds=1500)), kind="live")
    assert html.count("<svg") == 6
    assert "last 5 min" in html
    assert "whole run, 8 s a point" in html
    assert len(html) < 60_000


def test_the_numbers_of_a_run_that_is_over_are_those_of_its_archive(locustfile: Path) -> None:
    class Archived:
        duration_s = 19.4

        def summary(self) -> pd.DataFrame:
            names = ["request_type", "name", "rps", "error_ratio", "p50_ms", "p95_ms", "p99_ms", "count", "failures"]
            rows = [
                ("GET", "/cart", 3.0, 0.5, 1.0, 2.0, 3.0, 8, 4),
                ("", "Aggregated", 9.28, 0.1, 4.0, 5.0, 6.0, 200, 20),
            ]
            return pd.DataFrame(rows, columns=names)

    run = Watched(locustfile)
    run.state, run.archived = "finished", Archived()
    assert read_status(run).rps == 9.0, "while it goes on: the last seconds"
    run.outcome = (True, "All criteria were met.")
    status = read_status(run)
    assert (status.elapsed_s, status.rps, status.requests, status.failures) == (19.4, 9.28, 200, 20)
    assert (status.p50_ms, status.p95_ms, status.p99_ms) == (4.0, 5.0, 6.0)
    assert [(row.name, row.requests, row.rps) for row in status.endpoints] == [("/cart", 8, 3.0)]
    assert status.line.endswith("All criteria were met. As of 00:00:20 UTC.")


def test_seconds_in_part_under_load_are_not_drawn(locustfile: Path) -> None:
    run = Watched(locustfile)
    run.seconds.began = T + 0.5
    run.seconds.add({"kind": "event", "time": T + 20.3, "event": "test_stopping"})
    rows = [["GET", "/fine", 1, 0, 0, 1.0, 1.0, 9.0, [250], [1], None, None]]
    run.seconds.add({"kind": "second", "t": T + 20, "requests": rows, "users": {"A": 0}})
    run.outcome = (True, "")
    html = render(read_status(run), kind="final")
    drawn = re.findall('<path class="[abc]" d="([^"]*)"', html)
    assert [len(re.findall("[ML]", path)) for path in drawn] == [19] * 6, "without its first and its last second"


def test_a_legend_tells_the_latest_values_only_while_the_run_goes_on(locustfile: Path) -> None:
    run = Watched(locustfile)
    html = render(read_status(run), kind="live")
    assert "succeeded 9, failed 1" in Reader(html).text
    assert 'aria-label="Throughput, whole run: succeeded 9 requests/s, failed 1 requests/s"' in html
    run.outcome = (True, "valid")
    html = render(read_status(run), kind="final")
    assert "succeeded, failed" in Reader(html).text
    assert 'aria-label="Throughput, whole run: succeeded, failed"' in html


def test_each_number_says_what_time_it_is_about(locustfile: Path) -> None:
    text = Reader(render(read_status(Watched(locustfile)), kind="live")).text
    assert "Requests: 200 so far" in text
    assert "Successful rps: 9.00 last 10 s" in text


def test_without_styles_and_drawings_no_two_texts_run_together(locustfile: Path) -> None:
    """As JupyterLab shows a notebook that it does not trust: the texts of what it takes out stay."""
    html = render(read_status(Watched(locustfile, seconds=12)), kind="snapshot")
    text = Reader(re.sub("<style>.*?</style>", "", html, flags=re.DOTALL)).text
    assert "Users: 8 of 8 now" in text
    assert re.search(r"p95: \S+ ms last 10 s", text)
    assert re.search(r"p99 \S+, p95 \S+, p50 \S+\s", text)
    assert "0 5 10 0:05 0:10 " in text
    assert not re.search(
        "</(?:b|i|small|span|text)><(?:b|i|small|span|text)[ >]", re.sub('<i class="sep">.*?</i>', " ", html)
    )
