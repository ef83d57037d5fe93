"""A recorded run, judged: the same verdict in Python, on the command line, and in every form of its report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from junitparser import JUnitXml
from report_samples import events, generators, information, requests, users

import loadlab
from loadlab import schema
from loadlab.cli import main
from loadlab.errors import SpecError
from loadlab.store import RunFolder

SECONDS = 60
CRITERIA = ("error_ratio < 50%", "p99(GET /) < 0.001ms")
"""The first holds for any of these runs, the second for none."""


def record(root: Path, *, seconds: int = SECONDS, criteria: tuple[str, ...] = ()) -> Path:
    """An archived run in `root`; one of SECONDS is valid, one of a few is not."""
    table = requests(seconds)
    sent, failed = int(table["count"].sum()), int(table["failures"].sum())
    conservation = {"sent": sent, "ok": sent - failed, "failed": failed, "in_flight": 0, "unreported": 0, "lost": 0}
    info = information(seconds, conservation=conservation)
    info["loadtest"]["criteria"] = list(criteria)
    folder = RunFolder.create(root, info.pop("id"), info)
    frames = {"requests": table, "events": events(seconds), "generators": generators(seconds), "users": users(seconds)}
    folder.write_tables(
        {name: pa.Table.from_pandas(frame, schema.arrow_schema(name)) for name, frame in frames.items()}
    )
    return folder.path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = record(tmp_path_factory.mktemp("runs"), criteria=CRITERIA)
    assert loadlab.open_run(path).validity.status == "valid"
    return path


def call(*words: object) -> Result:
    return CliRunner(env={**os.environ, "COLUMNS": "100"}).invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    ("criteria", "code"),
    [
        (["error_ratio < 50%"], 0),
        (["error_ratio < 50%", "p99 < 1ms"], 1),
        (["p99(GET /nowhere) < 1s"], 3),
        (["p99 < 1ms", "p99(GET /nowhere) < 1s"], 1),
        (["p99 <"], 2),
        (["error_ratio < 50%", " "], 2),
    ],
)
def test_the_exit_code_is_the_verdict(path: Path, criteria: list[str], code: int) -> None:
    before = sorted((each.name, each.stat().st_mtime_ns) for each in path.iterdir())
    answer = call("judge", path, *(word for each in criteria for word in ("--criterion", each)))
    assert answer.exit_code == code, answer.output
    assert sorted((each.name, each.stat().st_mtime_ns) for each in path.iterdir()) == before
    if code == 2:
        assert answer.stderr.startswith("loadlab: --criterion")
        return
    said = {0: "has passed", 1: "has failed", 3: "is invalid: not every criterion could be judged"}[code]
    lines = answer.stdout.splitlines()
    assert lines[0] == f"Run {path.name} {said}."
    expected = loadlab.open_run(path).judge("; ".join(criteria))
    signs = {"passed": "✓", "failed": "✕", "invalid": "?"}
    told = [f"  {signs[each.status]} {each.criterion}: {each.text}" for each in expected.results]
    assert lines[1 : 1 + len(told)] == told


def test_without_other_criteria_those_of_the_test_are_asked(path: Path, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    junit.write_text("of an earlier run")
    answer = call("judge", path, "--junit", junit)
    assert answer.exit_code == 1, answer.output
    assert answer.stdout.splitlines()[-1] == f"JUnit: {junit}"
    (suite,) = JUnitXml.fromfile(str(junit))
    assert {case.name: len(case.result) for case in suite} == {"validity": 0, CRITERIA[0]: 0, CRITERIA[1]: 1}


def test_an_invalid_run_is_never_a_pass(tmp_path: Path) -> None:
    path = record(tmp_path, seconds=3)
    assert call("judge", path).exit_code == 3
    answer = call("judge", path, "--criterion", "error_ratio < 50%", "--criterion", "p99.9 < 1m")
    assert answer.exit_code == 3, answer.output
    assert answer.stdout.startswith(f"Run {path.name} is invalid: draw no conclusions from its numbers.")


def test_a_run_without_criteria_is_judged_on_its_validity(path: Path) -> None:
    run = loadlab.open_run(path).judged_by("")
    assert run.verdict.status == "unjudged"
    assert run.render("markdown").startswith("### ✓ Valid run")


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ("p99.999 < 1m; p50 < 1m", ["too few for p99.999"]),
        ("p99 < 1m", []),
        ("rps > 0", []),
        ("", []),
    ],
)
def test_a_run_needs_the_samples_for_what_is_asked_of_it(path: Path, criteria: str, said: list[str]) -> None:
    run = loadlab.open_run(path).judged_by(criteria)
    few = [check.text for check in run.validity.checks if check.name == "samples" and check.status == "invalid"]
    assert len(few) == len(said)
    assert all(words in text for words, text in zip(said, few, strict=True))
    assert run.verdict == loadlab.open_run(path).judge(criteria)
    told = next(check.text for check in run.validity.checks if check.name == "samples")
    assert {"p99 < 1m": "p99", "rps > 0": "p50", "": "p99"}.get(criteria, "p99.999") in told


@pytest.mark.parametrize("form", ["html", "markdown", "junit", "json"])
def test_a_report_has_every_form(path: Path, tmp_path: Path, form: str) -> None:
    run = loadlab.open_run(path)
    file = tmp_path / "report"
    answer = call("report", path, "--format", form, "--output", file)
    assert (answer.exit_code, answer.stdout) == (0, f"{file}\n")
    text = file.read_text(encoding="utf-8")
    assert "of 2 criteria is broken" in text or form in ("junit", "json")
    if form == "html":
        return
    assert text == run.render(form)
    assert call("report", path, "--format", form).stdout == text
    if form == "json":
        assert json.loads(text) == run.summary_dict()
        assert json.loads(text)["verdict"]["criteria"] == run.verdict.to_dict()["criteria"]


def test_the_page_goes_into_the_folder_of_the_run(path: Path) -> None:
    assert call("report", path).stdout == f"{path / 'report.html'}\n"
    (path / "report.html").unlink()


def test_the_other_criteria_are_those_of_every_report(path: Path, tmp_path: Path) -> None:
    other = loadlab.open_run(path).judged_by("error_ratio < 50%")
    assert other.verdict.status == "passed"
    assert other.render("markdown").startswith("### ✓ Passed: the criterion is met")
    assert "✓ Passed" in other.report_text()
    assert "error_ratio &lt; 50%" in other._repr_html_()
    written = other.report(tmp_path / "other.xml", "junit")
    assert CRITERIA[1].replace("<", "&lt;") not in Path(written).read_text()


def test_what_cannot_be_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"unknown format 'mardkown'\. Did you mean 'markdown'"):
        loadlab.open_run(path).render("mardkown")
    with pytest.raises(SpecError, match="unknown format 'pdf'"):
        loadlab.open_run(path).report(form="pdf")
    missing = tmp_path / "missing" / "junit.xml"
    assert call("judge", path, "--junit", missing).exit_code == 2
    assert call("report", path, "--format", "pdf").exit_code == 2


def test_the_verdict_stands_in_the_terminal(path: Path) -> None:
    shown = call("show", path)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[2].startswith("✕ Failed: 1 of 2 criteria is broken.")
    assert f"\n✓ {CRITERIA[0]}: " in shown.stdout
