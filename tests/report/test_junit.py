"""JUnit files as CI systems read them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml, TestCase, TestSuite
from report_samples import information, report_data
from test_report_html import HOSTILE, MEGABYTE
from verdict_samples import BROKEN, MET, UNKNOWN, result, verdict

from loadlab.report import ReportData, render, render_junit_failure, write_page

STRUCTURE = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package", "group", "file", "log", "url"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"classname", "time", "group"},
    ),
    "failure": (set(), set(), {"message", "type"}),
    "error": (set(), set(), {"message", "type"}),
    "skipped": (set(), set(), {"message", "type"}),
    "system-out": (set(), set(), set()),
}
"""Element -> its children, the attributes that it must have, and those that it may have, as junit-10.xsd of Jenkins'
xUnit plugin has them; GitLab and the other readers know no more."""

SUREFIRE_TIME = re.compile(r"\d+\.\d{3}")


@pytest.fixture(scope="module")
def valid() -> ReportData:
    data = report_data(60, figures=False)
    assert data.validity["status"] == "valid"
    return data


def check_structure(text: str) -> ElementTree.Element:
    """The document, parsed by expat, when it keeps to STRUCTURE and its counts are true."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        children, required, optional = STRUCTURE[element.tag]
        assert {child.tag for child in element} <= children, element.tag
        assert required <= set(element.attrib) <= required | optional, element.attrib
        if "time" in element.attrib:
            assert SUREFIRE_TIME.fullmatch(element.attrib["time"])
    (suite,) = root
    cases = suite.findall("testcase")
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    for owner in (root, suite):
        assert owner.get("tests") == str(len(cases))
        assert owner.get("failures") == str(len(suite.findall("testcase/failure")))
        assert owner.get("errors") == str(len(suite.findall("testcase/error")))
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
    return root


def read(data: ReportData) -> tuple[TestSuite, dict[str, TestCase]]:
    """The suite and its cases by name, as a reader of JUnit files understands them."""
    text = render(data, "junit")
    check_structure(text)
    (suite,) = JUnitXml.fromstring(text.encode())
    return suite, {case.name: case for case in suite}


def outcomes(cases: dict[str, TestCase]) -> dict[str, list[str]]:
    return {name: [type(each).__name__ for each in case.result] for name, case in cases.items()}


def test_a_case_a_criterion_and_one_for_validity(valid: ReportData) -> None:
    suite, cases = read(dataclasses.replace(valid, verdict=verdict(BROKEN, MET, UNKNOWN)))
    assert outcomes(cases) == {
        "validity": [],
        "p99(GET /cart) < 300ms": ["Failure"],
        "error_ratio < 1%": [],
        "p99(POST /pay) < 1s": ["Error"],
    }
    broken = cases[BROKEN["criterion"]]
    assert broken.result[0].message == BROKEN["text"]
    for text in (broken.result[0].text, broken.system_out):
        assert text.splitlines() == [
            BROKEN["text"],
            "value: 412.25",
            "threshold: 300.0",
            "unit: ms",
            "samples: 1234",
            "first_broken: 2026-11-23T10:00:07Z",
        ]
    assert "value: none" in cases[UNKNOWN["criterion"]].system_out
    assert "value: 0.002\nthreshold: 0.01\n" in cases[MET["criterion"]].system_out
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 1, 0)


def test_the_suite_tells_the_run_and_its_numbers(valid: ReportData) -> None:
    suite, cases = read(dataclasses.replace(valid, verdict=verdict(MET)))
    assert suite.name == "loadlab.storefront"
    assert suite.timestamp == "2026-11-23T09:59:58"
    assert suite.time == sum(case.time for case in cases.values()) == cases["validity"].time == 62.75
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["run"] == valid.info["id"]
    assert properties["verdict"] == "passed"
    assert properties["label.build"] == "1234"
    assert int(properties["count"]) == valid.total["count"]
    assert float(properties["p99_ms"]) == pytest.approx(valid.total["p99_ms"])


def test_without_criteria_there_is_the_validity_alone(valid: ReportData) -> None:
    _, cases = read(valid)
    assert outcomes(cases) == {"validity": []}
    assert "ok: samples: " in cases["validity"].system_out


def test_an_invalid_run_is_an_error_and_lets_no_criterion_pass() -> None:
    data = report_data(3, figures=False, verdict=verdict(BROKEN, MET, status="invalid"))
    assert data.validity["status"] == "invalid"
    _, cases = read(data)
    assert outcomes(cases) == {
        "validity": ["Error"],
        BROKEN["criterion"]: ["Failure"],
        MET["criterion"]: ["Skipped"],
    }
    reason = next(check["text"] for check in data.validity["checks"] if check["status"] == "invalid")
    assert reason in cases["validity"].result[0].message
    assert reason in cases["validity"].result[0].text


def test_a_test_that_a_criterion_has_ended_has_failed_and_is_no_error() -> None:
    data = report_data(3, figures=False, verdict=verdict(BROKEN, MET))
    assert data.validity["status"] == "invalid"
    assert outcomes(read(data)[1]) == {"validity": [], BROKEN["criterion"]: ["Failure"], MET["criterion"]: []}


def test_names_are_the_same_in_every_run_of_a_test(valid: ReportData) -> None:
    other = report_data(
        30,
        figures=False,
        info=information(30, id="r20261124-000000-aaaa", started=None, ended=None),
        verdict=verdict(MET, {**BROKEN, "status": "passed"}),
    )
    named = [
        {(case.classname, case.name) for case in read(data)[1].values()}
        for data in (dataclasses.replace(valid, verdict=verdict(BROKEN, MET)), other)
    ]
    assert named[0] == named[1]


@pytest.mark.parametrize(
    ("loadtest", "name"),
    [
        ({"locustfile": "tests/checkout.py", "labels": {"service": "pay"}}, "loadlab.pay"),
        ({"locustfile": "tests/checkout.py", "labels": {}}, "loadlab.checkout"),
        ({}, "loadlab.run"),
    ],
)
def test_the_class_is_the_service_or_the_locustfile(loadtest: dict[str, Any], name: str) -> None:
    root = check_structure(render_junit_failure(loadtest, "nothing answers at http://127.0.0.1:9"))
    (case,) = root.iter("testcase")
    assert (case.get("classname"), case.get("name")) == (name, "validity")
    (error,) = case
    assert (error.tag, error.get("message")) == ("error", "nothing answers at http://127.0.0.1:9")
    assert error.text == "nothing answers at http://127.0.0.1:9"


def test_a_criterion_that_is_given_twice_is_one_case(valid: ReportData) -> None:
    assert len(read(dataclasses.replace(valid, verdict=verdict(MET, MET)))[1]) == 2


def test_hostile_names_are_shown_and_nothing_else(valid: ReportData) -> None:
    results = [result(text + str(place), "failed", text) for place, text in enumerate(HOSTILE)]
    checks = [{"name": text, "status": "invalid", "text": text + MEGABYTE} for text in HOSTILE]
    loadtest = {"host": HOSTILE[0], "locustfile": HOSTILE[1], "labels": {"service": HOSTILE[4]}}
    data = dataclasses.replace(
        valid,
        info={**valid.info, "id": HOSTILE[5], "loadtest": loadtest, "labels": {HOSTILE[2]: HOSTILE[4]}},
        validity={"status": "invalid", "checks": checks},
        verdict=verdict(*results),
    )
    _, cases = read(data)
    assert len(cases) == 1 + len(HOSTILE)
    shown = [name for name in cases if "alert('name')" in name]
    assert shown == [HOSTILE[0] + "0"]
    assert any("␛[31m" in name for name in cases)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_any_text_makes_a_document(text: str) -> None:
    root = check_structure(render_junit_failure({"labels": {"service": text}, "locustfile": text}, text))
    message = next(root.iter("error")).get("message")
    expected = re.sub(r"[^\x21-\x7e]", "", text)
    assert re.sub(r"[^\x21-\x7e]", "", message or "") == expected


def test_the_file_is_written_whole(valid: ReportData, tmp_path: Path) -> None:
    path = write_page(render(valid, "junit"), tmp_path / "junit.xml")
    assert check_structure(path.read_text(encoding="utf-8"))
    assert [each.name for each in tmp_path.iterdir()] == ["junit.xml"]
