"""What is installed here, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from loadlab import store
from loadlab.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_PYTHON = (3, 11)
MINIMUM_OPEN_FILES = 10_000
"""What Locust asks for; every user holds a connection or two."""
MINIMUM_FREE_BYTES = 1 << 30
_ANSWER_S = 60.0
_THIS_PYTHON = ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info))
"""What Jupyter replaces by its own Python when a kernel's command begins with it."""
_SIGNS = {"ok": "✓", "optional": "-", "warning": "!", "missing": "✕"}


@dataclass(frozen=True)
class Finding:
    """One line of the checkup.

    `status` is "ok", "optional" (not there, and only some things need it), "warning" or "missing"; `mend` is the
    command or the step that helps, empty when there is nothing to mend.
    """

    name: str
    status: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Checkup:
    """All findings; `ok` unless something is missing."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing that loadlab needs is missing."""
        return all(finding.status != "missing" for finding in self.findings)

    def to_frame(self) -> pd.DataFrame:
        """A row a finding: name, status, found, mend (text)."""
        import pandas as pd

        rows = [(finding.name, finding.status, finding.found, finding.mend) for finding in self.findings]
        return pd.DataFrame(rows, columns=["name", "status", "found", "mend"], dtype="str")

    def lines(self) -> Iterator[tuple[str, str]]:
        """(status, line of text) of each finding; what mends it is on a line of its own below."""
        width = max(len(finding.name) for finding in self.findings)
        for finding in self.findings:
            yield finding.status, f"{_SIGNS[finding.status]} {finding.name:<{width}}  {finding.found}"
            if finding.mend:
                yield finding.status, f"  {'':<{width}}  → {finding.mend}"

    def __str__(self) -> str:
        return "\n".join(line for _, line in self.lines())


def examine(runs: str | Path = "runs") -> Checkup:
    """Look at this machine and this Python. `runs` is where runs are to be kept, a folder or ``s3://bucket/prefix``.

    Starts ``locust --version`` and ``jupyter kernelspec list`` and writes, and removes, one file beside the runs.
    """
    place = store.parse_location(runs)
    with ThreadPoolExecutor(max_workers=2) as pool:
        slow = [pool.submit(_check_locust), pool.submit(_check_kernel)]
        quick = [_check_python(), *_check_packages()]
        rest = [
            _check_program("chromium", ("chromium", "chromium-browser", "google-chrome"), "the tests that open a page"),
            _check_program("nginx", ("nginx", "/usr/sbin/nginx"), "the tests that compare with its access log"),
            _check_program("helm", ("helm",), "load tests on Kubernetes", "see https://helm.sh/docs/intro/install"),
            _check_program("git", ("git",), "the revision in a run's provenance"),
            *(_check_s3(place) if isinstance(place, store.S3Path) else [_check_runs_folder(place)]),
            _check_open_files(),
            _check_cpus(),
            _check_clock(),
        ]
        return Checkup((*quick, *(each.result() for each in slow), *rest))


def _check_python() -> Finding:
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info >= MINIMUM_PYTHON:
        return Finding("python", "ok", found)
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    return Finding("python", "missing", f"{found}; {wanted} or newer is needed", f"make PYTHON=python{wanted} demo")


def _check_packages() -> Iterator[Finding]:
    try:
        yield Finding("loadlab", "ok", metadata.version("loadlab"))
        requirements = metadata.requires("loadlab") or []
    except metadata.PackageNotFoundError:
        yield Finding("loadlab", "missing", "used, but not installed", f"{sys.executable} -m pip install -e .")
        return
    for requirement in requirements:
        wanted = re.fullmatch(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)", requirement)
        if wanted is not None:  # the others belong to extras
            yield _check_package(wanted[1], wanted[2])


def _check_package(name: str, minimum: str) -> Finding:
    mend = f"{sys.executable} -m pip install '{name}>={minimum}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", mend)
    if _release(version) < _release(minimum):
        return Finding(name, "missing", f"{version}; {minimum} or newer is needed", mend)
    return Finding(name, "ok", version)


def _release(version: str) -> list[int]:
    """The leading numbers of a version: ``2.47.0rc1`` → [2, 47, 0]."""
    release = re.match(r"\d+(\.\d+)*", version)
    return [int(part) for part in release[0].split(".")] if release else []


def _check_locust() -> Finding:
    answer = _ask(sys.executable, "-m", "locust", "--version")
    if answer.startswith("locust "):
        return Finding("locust starts", "ok", " ".join(answer.split()[:2]))
    mend = f"{sys.executable} -m pip install --force-reinstall locust"
    return Finding("locust starts", "missing", _last_line(answer), mend)


def _check_kernel() -> Finding:
    mend = f"{sys.executable} -m ipykernel install --sys-prefix"
    answer = _ask(sys.executable, "-m", "jupyter", "kernelspec", "list", "--json")
    try:
        specs = json.loads(answer)["kernelspecs"]
    except (ValueError, KeyError):
        return Finding("notebook kernel", "missing", _last_line(answer), mend)
    if "python3" not in specs:
        return Finding("notebook kernel", "missing", f"no kernel 'python3' among: {', '.join(specs) or 'none'}", mend)
    program = specs["python3"]["spec"]["argv"][0]
    this_python = program in _THIS_PYTHON or Path(program).parent == Path(sys.executable).parent
    if not this_python:
        text = f"'python3' starts {program}, not this Python, so notebooks may not find loadlab"
        return Finding("notebook kernel", "warning", text, mend)
    return Finding("notebook kernel", "ok", "'python3' starts this Python")


def _check_program(name: str, programs: tuple[str, ...], purpose: str, mend: str = "") -> Finding:
    for program in programs:
        path = shutil.which(program)
        if path is not None:
            return Finding(name, "ok", path)
    package = "nginx-light" if name == "nginx" else name
    return Finding(name, "optional", f"not found; only {purpose} need it", mend or f"apt-get install {package}")


def _check_s3(place: store.S3Path) -> Iterator[Finding]:
    try:
        place.check_writable()
        yield Finding("runs in S3", "ok", f"{place} can be written")
    except (StoreError, ImportError) as error:
        yield Finding("runs in S3", "missing", str(error), "see 'Runs in S3' in README.md, or use another --runs PLACE")
    yield _check_runs_folder(store.spool_folder(), "runs on their way", "name another folder in LOADLAB_SPOOL")


def _check_runs_folder(
    folder: Path, name: str = "runs folder", mend: str = "use another folder with --runs DIR"
) -> Finding:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".loadlab-doctor-"):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding(name, "missing", f"{folder} cannot be written: {error.strerror}", mend)
    found = f"{folder} can be written, {free / 1e9:.1f} GB are free"
    if free < MINIMUM_FREE_BYTES:
        return Finding(name, "warning", found, f"make room, or {mend}")
    return Finding(name, "ok", found)


def _check_open_files() -> Finding:
    if sys.platform == "win32":
        return Finding("open files", "ok", "not limited on Windows")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, hard) if resource.RLIM_INFINITY not in (soft, hard) else None
    if allowed is None or allowed >= MINIMUM_OPEN_FILES:  # Locust raises the soft limit by itself
        return Finding("open files", "ok", "unlimited" if allowed is None else f"up to {allowed:,} a process")
    text = f"up to {allowed:,} a process; a worker with many users needs {MINIMUM_OPEN_FILES:,}"
    return Finding("open files", "warning", text, f"ulimit -n {MINIMUM_OPEN_FILES} (as root, or in limits.conf)")


def _check_cpus() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count > 1:
        return Finding("CPUs", "ok", str(count))
    return Finding(
        "CPUs", "warning", "1: master, worker and a target on this machine share it", "run the target elsewhere"
    )


def _check_clock() -> Finding:
    now = datetime.now(UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    built = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    if time.time() < built - 86400:
        return Finding("clock", "missing", f"{found} is before loadlab was installed", "timedatectl set-ntp true")
    if shutil.which("timedatectl") and _ask("timedatectl", "show", "-p", "NTPSynchronized", "--value").strip() == "no":
        text = f"{found}, not synchronised; matters when the target's logs are compared"
        return Finding("clock", "warning", text, "timedatectl set-ntp true")
    return Finding("clock", "ok", found)


def _ask(*command: str) -> str:
    """What a command prints; what it complains about when it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return result.stdout if result.returncode == 0 else result.stderr


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no answer"
