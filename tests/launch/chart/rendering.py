"""The chart as helm renders it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from helm_tools import run_helm

import loadlab.launch

CHART = Path(loadlab.launch.__file__).parent / "chart"
RELEASE = "loadlab-r1"
NAMESPACE = "load"
TOKEN = "the-token"

Object = dict[str, Any]
Values = dict[str, Any]


def template(
    values: Values | None = None, *options: str, release: str = RELEASE, major: int = 4
) -> subprocess.CompletedProcess[str]:
    """What ``helm template`` makes of these values."""
    with tempfile.TemporaryDirectory() as home:
        given = Path(home) / "values.yaml"
        given.write_text(json.dumps(values or {}), encoding="utf-8")
        words = ["template", release, CHART, "--namespace", NAMESPACE, "--values", given, *options]
        return run_helm(*words, major=major, home=Path(home))


def render(values: Values | None = None, *, release: str = RELEASE, major: int = 4) -> list[Object]:
    """The objects that are rendered from these values; TOKEN is the run's token unless they bring one."""
    found = template({"loadtest": {}, **(values or {})}, *_token(values), release=release, major=major)
    assert found.returncode == 0, found.stderr
    return [entry for entry in yaml.safe_load_all(found.stdout) if entry]


def refusal(values: Values | None = None, *options: str, major: int = 4) -> str:
    """What helm says when it refuses these values."""
    found = template(values, *options, major=major)
    assert found.returncode != 0, found.stdout
    return found.stderr


def one(objects: list[Object], kind: str, name: str) -> Object:
    """The object of this kind whose name ends with `name`."""
    (found,) = (entry for entry in objects if entry["kind"] == kind and entry["metadata"]["name"].endswith(name))
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Name and template (or the pod itself) of everything that becomes a pod."""
    for entry in objects:
        if entry["kind"] == "Pod":
            yield entry["metadata"]["name"], entry
        elif "template" in entry.get("spec", {}):
            yield entry["metadata"]["name"], entry["spec"]["template"]


def containers(pod: Object) -> list[Object]:
    """All containers of a pod, those that run first too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Object) -> dict[str, Any]:
    """Name -> value, or what it is taken from."""
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names)), f"given twice: {names}"
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def _token(values: Values | None) -> list[str]:
    if "LOADLAB_TOKEN" in json.dumps(values or {}):
        return []
    return ["--set", f"loadtest.environment_secret.LOADLAB_TOKEN={TOKEN}"]
