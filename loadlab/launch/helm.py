"""The ``helm`` program: installs, renders and uninstalls a release. Works with helm 3 and helm 4."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from loadlab.errors import HelmFailed
from loadlab.launch.uninterrupted import uninterrupted

CHART = Path(__file__).parent / "chart"
"""loadlab's own chart."""

TIMEOUT_S = 300.0
_ELSEWHERE = ("HELM_KUBE", "HELM_NAMESPACE")
"""Beginnings of the environment variables that name a cluster, a user or a namespace."""

_HOW = "https://helm.sh/docs/intro/install, conda-forge's kubernetes-helm, or your package manager"


_ECHO = {
    "Chart.yaml": "apiVersion: v2\nname: values\nversion: 0.0.0\n",
    "templates/values.yaml": "{{ .Values | toJson }}\n",
}
"""A chart that renders the values that it is given: helm 3 shows those of another one only where there is a cluster."""


@dataclass(frozen=True)
class Chart:
    """Which chart, and what goes over loadlab's values: files first, then single settings."""

    reference: str
    version: str = ""
    value_files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def words(self, own_values: Path) -> list[str]:
        """The arguments of ``helm template`` and ``helm upgrade`` after the name of the release."""
        words = [self.reference]
        if self.version:
            words += ["--version", self.version]
        words += ["--values", str(own_values)]
        for path in self.value_files:
            words += ["--values", path]
        for setting in self.settings:
            words += ["--set", setting]
        return words


class Helm:
    """The helm on PATH, or the one that LOADLAB_HELM names, for one namespace of one context.

    Neither HELM_KUBECONTEXT nor another variable of helm's own leads it to another cluster, user or namespace.
    Raises HelmFailed when there is none, and with helm's own words when it fails.
    """

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        program = os.environ.get("LOADLAB_HELM") or shutil.which("helm")
        if program is None:
            raise HelmFailed(f"the program helm is not on PATH; it comes from {_HOW}")
        self.program = program
        self._where = [
            *(["--kube-context", context] if context else []),
            *(["--namespace", namespace] if namespace else []),
        ]

    @cached_property
    def version(self) -> str:
        """Such as ``v4.3.1``. Raises HelmFailed for helm 2 and for what is no helm."""
        text = self._run(["version", "--short"])
        found = re.search(r"v(\d+)\.\d+\.\d+", text)
        if found is None or int(found[1]) < 3:
            raise HelmFailed(f"{self.program} says it is {text.strip() or 'nothing'}; helm 3 or 4 is needed")
        return found[0]

    def template(self, release: str, chart: Chart, values: Mapping[str, Any]) -> str:
        """The manifests that an installation would apply, as YAML; needs no cluster."""
        with _file(values) as own_values:
            return self._run(["template", release, *chart.words(own_values), *self._where])

    def merged_values(self, release: str, chart: Chart, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the user's files and settings over them, checked by the chart's schema; needs no cluster."""
        self.template(release, chart, values)
        with _file(values) as own_values:
            for name, text in _ECHO.items():
                path = own_values.parent / "echo" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            echo = replace(chart, reference=str(own_values.parent / "echo"), version="")
            rendered = self._run(["template", release, *echo.words(own_values), *self._where])
        return dict(json.loads(rendered.splitlines()[-1]))

    def install(self, release: str, chart: Chart, values: Mapping[str, Any]) -> None:
        """``helm upgrade --install``; does not wait for the pods. An interrupt waits until helm has ended."""
        with _file(values) as own_values:
            words = ["upgrade", "--install", release, *chart.words(own_values), *self._where, "--history-max", "1"]
            self._finish([*words, "--timeout", f"{TIMEOUT_S:.0f}s"])

    def uninstall(self, release: str) -> None:
        """Remove the release and all its objects; one that is not there is fine. An interrupt waits, as above."""
        self._finish(["uninstall", release, "--ignore-not-found", *self._where, "--timeout", f"{TIMEOUT_S:.0f}s"])

    def _finish(self, words: Sequence[str]) -> None:
        """Run helm to its end: one that is killed leaves half a release, which no other helm may touch."""
        uninterrupted(partial(self._run, words), f"helm {words[0]} has to end", raise_later=True)

    def _run(self, words: Sequence[str]) -> str:
        try:
            ended = subprocess.run(
                [self.program, *words],
                env={name: text for name, text in os.environ.items() if not name.startswith(_ELSEWHERE)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S + 30,
                check=False,
                start_new_session=True,  # an interrupt at the terminal is for this process
            )
        except subprocess.TimeoutExpired as error:
            raise HelmFailed(f"helm {words[0]} did not end within {TIMEOUT_S + 30:.0f} s") from error
        except OSError as error:
            raise HelmFailed(f"{self.program} cannot be started: {error.strerror}") from error
        if ended.returncode != 0:
            said = re.sub(r"^(Error|level=ERROR.*?msg=\"?)[: ]*", "", ended.stderr.strip() or ended.stdout.strip())
            raise HelmFailed(f"helm {words[0]} failed: {said}")
        return ended.stdout


@contextmanager
def _file(values: Mapping[str, Any]) -> Iterator[Path]:
    """The values in a file that only this user can read, because the run's token is in them. JSON is YAML."""
    with tempfile.TemporaryDirectory(prefix="loadlab-") as folder:
        path = Path(folder) / "values.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(values, file)
        yield path
