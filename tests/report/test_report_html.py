"""The report in a real browser: complete, self-contained, and inert whatever names and texts it holds."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_browser import Open, Visit, wait_for_figures
from report_samples import ENDPOINTS, START, exemplars, information, report_data, requests, rows
from verdict_samples import result, verdict

from loadlab import analyse, plot
from loadlab.errors import ReportError, SpecError
from loadlab.report import (
    TABLES,
    ReportData,
    render_report,
    render_table,
    render_verdict,
    summary_dict,
    write_report,
)

HOSTILE = (
    "<img src=x onerror=\"alert('name')\">",
    "</script><script>alert('script')</script>",
    "</style><style>body{display:none}</style>",
    "'\"`${alert(1)}`; -->]]>&lt;b&gt;",
    "nul\x00 esc\x1b[31m tab\t line\nnext \u202egnirts\u2066",
    "😀 emoji ﷽ \ud800 half a pair",
    "{{ 7 * 7 }} {% raw %} @name{safe} $(x) javascript:alert(1)",
)
MEGABYTE = "<b>x" * 262_144


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return report_data(60)


@pytest.fixture(scope="module")
def report(sample: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sample, tmp_path_factory.mktemp("report") / "report.html")


def embedded(visit: Visit) -> Any:
    return json.loads(visit.page.locator("#loadlab-summary").text_content() or "")


def test_the_page_is_complete_and_fetches_nothing(report: Path, sample: ReportData, visit: Open) -> None:
    with visit(report) as seen:
        wait_for_figures(seen.page)
        assert seen.misdeeds == []
        text = seen.page.inner_text("body")
        for wanted in (
            "Valid run",
            "Timeline",
            "Distribution",
            "Endpoints",
            "Errors",
            "Slowest requests",
            "Provenance",
        ):
            assert wanted in text
        total = sample.total
        assert f"{total['count']:,}" in text
        assert plot.format_ms(total["p99_ms"]) in text.replace("\u00a0", " ")
        assert "POST /checkout" in text
        assert sample.info["command"] in text
        assert "hunter2" not in seen.page.content()
        assert embedded(seen) == json.loads(json.dumps(summary_dict(sample)))
        assert seen.page.locator(".unscripted:visible").count() == 0


def test_every_figure_is_drawn(report: Path, visit: Open) -> None:
    with visit(report) as seen:
        wait_for_figures(seen.page)
        figures = seen.page.locator("figure.plot")
        assert [figures.nth(place).get_attribute("data-figure") for place in range(figures.count())] == [
            "timeline", "heatmap", "spectrum", "stages", "errors", "generators",
        ]  # fmt: skip
        for place in range(figures.count()):
            picture = Image.open(io.BytesIO(figures.nth(place).screenshot())).convert("RGB")
            pixels = np.asarray(picture).reshape(-1, 3).astype(int)
            coloured = (pixels.max(axis=1) - pixels.min(axis=1)) > 60
            assert coloured.sum() > 300, figures.nth(place).get_attribute("data-figure")


def test_without_scripts_verdict_and_numbers_are_there(report: Path, sample: ReportData, visit: Open) -> None:
    with visit(report, scripts=False) as seen:
        text = seen.page.inner_text("body")
        assert "Valid run" in text
        assert plot.format_ms(sample.total["p95_ms"]) in text.replace("\u00a0", " ")
        assert seen.page.locator(".unscripted:visible").count() == 6
        for name in ("Endpoints", "Errors", "Load generators"):
            assert seen.page.locator(f"section:has(h2:text-is('{name}')) table:visible").count() >= 1
        assert seen.misdeeds == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1280])
def test_nothing_is_wider_than_the_page(report: Path, visit: Open, scheme: str, width: int) -> None:
    with visit(report, color_scheme=scheme) as seen:
        seen.page.set_viewport_size({"width": width, "height": 900})
        wait_for_figures(seen.page)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        background = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        red = int(background.removeprefix("rgb(").split(",")[0])
        assert (red < 60) == (scheme == "dark")


def test_the_structure_serves_those_who_do_not_see_it(report: Path, visit: Open) -> None:
    with visit(report) as seen:
        page = seen.page
        levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => Number(one.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert page.locator("table").count() == page.locator("table > caption").count()
        assert page.locator("thead th:not([scope=col])").count() == 0
        assert page.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
        assert page.locator("svg:not([aria-label])").count() == page.locator(".bk-Canvas svg:not([aria-label])").count()
        assert page.locator("html[lang=en]").count() == 1
        for target in page.eval_on_selector_all("nav a", "all => all.map(one => one.getAttribute('href'))"):
            assert page.locator(target).count() == 1


def hostile_data() -> ReportData:
    endpoints = [
        (text, text, 10.0 + place) for place, text in enumerate(name.replace("\ud800", "") for name in HOSTILE)
    ]
    data = report_data(12, endpoints=endpoints, stages=(5, 10), figures=False)
    texts = [text.replace("\ud800", "") for text in HOSTILE]
    failed = rows(
        "errors",
        [
            (START + timedelta(seconds=place), text, text, text, text + MEGABYTE, place + 1, MEGABYTE + text)
            for place, text in enumerate(texts)
        ],
    )
    happened = rows(
        "events",
        [
            (START, "test_start", "", "start", "{}"),
            *(
                (START + timedelta(seconds=place), "note", text, text + MEGABYTE, json.dumps({"text": text}))
                for place, text in enumerate(texts)
            ),
            (START + timedelta(seconds=12), "test_stop", "", "stop", "{}"),
        ],
    )
    loaders = rows(
        "generators",
        [
            (START + timedelta(seconds=second), text, 1, 1, 10.0, 10**7, 1.0, 0.1)
            for second in range(12)
            for text in texts[:3]
        ],
    )
    people = rows("users", [(START + timedelta(seconds=second), texts[second % 7], 5) for second in range(12)])
    table = requests(12, endpoints)
    slow = exemplars(table).assign(url=texts[0] + MEGABYTE, trace_id=texts[1], request_id=texts[2], error=texts[1])
    table_timeline = analyse.timeline(table)
    everything = " ".join(HOSTILE)
    info = information(
        12,
        id=HOSTILE[0],
        end_reason=HOSTILE[1],
        labels={HOSTILE[0]: HOSTILE[1]},
        command=f"loadlab run --host '{everything}'",
        git={"revision": HOSTILE[1], "branch": HOSTILE[2], "dirty": True},
        versions={HOSTILE[0]: HOSTILE[1]},
        host={HOSTILE[2]: HOSTILE[5]},
        clock_offsets={HOSTILE[0]: {"offset_ms": None, "error_ms": None}},
        loadtest={
            "description": everything,
            "host": HOSTILE[0],
            "environment": {HOSTILE[1]: "hunter2"},
            "tags": list(HOSTILE),
            "stages": [{HOSTILE[0]: HOSTILE[1]}],
            HOSTILE[0]: HOSTILE[1],
        },
    )
    validity = {
        "status": "invalid",
        "checks": [{"name": text, "status": "invalid", "text": text + MEGABYTE} for text in HOSTILE],
    }
    stages = data.stages
    assert stages is not None
    return dataclasses.replace(
        data,
        info=info,
        validity=validity,
        verdict=verdict(*(result(text, "failed", text + MEGABYTE, unit=text[:9]) for text in HOSTILE)),
        kept_in=HOSTILE[0],
        errors=analyse.group_errors(failed),
        events=happened,
        generators=loaders,
        users=people,
        exemplars=slow,
        stages=stages.assign(name=HOSTILE[0]),
        figures={
            "timeline": plot.overview(
                table_timeline,
                events=happened,
                errors_by_kind=analyse.errors_by_kind(failed),
                users_table=people,
                generators=loaders,
            ),
            "stages": plot.latency_by_rps(table_timeline.assign(stage=HOSTILE[0])),
            "generators": plot.generator_health(loaders),
        },
    )


def test_hostile_names_and_texts_are_inert(tmp_path: Path, visit: Open) -> None:
    data = hostile_data()
    page = write_report(data, tmp_path / "hostile.html")
    assert page.stat().st_size < 3_000_000
    with visit(page) as seen:
        wait_for_figures(seen.page)
        seen.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        assert seen.misdeeds == []
        assert seen.page.locator("img, iframe, object, embed, link, form, base").count() == 0
        assert seen.page.locator("script").count() == 4
        assert seen.page.locator("body").is_visible()
        text = seen.page.inner_text("body")
        assert "<img src=x onerror=" in text
        assert "</script><script>alert" in text
        assert "nul␀ esc␛[31m tab line next" in text
        assert "{{ 7 * 7 }}" in text
        assert "\x00" not in text
        assert "\u202e" not in text
        assert "hunter2" not in text
        assert len(text) < 300_000
        rows_of_names = [row["name"] for row in embedded(seen)["endpoints"]]
        assert sorted(rows_of_names) == sorted(text.replace("\ud800", "") for text in HOSTILE)


class Elements(HTMLParser):
    """An oracle for what a browser without scripts would see: the elements by name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.names.append(tag)


def test_hostile_texts_make_no_elements() -> None:
    elements, parts = Elements(), Elements()
    data = hostile_data()
    elements.feed(render_report(data))
    for part in (render_verdict(data), *(render_table(data, name) for name in TABLES)):
        parts.feed(part)
    hostile = {"img", "b1", "iframe", "object", "base", "form", "link"}
    assert set(elements.names).isdisjoint(hostile)
    assert set(parts.names).isdisjoint({*hostile, "script"})
    assert elements.names.count("style") == 1
    assert elements.names.count("script") == 4


def test_a_day_with_a_thousand_endpoints_stays_small(tmp_path: Path, visit: Open) -> None:
    few = report_data(10, figures=False)
    seconds = 86_400
    random = np.random.default_rng(3)
    times = pd.Series(pd.date_range(START, periods=seconds, freq="1s", unit="us"))
    p50_ms = random.lognormal(3, 0.3, seconds)
    series = pd.DataFrame(
        {
            "time": times,
            "count": random.poisson(200, seconds),
            "failures": random.poisson(1, seconds),
            "rps": random.poisson(199, seconds).astype(float),
            "failures_per_s": random.poisson(1, seconds).astype(float),
            "p50_ms": p50_ms,
            "p90_ms": p50_ms * 2,
            "p95_ms": p50_ms * 3,
            "p99_ms": p50_ms * random.lognormal(1.5, 0.3, seconds),
        }
    )
    heat = pd.DataFrame(
        {
            "time": times[::300].repeat(40).reset_index(drop=True),
            "low_ms": np.tile(10 ** (np.arange(40) / 16), seconds // 300),
            "high_ms": np.tile(10 ** (np.arange(1, 41) / 16), seconds // 300),
            "count": random.poisson(50, seconds // 300 * 40),
        }
    )
    names = [(f"/some/rather/long/path/of/an/endpoint/{number:04d}/[id]/details") for number in range(1000)]
    summary = pd.concat(
        [few.summary.head(1).assign(name=name, p95_ms=float(place)) for place, name in enumerate(names)]
        + [few.summary.tail(1)],
        ignore_index=True,
    )
    coarse = pd.concat([series[::1440].assign(request_type="GET", name=name) for name in names], ignore_index=True)
    data = dataclasses.replace(
        few,
        summary=summary,
        endpoint_timelines=coarse,
        timeline=series[::1440].reset_index(drop=True),
        figures={
            "timeline": plot.overview(series, events=few.events),
            "heatmap": plot.latency_heatmap(heat),
        },
    )
    page = write_report(data, tmp_path / "day.html")
    assert page.stat().st_size < 3_000_000
    with visit(page) as seen:
        wait_for_figures(seen.page)
        open_rows = seen.page.locator("section:has(h2:text-is('Endpoints')) tbody tr:visible")
        assert open_rows.count() == 11
        assert names[-1] in open_rows.nth(1).inner_text()
        assert "The other 990 endpoints" in seen.page.inner_text("body")
        assert seen.misdeeds == []


def test_a_run_without_requests_says_so(tmp_path: Path, visit: Open) -> None:
    nothing = report_data(0, figures=False)
    assert len(nothing.endpoints) == 0
    page = write_report(nothing, tmp_path / "nothing.html")
    with visit(page) as seen:
        text = seen.page.inner_text("body")
        assert "Invalid run" in text
        assert "No request was finished" in text
        assert seen.misdeeds == []
        assert embedded(seen)["total"]["p99_ms"] is None


def test_a_run_of_one_second_that_was_never_finished(tmp_path: Path, visit: Open) -> None:
    short = report_data(1, endpoints=ENDPOINTS[:1])
    unfinished = {"id": "r1", "status": "recovered", "started": short.info["started"], "ended": None}
    page = write_report(dataclasses.replace(short, info=unfinished), tmp_path / "short.html")
    with visit(page) as seen:
        wait_for_figures(seen.page)
        text = seen.page.inner_text("body")
        assert "recovered from its journal" in text
        assert "took an unknown time" in text
        assert seen.misdeeds == []


def test_every_check_is_told_and_those_that_failed_come_first(sample: ReportData, tmp_path: Path, visit: Open) -> None:
    checks = [dict(check) for check in sample.validity["checks"]]
    checks[4].update(status="invalid", text="worker-2 waited for itself.")
    checks[5].update(status="warning", text="A clock was corrected.")
    data = dataclasses.replace(sample, validity={"status": "invalid", "checks": checks}, figures={})
    with visit(write_report(data, tmp_path / "invalid.html")) as seen:
        verdict = seen.page.locator("section.verdict").inner_text()
        assert "Invalid run" in verdict
        assert "Draw no conclusions" in verdict
        assert "worker-2 waited for itself." in verdict
        assert "A clock was corrected." not in verdict
        name = checks[5]["name"].replace("_", " ")
        assert f"There is a warning about: {name}." in verdict
        table = seen.page.locator("#validity ~ div table").inner_text()
        assert table.index("worker-2 waited for itself.") < table.index("A clock was corrected.")
        assert "– not judged" not in table
        passed, unjudged = seen.page.locator("#validity ~ details").all()
        ok = [check for check in checks if check["status"] == "ok"]
        assert f"{len(ok)} checks passed" in passed.inner_text()
        assert len(ok) > len(checks) / 2
        unjudged.locator("summary").click()
        assert "target rate\t– not judged\tNo target rate was asked for." in unjudged.inner_text()
        assert seen.page.locator("script").count() == 2  # no figures, no BokehJS


def test_the_page_keeps_to_the_strict_content_policy(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    head = page[: page.index("<title>")]
    assert "default-src &#39;none&#39;; script-src &#39;unsafe-inline&#39;; style-src &#39;unsafe-inline&#39;" in head


def test_what_cannot_be_written_is_reported(sample: ReportData, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="could not be written"):
        write_report(dataclasses.replace(sample, figures={}), tmp_path / "file" / "report.html")
    with pytest.raises(SpecError, match="Did you mean 'timeline'"):
        dataclasses.replace(sample, figures={"timelines": None})
