"""Python and the packages in it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from loadlab.doctor.asking import ask, last_line
from loadlab.doctor.checkup import Finding

MINIMUM_PYTHON = (3, 11)
_FOLDER = Path(__file__).parents[2]


def check_python() -> Finding:
    """Its version."""
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info >= MINIMUM_PYTHON:
        return Finding("python", "ok", found)
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    return Finding("python", "missing", f"{found}; {wanted} or newer is needed", f"make PYTHON=python{wanted} demo")


def check_packages() -> Iterator[Finding]:
    """loadlab itself and each package that it needs."""
    try:
        yield Finding("loadlab", "ok", metadata.version("loadlab"))
        requirements = metadata.requires("loadlab") or []
    except metadata.PackageNotFoundError:
        yield Finding("loadlab", "missing", "used, but not installed", pip_command("-e", shlex.quote(str(_FOLDER))))
        return
    for requirement in requirements:
        wanted = re.fullmatch(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)", requirement)
        if wanted is not None:  # the others belong to extras
            yield _check_package(wanted[1], wanted[2])


def _check_package(name: str, minimum: str) -> Finding:
    mend = pip_command(f"'{name}>={minimum}'")
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", mend)
    if release(version) < release(minimum):
        return Finding(name, "missing", f"{version}; {minimum} or newer is needed", mend)
    return Finding(name, "ok", version)


def release(version: str) -> list[int]:
    """The leading numbers of a version: ``2.47.0rc1`` → [2, 47, 0]."""
    found = re.match(r"\d+(\.\d+)*", version)
    return [int(part) for part in found[0].split(".")] if found else []


def check_locust(within_s: float) -> Finding:
    """Whether Locust starts; it runs in processes of its own."""
    answer = ask(sys.executable, "-m", "locust", "--version", within_s=within_s)
    if answer.startswith("locust "):
        return Finding("locust starts", "ok", " ".join(answer.split()[:2]))
    return Finding("locust starts", "missing", last_line(answer), pip_command("--force-reinstall", "locust"))


def pip_command(*words: str) -> str:
    """The shell command that installs into this Python; `words` are quoted for a shell where they need it."""
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):  # an environment that uv has made
        reinstall = ["--reinstall" if word == "--force-reinstall" else word for word in words]
        return " ".join(["uv pip install --python", python, *reinstall])
    return " ".join([python, "-m pip install", *words])
