"""Who may import what. The rules of the house, as they are kept."""

import sys
from functools import cache
from pathlib import Path

import pytest
from sources import Import, imports, package_modules, part_of

GROUND = {"errors", "redaction", "schema", "spec"}
"""What every part stands on."""

MAY_IMPORT = {
    "errors": set(),
    "schema": set(),
    "redaction": set(),
    "spec": {"errors", "redaction"},
    "provenance": {"errors", "spec"},
    "progress": set(),
    "agent": {"redaction"},
    "launch": GROUND,
    "stream": GROUND,
    "store": GROUND,
    "signals": GROUND,
    "analyse": GROUND,
    "plot": {"errors", "schema"},
    "panel": {*GROUND, "analyse", "plot", "stream"},
    "report": {*GROUND, "plot"},
    "export": GROUND,
    "demo": {"errors"},
}
"""Part -> the other parts that it may import. Whatever is not here wires the parts."""

WIRING = {
    *(
        "__init__",
        "__main__",
        "workbench",
        "archiving",
        "publishing",
        "recovery",
        "clusters",
        "results",
        "shown",
        "live",
        "conduct",
        "recording",
        "attaching",
        "watching",
        "cli",
        "doctor",
        "sample",
        "exporting",
    ),
}

OWNERS = {
    "bokeh": {"plot", "report"},
    "papermill": {"report"},
    "nbconvert": {"report"},
    "nbclient": {"report"},
    "nbformat": {"report"},
    "jupyter_client": {"report"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "IPython": {"panel", "plot", "progress"},
    "ipywidgets": {"panel"},
    "boto3": {"export"},
    "botocore": {"export"},
    "locust": {"agent"},
    "gevent": {"agent"},
    "flask": {"agent"},
    "geventhttpclient": {"agent"},
    "urllib3": {"agent", "stream"},
    "requests": {"launch", "stream", "export"},
    "kr8s": {"launch"},
    "httpx": {"launch"},
    "anyio": {"launch"},
    "yaml": {"spec"},
    "click": {"cli"},
    "scipy": {"analyse"},
}
"""Dependency -> the parts that may import it; what wires may name its types, for a type checker only.

pandas, numpy and pyarrow are the language of the tables."""

EVERYWHERE = {"pandas", "numpy", "pyarrow"}


@cache
def all_imports() -> list[tuple[Path, Import]]:
    return [(path, found) for path in package_modules() for found in imports(path)]


def test_the_parts_are_known() -> None:
    parts = {part_of(path) for path in package_modules()}
    unknown = parts - set(MAY_IMPORT) - WIRING
    assert not unknown, f"say in MAY_IMPORT what these parts may import: {sorted(unknown)}"


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_it_may(part: str) -> None:
    allowed = {part, *MAY_IMPORT[part]}
    wrong = [
        f"{found.place}: {part} imports {found.module}"
        for path, found in all_imports()
        if part_of(path) == part and found.module.startswith("loadlab.") and found.module.split(".")[1] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("dependency", sorted(OWNERS))
def test_each_dependency_has_its_owners(dependency: str) -> None:
    wrong = [
        f"{found.place} imports {found.module}"
        for path, found in all_imports()
        if _top(found) == dependency
        and part_of(path) not in OWNERS[dependency]
        and not (found.for_types and part_of(path) in WIRING)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_other_dependency_is_imported() -> None:
    known = {*OWNERS, *EVERYWHERE, "loadlab", *sys.stdlib_module_names}
    unknown = [f"{found.place} imports {found.module}" for _, found in all_imports() if _top(found) not in known]
    assert not unknown, "\n".join(["give each of these an owner, and a reason in pyproject.toml:", *unknown])


def test_the_agent_stands_on_the_standard_library_and_locust() -> None:
    allowed = {"locust", "gevent", "flask", "urllib3", "geventhttpclient", *sys.stdlib_module_names}
    wrong = [
        f"{found.place} imports {found.module}"
        for path, found in all_imports()
        if part_of(path) in ("agent", "redaction")
        and _top(found) not in allowed
        and not found.module.startswith(("loadlab.agent", "loadlab.redaction"))
    ]
    assert not wrong, "\n".join(wrong)


def _top(found: Import) -> str:
    return found.module.partition(".")[0]
