"""Where a run came from: versions, git revision, host, and the command that repeats it."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from loadlab.spec import KubernetesOptions, LoadTest, write_options

_PACKAGES = ("loadlab", "locust", "pandas", "bokeh", "pyarrow", "numpy")


def versions() -> dict[str, str]:
    """Package name to version, Python included; a package that is not installed is left out."""
    from importlib import metadata  # here: it takes longer than all else in this module

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """{"revision", "branch", "dirty"} of the checkout that holds `folder`; None outside one or without git."""
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "revision": revision,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD") or "",
        "dirty": bool(status),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout: both mean "no revision"
        return None
    return result.stdout.strip()


def host_facts() -> dict[str, Any]:
    """{"hostname", "platform", "cpus", "memory_bytes", "python"} of the machine that recorded the run."""
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "hostname": platform.node(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory,
        "python": sys.executable,
    }


def rerun_command(test: LoadTest, launcher: str = "local", options: KubernetesOptions | None = None) -> str:
    """The shell command that runs `test` again; what may be a secret has to be filled in for ``...``."""
    words = ["loadlab", "run", *write_options(test.without_secrets())]
    if launcher != "local":
        words += ["--launcher", launcher]
    return shlex.join([*words, *(write_options(options.without_secrets()) if options is not None else [])])
