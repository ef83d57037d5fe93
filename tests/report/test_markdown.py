"""The comment for a merge request, rendered by GitHub's own parser: what it says, and what it must never do."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
import pandas as pd
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import report_data
from test_report_html import HOSTILE, MEGABYTE
from verdict_samples import BROKEN, MET, UNKNOWN, result, verdict

from loadlab.plot import plain_text
from loadlab.report import LONGEST_COMMENT, ReportData, render

OURS = {"h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "details", "summary"}
TRAPS = (
    "a|b `c` ``d",
    "`",
    "trailing \\",
    r"\| \` \\|",
    "[link](http://evil.example) ![x](http://evil.example/x.png)",
    "www.evil.example https://evil.example/a?b=c someone@evil.example mailto:someone@evil.example",
    "@everyone @org/team #12 !13 GH-14 org/repo#15 ~label %1 &2 :tada: $x^2$ $$y$$",
    "<b onclick=x>bold</b> <!-- &amp; &#64;you -->",
    "**bold** _it_ ~~gone~~ # heading",
    "- item",
    "+ item",
    "12. item",
    "line\nbreak\r\n\n| new | row |",
    "</details></summary></code>",
    "    indented",
    "",
)


@dataclass
class Page(HTMLParser):
    """What a rendered comment holds: its tags, the text inside and outside of code, and its tables."""

    tags: set[str] = field(default_factory=set)
    prose: str = ""
    code: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "code":
            self.code.append("")
            self.prose += "\N{OBJECT REPLACEMENT CHARACTER}"

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self._open or "th" in self._open:
            self.tables[-1][-1][-1] += data
        if "code" in self._open:
            self.code[-1] += data
        else:
            self.prose += data


def view(markdown: str) -> Page:
    """The comment as GitHub's parser renders it, raw HTML kept, after looking for what may never be in it."""
    page = Page()
    page.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
    page.close()
    assert page.tags <= OURS, page.tags - OURS
    assert not re.search(r"(?<!\w)[@#!~%&$][\w\"]", page.prose), "a mention, a reference or a formula"
    assert not re.search(r":[a-z_+]+:", page.prose), "an emoji"
    for rows in page.tables:
        assert len({len(row) for row in rows}) == 1
    return page


@pytest.fixture(scope="module")
def sample() -> ReportData:
    return report_data(60, figures=False, kept_in="runs/r20261123-095958-k3x9")


def test_it_begins_with_the_verdict_its_reasons_and_the_criteria(sample: ReportData) -> None:
    judged = dataclasses.replace(sample, verdict=verdict(MET, BROKEN, UNKNOWN))
    lines = render(judged, "markdown").splitlines()
    assert lines[0] == "### ✕ Failed: 1 of 3 criteria is broken"
    page = view("\n".join(lines))
    criteria, headlines, endpoints, errors = page.tables
    assert criteria == [
        ["Criterion", "Result", "What was measured", "First broken, UTC"],
        [BROKEN["criterion"], "✕ broken", BROKEN["text"], "10:00:07"],
        [UNKNOWN["criterion"], "? not judged", UNKNOWN["text"], "–"],
        [MET["criterion"], "✓ met", MET["text"], "–"],
    ]
    assert BROKEN["text"] in page.prose.split("Criterion")[0]
    assert headlines[0][0] == "Throughput"
    assert headlines[1][1] == f"{sample.total['count']:,}"
    assert [row[0] for row in endpoints[1:3]] == ["All requests", "POST /checkout"]
    assert len(endpoints) == 1 + 1 + 5
    assert "… and 7 more endpoints" in page.prose
    assert errors[1][:3] == ["HTTP 503", "503 Service Unavailable", "POST /checkout"]
    assert page.code[-3:] == [sample.info["id"], sample.info["loadtest"]["host"], "runs/r20261123-095958-k3x9"]


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (verdict(BROKEN), "✕ Failed: the criterion is broken"),
        (verdict(BROKEN, BROKEN, MET), "✕ Failed: 2 of 3 criteria are broken"),
        (verdict(MET), "✓ Passed: the criterion is met"),
        (verdict(MET, MET), "✓ Passed: all 2 criteria are met"),
        (verdict(UNKNOWN, MET), "✕ Invalid: 1 of 2 criteria could not be judged"),
        (verdict(), "✓ Valid run"),
    ],
)
def test_the_verdict_in_words(sample: ReportData, found: dict[str, object], title: str) -> None:
    text = render(dataclasses.replace(sample, verdict=found), "markdown")
    assert text.splitlines()[0] == f"### {title}"


def test_an_invalid_run_says_why_before_all_else() -> None:
    data = report_data(3, figures=False)
    page = view(render(data, "markdown"))
    assert page.prose.lstrip().startswith("✕ Invalid run")
    before = page.prose.split("Throughput")[0]
    for check in data.validity["checks"]:
        assert (check["text"] in before) == (check["status"] == "invalid")


def test_a_run_without_requests_is_told_too() -> None:
    page = view(render(report_data(0, figures=False), "markdown"))
    assert "No request was finished" in page.prose


def names(data: ReportData, text: str) -> ReportData:
    """The sample with `text` wherever something foreign can stand."""
    summary = data.summary.copy()
    foreign = summary.index[:-1]
    summary[["request_type", "name"]] = summary[["request_type", "name"]].astype("object")
    summary.loc[foreign, ["request_type", "name"]] = text
    return dataclasses.replace(
        data,
        info={**data.info, "id": text or "r", "loadtest": {"host": text}},
        summary=summary,
        errors=data.errors.assign(kind=text, message=text, request_type=text, name=text),
        verdict=verdict(result(text, "failed", text), reasons=(text, f"of {text}")),
        kept_in=text,
    )


@pytest.mark.parametrize("text", TRAPS)
def test_a_hostile_name_is_shown_as_it_is_and_does_nothing(sample: ReportData, text: str) -> None:
    page = view(render(names(sample, text), "markdown"))
    criteria, headlines, endpoints, errors = page.tables
    assert [len(criteria), len(headlines), len(endpoints), len(errors)] == [2, 2, 7, 4]
    shown = re.sub(r"[\r\n]", " ", text).strip()
    assert criteria[1][0] == shown
    assert criteria[1][2].replace("\u200b", "") == shown
    assert endpoints[2][0] == plain_text(f"{text} {text}".strip(), 120)
    assert errors[1][:2] == [shown[:40] if len(shown) <= 40 else shown[:39] + "…", shown]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab1 `|\\*_[]()<>@#!&~:$.-+/w\n"), max_size=30))
def test_any_name_keeps_the_shape(sample: ReportData, text: str) -> None:
    page = view(render(names(sample, text), "markdown"))
    assert [len(rows) for rows in page.tables] == [2, 2, 7, 4]
    assert page.tables[0][1][0] == " ".join(text.split("\n")).strip()


def test_the_worst_case_stays_within_a_comment(sample: ReportData) -> None:
    everything = "".join(HOSTILE).replace("\ud800", "") + "|`*_@" * 200
    results = [result(f"{everything}{place}", "failed", everything) for place in range(500)]
    data = names(sample, everything + MEGABYTE)
    many = pd.concat([data.errors] * 50, ignore_index=True)
    data = dataclasses.replace(data, verdict=verdict(*results), errors=many)
    text = render(data, "markdown")
    assert 10_000 < len(text) < LONGEST_COMMENT
    page = view(text)
    assert "… and 460 more criteria" in page.prose
    assert "more reasons" in page.prose


def test_broken_criteria_are_never_the_ones_left_out(sample: ReportData) -> None:
    results = [result(f"p99 < {place}ms") for place in range(60)] + [BROKEN]
    page = view(render(dataclasses.replace(sample, verdict=verdict(*results)), "markdown"))
    assert page.tables[0][1][0] == BROKEN["criterion"]
    assert "… and 21 more criteria, none of them worse" in page.prose
