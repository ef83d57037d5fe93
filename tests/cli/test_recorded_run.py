"""One real run through the command line, and the commands that look at it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import COMMAND
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def the_run():
    (path,) = Path("runs").iterdir()
    return path.name


@pytest.fixture
def here(recorded, monkeypatch):
    monkeypatch.chdir(recorded.folder)
    return recorded


def test_run(recorded):
    assert recorded.answer.returncode == 3, recorded.answer.stderr  # two seconds prove nothing, and the run says so
    assert "starting 3 users at 30/s for 2s on http://127.0.0.1" in recorded.answer.stderr
    assert re.search(r"^\d+ of 2 s, \d+ users, ", recorded.answer.stderr, re.MULTILINE)
    assert recorded.answer.stderr.endswith("Report: out/report.html\nJUnit: out/junit.xml\n")
    run_id = re.search(r"^Run (\S+), started", recorded.answer.stdout)[1]
    assert recorded.answer.stdout.endswith(f"Run {run_id} is kept in runs/{run_id}\n")
    assert "<html" in (recorded.folder / "out" / "report.html").read_text(encoding="utf-8")


def test_the_run_holds_what_the_target_served(here, cli):
    summary = json.loads(cli("show", "--json").stdout)
    assert summary["total"]["count"] == summary["conservation"]["sent"] == here.served > 0


def test_the_verdict_is_kept_and_told(here, cli):
    told = json.loads(cli("show", "--json").stdout)["verdict"]
    assert told["status"] == "invalid"
    assert [each["criterion"] for each in told["criteria"]] == ["error_ratio < 1%", "p99 < 0.001ms"]
    info = json.loads(Path("runs", the_run(), "run.json").read_text())
    assert info["verdict"] == told
    assert info["loadtest"]["criteria"] == ["error_ratio < 1%", "p99 < 0.001ms"]
    assert "\nCriteria\n" in here.answer.stdout
    cases = ElementTree.parse("out/junit.xml").getroot().iter("testcase")
    tags = {
        "passed": "skipped",
        "failed": "failure",
        "invalid": "error",
    }  # what an invalid run meets, it has not passed
    expected = {each["criterion"]: tags[each["status"]] for each in told["criteria"]}
    assert {case.get("name"): case[0].tag for case in cases} == {"validity": "error", **expected}


def test_labels_of_file_and_command_line(here, cli):
    assert json.loads(cli("show", "--json").stdout)["labels"] == {"service": "shop", "build": "42"}


def test_runs(here, cli):
    listed = cli("runs")
    assert listed.exit_code == 0
    head, line = listed.stdout.splitlines()
    assert head.split()[:2] == ["RUN", "STARTED"]
    assert "PROBLEM" not in head  # a column without content
    assert head.split().index("VERDICT") == head.split().index("VALIDITY") + 1
    assert "build=42 service=shop" in line
    assert "2s" in line.split()
    assert cli("runs", "--label", "build=42", "--status", "finished", "--since", "2020-01-01").stdout == listed.stdout
    assert cli("runs", "--label", "build=43").stdout == "no such runs in runs\n"
    assert cli("runs", "--status", "corrupt").stdout == "no such runs in runs\n"
    unknown = cli("runs", "--label", "biuld=42")
    assert unknown.exit_code == 2
    assert "unknown label 'biuld'. Did you mean 'build'? Allowed: build, service." in unknown.stderr


def test_show_by_the_beginning_of_the_id(here, cli):
    run_id = the_run()
    shown = cli("show", run_id[:12])
    assert (shown.exit_code, shown.stdout) == (0, cli("show").stdout)
    assert shown.stdout.startswith(f"Run {run_id}")
    assert cli("show", f"runs/{run_id}").stdout == shown.stdout
    assert cli("show", f"runs/{run_id}/summary.json").stdout == shown.stdout


def test_show_a_run_that_does_not_exist(here, cli):
    run_id = the_run()
    shown = cli("show", f"{run_id[:-1]}?")
    assert shown.exit_code == 2
    assert run_id in shown.stderr
    assert shown.stderr.startswith("loadlab: ")


def test_report(here, cli, tmp_path):
    written = cli("report", "latest", "-o", str(tmp_path / "a.html"))
    assert (written.exit_code, written.stdout) == (0, f"{tmp_path / 'a.html'}\n")
    assert (tmp_path / "a.html").stat().st_size > 100_000
    assert cli("report").stdout == f"runs/{the_run()}/report.html\n"


def test_the_same_from_s3(here, cli, s3_place):
    url, run_id = str(s3_place), the_run()
    sent = cli("publish", "latest", url)
    assert (sent.exit_code, sent.stdout) == (0, f"Run {run_id} is kept in {url}/{run_id}\n")
    assert cli("show", f"{url}/{run_id}").stdout == cli("show").stdout
    assert cli("runs", "--runs", url).stdout == cli("runs").stdout
    assert cli("runs", "--runs", url, "--label", "build=43").stdout == f"no such runs in {url}\n"
    assert cli("report", "--runs", url, "-o", f"{url}/out/a.html").stdout == f"{url}/out/a.html\n"
    assert run_id in (s3_place / "out/a.html").read_bytes().decode()


def test_a_terminal_without_unicode(here, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run([*COMMAND, "show"], env=environment, capture_output=True, timeout=180, check=True)
    assert b"? Invalid run" in shown.stdout


def test_a_damaged_run_is_told_as_such(here, cli, tmp_path):
    run_id = the_run()
    shutil.copytree(f"runs/{run_id}", tmp_path / run_id)
    (tmp_path / run_id / "run.json").write_text("{")
    shown = cli("show", "--runs", str(tmp_path))
    assert shown.exit_code == 4
    assert "Traceback" not in shown.stderr
    assert "corrupt" in cli("runs", "--runs", str(tmp_path)).stdout


@pytest.mark.parametrize("words", [["show"], ["runs"], ["show", "--json"]])
def test_a_reader_that_goes_away_changes_nothing(here, words):
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.fixture
def export(here, cli):
    return lambda *words: cli("export", "openmetrics", "--environment", "test", *words)


def test_export_to_standard_output_is_the_text_alone(here, export):
    answer = export()
    families = {family.name: family for family in text_string_to_metric_families(answer.stdout)}
    (requests,) = families["loadlab_requests"].samples
    assert requests.value == here.served
    assert requests.labels == {"service": "shop", "environment": "test", "request_type": "GET", "name": "/"}
    assert answer.stderr.splitlines()[-1].endswith(
        f"to standard output, service shop, environment test: sent {answer.stdout.count('{')} samples in 1 request."
    )


def test_export_plan_dry_run_and_file(here, export, tmp_path):
    planned = export("--to", f"{tmp_path}/x.om", "--plan")
    assert [line.split()[1] for line in planned.stdout.splitlines()[1:5]] == ["families", "series", "samples", "bytes"]
    rehearsed = export("--to", f"{tmp_path}/x.om", "--dry-run", f"{tmp_path}/dry")
    assert rehearsed.stdout.endswith("Nothing was sent.\n")
    assert not (tmp_path / "x.om").exists()
    sent = export("--to", f"{tmp_path}/x.om")
    assert sent.exit_code == 0
    assert (tmp_path / "x.om").read_bytes() == (tmp_path / "dry").read_bytes()
    bounds = export("--le", "100ms", "--le", "1s", "--form", "prometheus").stdout
    assert bounds.count("loadlab_response_time_seconds_bucket") == 3


def test_what_goes_wrong_in_an_export(here, cli, export):
    missing = cli("export", "openmetrics")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "environment: missing; allowed: the label environment of the test" in missing.stderr
    unreachable = export("--to", "http://bob:hunter2@127.0.0.1:9", "--timeout", "1ms")
    assert unreachable.exit_code == 4
    assert "To send the rest: the same command again; sending again replaces what was sent." in unreachable.stderr
    assert "hunter2" not in unreachable.stderr + unreachable.stdout
    misspelt = cli("export", "openmetric")
    assert (misspelt.exit_code, "Did you mean 'openmetrics'?" in misspelt.stderr) == (2, True)
