"""The CI examples: valid for their CI systems, and their commands, as they stand, let a deployment through or not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ci_jobs import EXAMPLES, GITHUB, GITLAB, Job, artifacts, run_github, run_gitlab
from junitparser import JUnitXml
from ports import reserve_ports
from targets import storefront

from loadlab import LoadTest

CHECKOUT = Path(__file__).parents[2]
SLOW = {"service_time": 0.4, "concurrency": 200}
"""A shop beside whose response times the stalls of a busy machine are small."""
LOAD = {
    "locustfile": "locustfiles/storefront.py",
    "users": 80,
    "spawn_rate": 200,
    "run_time": "5s",
    "locust_options": "--think-time 0",
    "labels": {"service": "shop"},
}
LOAD_TEST = 'loadlab run load-test.yaml --host "$TARGET" --label "build=$BUILD"'


def checkout(folder: Path, *criteria: str) -> Path:
    """A repository with a scenario and a load-test.yaml like the example's, but short."""
    folder = folder / "checkout"
    (folder / "locustfiles").mkdir(parents=True)
    shutil.copy(CHECKOUT / "locustfiles" / "storefront.py", folder / "locustfiles")
    (folder / "load-test.yaml").write_text(yaml.safe_dump({**LOAD, "criteria": list(criteria)}))
    return folder


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Job]]:
    """A job that lets the deployment through, one whose criterion is broken, and one that finds no target."""
    (nothing,) = reserve_ports(1)
    base = tmp_path_factory.mktemp("ci")
    with storefront(**SLOW) as shop, storefront(**SLOW) as other, ThreadPoolExecutor() as pool:
        running = {
            "passed": pool.submit(run_gitlab, checkout(base / "passed", "p50 < 10s", "error_ratio < 1%"), shop.url),
            "failed": pool.submit(run_github, checkout(base / "failed", "p50 < 20ms", "rps >= 1"), other.url),
            "no target": pool.submit(run_github, checkout(base / "none", "p99 < 10s"), f"http://127.0.0.1:{nothing}"),
        }
        yield {name: job.result() for name, job in running.items()}


def schema(name: str) -> Any:
    """The published schema of a CI system's files, as check-jsonschema carries it."""
    return json.loads((files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json").read_text())


@pytest.mark.parametrize(("document", "name"), [(GITLAB, "gitlab-ci"), (GITHUB, "github-workflows")])
def test_they_are_what_the_ci_system_reads(document: dict[Any, Any], name: str) -> None:
    document = {"on" if key is True else key: value for key, value in document.items()}  # YAML 1.1 takes on for true
    jsonschema.validate(document, schema(name))
    broken = json.loads(json.dumps(document).replace('"load-test"', '"renamed"').replace('"script"', '"scrpt"'))
    broken.pop("jobs", None)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema(name))


def test_the_deployment_waits_for_the_load_test() -> None:
    assert GITLAB["deploy"]["needs"] == ["load-test"]
    assert GITLAB["stages"].index("deploy") > GITLAB["stages"].index(GITLAB["load-test"]["stage"])
    assert GITHUB["jobs"]["deploy"]["needs"] == "load-test"
    for job in (GITLAB["load-test"], GITHUB["jobs"]["load-test"]):
        assert "allow_failure" not in job
        assert "continue-on-error" not in job
    tested = [step for step in GITHUB["jobs"]["load-test"]["steps"] if LOAD_TEST in step.get("run", "")]
    assert [set(step) for step in tested] == [{"name", "run"}]


def test_both_run_the_same_commands() -> None:
    steps = {step["name"]: step["run"].strip() for step in GITHUB["jobs"]["load-test"]["steps"] if "run" in step}
    assert steps["Load test"] == GITLAB["load-test"]["script"][-1]
    assert steps["Load test"].startswith(LOAD_TEST)
    assert steps["Summary"].startswith(GITLAB["load-test"]["after_script"][0].strip())
    assert steps["Install loadlab"].splitlines() == GITLAB["load-test"]["script"][:2]


def test_the_load_test_of_the_example_is_one(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    shutil.copy(EXAMPLES / "load-test.yaml", folder)
    test = LoadTest.from_yaml(folder / "load-test.yaml")
    assert [criterion.stop for criterion in test.criteria] == [False, False, True]
    assert test.run_time == 300


def test_met_criteria_let_the_deployment_through(jobs: dict[str, Job]) -> None:
    job = jobs["passed"]
    assert job.exit_code == 0, job.output
    results = job.folder / "results"
    kept = GITLAB["load-test"]["artifacts"]
    assert kept["when"] == "always"
    for path in (*artifacts(kept["paths"]), kept["reports"]["junit"]):
        assert (job.folder / path).exists()
    (suite,) = JUnitXml.fromfile(str(job.folder / kept["reports"]["junit"]))
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("loadlab.shop", 3, 0, 0)
    summary = json.loads((results / "summary.json").read_text())
    assert summary["verdict"]["status"] == "passed"
    assert summary["labels"] == {"service": "shop", "build": "0123abcd"}
    assert summary["id"] in (results / "report.html").read_text(encoding="utf-8")
    assert (results / "comment.md").read_text(encoding="utf-8").startswith("### ✓ Passed: all 2 criteria are met")
    install, comment = job.calls
    assert install == ["pip", "install", "loadlab"]
    assert comment[0] == "curl"
    assert "body@results/comment.md" in comment
    assert comment[-1] == "https://gitlab.example/api/v4/projects/5/merge_requests/17/notes"


def test_a_broken_criterion_ends_the_job_with_1(jobs: dict[str, Job]) -> None:
    job = jobs["failed"]
    assert job.exit_code == 1, job.output
    for step in GITHUB["jobs"]["load-test"]["steps"]:
        if "upload-artifact" in step.get("uses", ""):
            assert step["if"] == "always()"
            assert all((job.folder / path).exists() for path in artifacts(step["with"]["path"]))
    (suite,) = JUnitXml.fromfile(str(job.folder / "results" / "junit.xml"))
    assert {case.name: [type(each).__name__ for each in case.result] for case in suite} == {
        "validity": [],
        "p50 < 20ms": ["Failure"],
        "rps >= 1": [],
    }
    comment = (job.folder / "results" / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith("### ✕ Failed: 1 of 2 criteria is broken")
    assert (job.folder.parent / "step-summary").read_text(encoding="utf-8") == comment
    assert job.calls[-1] == ["gh", "pr", "comment", "17", "--body-file", "results/comment.md"]


def test_a_test_that_could_not_be_carried_out_is_told_too(jobs: dict[str, Job]) -> None:
    job = jobs["no target"]
    assert job.exit_code == 4, job.output
    (suite,) = JUnitXml.fromfile(str(job.folder / "results" / "junit.xml"))
    ((error,),) = (case.result for case in suite)
    assert "nothing accepts connections" in error.message
    assert suite.name == "loadlab.shop"
    comment = (job.folder.parent / "step-summary").read_text(encoding="utf-8")
    assert comment == "### ✕ The load test could not be carried out: see the log of its job\n"
    assert job.calls[-1][:3] == ["gh", "pr", "comment"]
