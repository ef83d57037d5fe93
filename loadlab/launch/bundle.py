"""What a pod needs besides its image: the locustfile, the modules beside it, its data files, and the agent.

Each folder travels in a ConfigMap of its own, mounted where the folder belongs, because a ConfigMap has no folders.
"""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from loadlab.errors import SpecError, nearest_name

LOCUST_PATH = "/mnt/locust"
"""Where the locustfile's folder is mounted."""

AGENT_ROOT = "/mnt/loadlab"
"""Stands on PYTHONPATH in a pod; the folder ``loadlab/agent`` in it is the agent. The package around it has nothing but
what the agent needs, and goes before a loadlab that the image may have."""

AGENT_PATH = f"{AGENT_ROOT}/loadlab/agent"
MAX_BYTES = 1 << 20
"""Kubernetes refuses a ConfigMap with more data."""

_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}")
_AGENT = Path(__file__).parents[1] / "agent"
_REDACTION = Path(__file__).parents[1] / "redaction.py"
_WAYS_OUT = (
    "put large files into an image of your own (image=), or let an init container clone them "
    "(loadlab.extraInitContainers in the Helm values)"
)


@dataclass(frozen=True)
class Folder:
    """The files that are mounted as one folder at `path` in the pods: name -> content."""

    path: str
    files: dict[str, bytes]

    def config_map(self, name: str, labels: dict[str, str], annotations: dict[str, str]) -> dict[str, Any]:
        """The ConfigMap that carries them; what is no text goes as binaryData."""
        data: dict[str, str] = {}
        binary: dict[str, str] = {}
        for file, content in self.files.items():
            try:
                data[file] = content.decode("utf-8")
            except UnicodeDecodeError:
                binary[file] = base64.b64encode(content).decode("ascii")
        manifest: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
            "data": data,
        }
        if binary:
            manifest["binaryData"] = binary
        return manifest


@dataclass(frozen=True)
class Bundle:
    """All folders of a test: the locustfile's first, the agent's package and the agent last."""

    locustfile: str
    folders: tuple[Folder, ...]


def make_bundle(locustfile: Path, files: Iterable[str] = ()) -> Bundle:
    """Collect the locustfile, every module beside it that it imports, directly or not, and the data `files`.

    `files` are paths or patterns from the locustfile's folder, and have to lie in it. Raises SpecError for one that
    matches nothing, for a name that no ConfigMap can hold, and for more than 1 MiB in one folder.
    """
    root = locustfile.resolve().parent
    wanted = {locustfile.resolve(), *_modules(locustfile.resolve(), root), *_data_files(root, files)}
    by_folder: dict[PurePosixPath, dict[str, bytes]] = {PurePosixPath(): {}}
    for path in sorted(wanted):
        place = PurePosixPath(path.relative_to(root).as_posix())
        field = "locustfile" if path == locustfile.resolve() else "files"
        if not _KEY.fullmatch(place.name):
            allowed = "file names of letters, digits, '-', '_' and '.', but no '..' first; a ConfigMap has no other"
            raise SpecError(field, str(place), allowed)
        by_folder.setdefault(place.parent, {})[place.name] = path.read_bytes()
    folders = [Folder(str(PurePosixPath(LOCUST_PATH, place)), content) for place, content in by_folder.items()]
    agent = {path.name: path.read_bytes() for path in sorted(_AGENT.glob("*.py"))}
    for folder in folders:
        size = sum(map(len, folder.files.values()))
        if size > MAX_BYTES:
            largest = max(folder.files, key=lambda name: len(folder.files[name]))
            raise SpecError(
                "files",
                f"{size / MAX_BYTES:.1f} MiB in {folder.path}, {largest} the largest",
                f"up to 1 MiB in one folder, which is all that a ConfigMap holds; {_WAYS_OUT}",
            )
    package = Folder(f"{AGENT_ROOT}/loadlab", {"__init__.py": b"", _REDACTION.name: _REDACTION.read_bytes()})
    return Bundle(locustfile.name, (*folders, package, Folder(AGENT_PATH, agent)))


def _data_files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for number, pattern in enumerate(patterns):
        place = Path(pattern)
        if place.is_absolute():
            found = [place] if place.is_file() else []
        else:
            found = [path for path in root.glob(pattern) if path.is_file()]
        found = [path.resolve() for path in found]
        if not found:
            names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
            raise SpecError(
                f"files[{number}]", pattern, f"files below {root}; there is none", nearest=nearest_name(pattern, names)
            )
        for path in found:
            if not path.is_relative_to(root):
                raise SpecError(f"files[{number}]", pattern, f"files in the locustfile's folder {root} or below it")
        yield from found


def _modules(start: Path, root: Path) -> set[Path]:
    """The files of all modules below `root` that `start` imports, directly or through others."""
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        for path in _imported(waiting.pop(), root):
            if path not in found and path != start:
                found.add(path)
                waiting.append(path)
    return found


def _imported(path: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _find(root, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = root
            if node.level:
                base = path.parents[node.level - 1]
            module = node.module.split(".") if node.module else []
            if base.is_relative_to(root):
                for alias in node.names:
                    yield from _find(base, [*module, alias.name])


def _find(base: Path, parts: list[str]) -> Iterator[Path]:
    """The files that importing the module `parts` from the folder `base` reads, as far as they are there.

    Of a package all modules: which of them are used is not known before it runs.
    """
    if not parts:
        return
    module = base / f"{parts[0]}.py"
    package = base / parts[0]
    if package.is_dir() and (package / "__init__.py").is_file():
        yield from sorted(package.rglob("*.py"))
    elif module.is_file():
        yield module
    elif package.is_dir():
        yield from _find(package, parts[1:])
