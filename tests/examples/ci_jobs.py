"""Runs the job `load-test` of the CI examples as the CI systems run it: its own commands, in bash, in a checkout.

What talks to the outside, `pip`, `gh` and `curl`, is a stand-in that writes down how it was called.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"
GITLAB = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))
GITHUB = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))

STAND_IN = r"""#!/bin/sh
{ printf '%s' "${0##*/}"; for word; do printf '\t%s' "$word"; done; echo; } >> "$CALLS"
"""
GITHUB_VALUES = {
    "vars.STAGING_URL": "",
    "github.sha": "0123abcd",
    "github.token": "a-token",
    "github.event.number": "17",
}
"""What GitHub puts in for expressions; STAGING_URL is the test's."""
GITHUB_CONDITIONS = {None: False, "always()": True, "always() && github.event_name == 'pull_request'": True}
"""A step's condition, in a pull request -> whether it runs after a failed one too."""


@dataclass(frozen=True)
class Job:
    """A job that has ended: its exit code, what it printed, its checkout, and the calls of the stand-ins."""

    exit_code: int
    output: str
    folder: Path
    calls: list[list[str]]


def run_gitlab(folder: Path, target: str) -> Job:
    """The job of gitlab-ci.yml in a merge request: `script` in one shell that ends at the first error, then
    `after_script` in another."""
    job = GITLAB["load-test"]
    given = {
        "TARGET": target,
        "LOADLAB_COMMENT_TOKEN": "a-token",
        "CI_COMMIT_SHORT_SHA": "0123abcd",
        "CI_MERGE_REQUEST_IID": "17",
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_PROJECT_ID": "5",
    }
    own = {name: re.sub(r"\$(\w+)", lambda found: given[found[1]], text) for name, text in job["variables"].items()}
    shells = [
        _bash(folder, "set -eo pipefail\n" + "\n".join(job[part]), given | own) for part in ("script", "after_script")
    ]
    return _job(folder, shells[0].returncode, shells)


def run_github(folder: Path, target: str) -> Job:
    """The job of github-actions.yml in a pull request: each step in a shell of its own; after a failed one only those
    that run always."""
    job = GITHUB["jobs"]["load-test"]
    values = GITHUB_VALUES | {"vars.STAGING_URL": target}
    exit_code, shells = 0, []
    for step in job["steps"]:
        always = GITHUB_CONDITIONS[step.get("if")]
        if "run" not in step or (exit_code and not always):
            continue
        environment = {
            name: re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: values[found[1]], text)
            for name, text in {**job["env"], **step.get("env", {})}.items()
        }
        assert "${{" not in step["run"], "an expression in a script is a way in for whoever names a branch"
        shells.append(_bash(folder, "set -e\n" + step["run"], environment | {"GITHUB_STEP_SUMMARY": "../step-summary"}))
        exit_code = exit_code or shells[-1].returncode
    return _job(folder, exit_code, shells)


def artifacts(kept: Any) -> list[str]:
    """The paths of an artifact, as GitLab (a list) or GitHub (lines) has them."""
    return kept if isinstance(kept, list) else kept.split()


def _bash(folder: Path, script: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    stand_ins = folder.parent / "stand-ins"
    stand_ins.mkdir(exist_ok=True)
    for name in ("pip", "gh", "curl"):
        (stand_ins / name).write_text(STAND_IN)
        (stand_ins / name).chmod(0o755)
    environment = {
        "PATH": os.pathsep.join([str(stand_ins), str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "HOME": str(folder.parent),
        "LANG": "C.UTF-8",
        "CALLS": str(folder.parent / "calls"),
        **variables,
    }
    return subprocess.run(
        ["bash"], input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def _job(folder: Path, exit_code: int, shells: list[subprocess.CompletedProcess[str]]) -> Job:
    calls = [line.split("\t") for line in (folder.parent / "calls").read_text(encoding="utf-8").splitlines()]
    return Job(exit_code, "\n".join(shell.stdout + shell.stderr for shell in shells), folder, calls)
