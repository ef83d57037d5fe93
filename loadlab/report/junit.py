"""A run as a JUnit file, which every CI system reads: a test suite a run, a test case a criterion and one for validity.

There is no standard; what is written keeps to the elements and attributes that Ant, Jenkins (its xUnit plugin's
junit-10.xsd) and GitLab have in common. Class names and names are the same in every run of the same test, so that a CI
system can follow them over time, and each name stands once, because GitLab ignores a second case of the same name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from loadlab.plot import plain_text
from loadlab.report import provenance, verdict
from loadlab.report.data import ReportData
from loadlab.report.summary import summary_dict

VALIDITY = "validity"
"""The name of the test case that says whether the run can be trusted, or was carried out at all."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, not even as a character reference."""

_NAME_LENGTH = 300
_TEXT_LENGTH = 2000
_PROPERTIES = ("count", "failures", "error_ratio", "rps", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")


def render_junit(data: ReportData) -> str:
    """The run as JUnit XML.

    A broken criterion is a ``failure``; one that could not be judged, and an invalid run, are an ``error``; criteria
    that an invalid run seems to meet are ``skipped``. A test that a broken criterion has ended has failed, however
    short its run. The numbers of the run are properties of the suite, those of a criterion stand in the ``system-out``
    of its case. The time of the validity case and of the suite is the run's.
    """
    info = data.info
    seconds = verdict.duration_s(info)
    suite = _suite(info.get("loadtest") or {}, seconds)
    if info.get("started"):
        suite.set("timestamp", plain_text(str(info["started"])[:19]))
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _describe(data):
        ElementTree.SubElement(properties, "property", name=_legal(name), value=_legal(value))
    distrusted = data.validity["status"] == "invalid" and data.verdict["status"] != "failed"
    checks = verdict.checks(data)
    reasons = [check.text for check in checks if check.status == "invalid"]
    told = "\n".join(f"{check.result}: {check.name}: {check.text}" for check in checks)
    case = _case(suite, VALIDITY, seconds)
    if distrusted:
        _outcome(case, "error", "the run is invalid: " + " ".join(reasons), "invalid run", told)
    _tell(case, told)
    seen: set[str] = set()
    for criterion in data.verdict["criteria"]:
        name = plain_text(criterion["criterion"], _NAME_LENGTH)
        if name not in seen:
            _judge(_case(suite, name, 0.0), criterion, distrusted)
        seen.add(name)
    return _document(suite)


def render_junit_failure(loadtest: Mapping[str, Any], message: str) -> str:
    """The JUnit XML of a test that could not be carried out: `message` as the ``error`` of its validity case.

    `loadtest` holds what is known of the test, with the keys of `LoadTest.to_dict`: its labels and locustfile name the
    suite as they do after a run.
    """
    suite = _suite(loadtest, math.nan)
    _outcome(_case(suite, VALIDITY, 0.0), "error", message, "not carried out", message)
    return _document(suite)


def _suite(loadtest: Mapping[str, Any], seconds: float) -> ElementTree.Element:
    """An empty suite; it is named after the service, where a label tells it, else after the locustfile."""
    locustfile = str(loadtest.get("locustfile") or "").replace("\\", "/").rpartition("/")[2]
    named = (loadtest.get("labels") or {}).get("service") or locustfile.removesuffix(".py") or "run"
    suite = ElementTree.Element("testsuite", name=_legal(f"loadlab.{plain_text(named, _NAME_LENGTH)}"))
    suite.set("time", _seconds(seconds))
    return suite


def _case(suite: ElementTree.Element, name: str, seconds: float) -> ElementTree.Element:
    attributes = {"classname": suite.attrib["name"], "name": _legal(name), "time": _seconds(seconds)}
    return ElementTree.SubElement(suite, "testcase", attributes)


def _judge(case: ElementTree.Element, criterion: Mapping[str, Any], distrusted: bool) -> None:
    text = plain_text(criterion["text"], _TEXT_LENGTH)
    numbers = "\n".join(
        f"{key}: {plain_text('none' if criterion[key] is None else criterion[key])}"
        for key in ("value", "threshold", "unit", "samples", "first_broken")
        if criterion[key] != ""
    )
    if criterion["status"] == "failed":
        _outcome(case, "failure", text, "broken", f"{text}\n{numbers}")
    elif criterion["status"] != "passed":
        _outcome(case, "error", text, "not judged", f"{text}\n{numbers}")
    elif distrusted:
        ElementTree.SubElement(case, "skipped", message=_legal("the run is invalid, so this says nothing"))
    _tell(case, f"{text}\n{numbers}")


def _outcome(case: ElementTree.Element, kind: str, message: str, cause: str, text: str) -> None:
    """Add a ``failure`` or ``error``: the message as an attribute and, for who shows only that, in the text."""
    short = plain_text(message, _TEXT_LENGTH)
    ElementTree.SubElement(case, kind, message=_legal(short), type=cause).text = _legal(text)


def _tell(case: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(case, "system-out").text = _legal(text)


def _describe(data: ReportData) -> Iterator[tuple[str, str]]:
    """The properties of the suite: where the run comes from, and its numbers."""
    loadtest = data.info.get("loadtest") or {}
    yield "run", provenance.run_id(data)
    yield "verdict", str(data.verdict["status"])
    yield "validity", str(data.validity["status"])
    yield "host", plain_text(loadtest.get("host") or "", _NAME_LENGTH)
    for name, value in sorted((data.info.get("labels") or {}).items()):
        yield f"label.{plain_text(name)}", plain_text(value, _NAME_LENGTH)
    total = summary_dict(data)["total"]
    for name in _PROPERTIES:
        if total[name] is not None:
            yield name, str(total[name])


def _document(suite: ElementTree.Element) -> str:
    """The suite, counted, as the only one of a document."""
    counts = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    root = ElementTree.Element("testsuites", name="loadlab", time=suite.attrib["time"])
    root.attrib.update({name: suite.attrib[name] for name in ("tests", "failures", "errors")})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _seconds(seconds: float) -> str:
    return f"{seconds if math.isfinite(seconds) else 0.0:.3f}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
