"""The only file access of this package: reading a test from YAML, and looking for its locustfile and for places to
write to."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadlab.errors import SpecError, nearest_name

_YAML_PROBLEMS: tuple[tuple[str, str, bool], ...] = (
    ("the key ", "", False),
    ("mapping values are not allowed", "a ':' too many, or other indentation than the lines above; {quotes}", False),
    ("expected ',' or", "a bracket or brace that is opened here is not closed, or a comma is missing", True),
    ("expected the node content", "a value is missing, or a bracket or brace is in the wrong place", False),
    ("expected <block end>", "other indentation than the lines above, or text after a quote", False),
    ("could not find expected ':'", "this is not of the form 'name: value'", True),
    ("unexpected end of stream", "a quote that is opened here is not closed", True),
    ("'\\t' that cannot start", "a tab; indent with blanks", False),
    ("cannot start any token", "a character that no value may begin with; {quotes}", False),
    ("undefined alias", "'*' refers to something that no '&' names; {quotes}", False),
    ("expected alphabetic or numeric character", "'*' or '&' without a name; {quotes}", False),
    ("constructor for the tag", "'!' marks a type that a test cannot hold; {quotes}", False),
)
"""Part of what PyYAML says -> what it means, empty: just that, and whether it is about where the thing began."""

PROJECT_MARK = "locustfiles"
"""The folder that tells where a project begins."""


def project_folder() -> Path:
    """The folder that the relative paths of a notebook begin at, wherever its kernel works.

    The nearest one, from the current folder upwards, that holds a folder `locustfiles`; the current one where there is
    none. ``Path(".")`` when it is the current folder, so that paths stay short, else absolute.
    """
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / PROJECT_MARK).is_dir()), here)
    return Path() if found == here else found


def is_url(place: object) -> bool:
    """Whether `place` is no path in a file system, but something like ``s3://bucket/prefix``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(place)) is not None


def in_project(place: str | Path) -> str | Path:
    """`place` as a notebook means it: a relative path begins at the `project_folder`, all else stays as it is."""
    return place if is_url(place) else project_folder() / place


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in the YAML file at `path`; a relative ``locustfile`` in it becomes relative to that file's folder.

    Raises:
        SpecError: no such file, not YAML, not a mapping, or a key that is given twice.
    """
    path = Path(path)
    given = read_mapping(path, "test file")
    if isinstance(given.get("locustfile"), str) and given["locustfile"]:
        given["locustfile"] = path.parent / given["locustfile"]
    return given


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """The mapping in the YAML file at `path`; `what` it is stands in messages. Raises SpecError as `read_yaml`."""
    import yaml

    check_file(what, path, (".yaml", ".yml"))
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _strict_loader())
    except yaml.MarkedYAMLError as error:
        sentence, from_beginning = _explain(error.problem or "")
        mark = (error.context_mark if from_beginning else None) or error.problem_mark
        line = mark.line + 1 if mark else 1
        raise _unreadable(what, f"{path}, line {line}", sentence) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _unreadable(what, f"{path}, line {line}", "this is not UTF-8 text") from error
    except yaml.YAMLError as error:
        raise _unreadable(what, str(path), "it holds a control character, which YAML does not allow") from error
    if not isinstance(given, dict):
        raise SpecError(what, str(path), "a YAML mapping of field names to values, such as 'users: 10'")
    return given


def yaml_document(value: object) -> str:
    """`value`, made of dicts, lists and scalars, as one YAML document with its ``---``; dicts keep their order."""
    import yaml

    return "---\n" + str(yaml.safe_dump(value, sort_keys=False, width=120))


def _explain(problem: str) -> tuple[str, bool]:
    for part, sentence, from_beginning in _YAML_PROBLEMS:
        if part in problem:
            return sentence.format(quotes="put text with special characters in quotes") or problem, from_beginning
    return "this is not YAML", False


def _unreadable(what: str, place: str, sentence: str) -> SpecError:
    error = SpecError(what, place, "a YAML file")
    error.args = (f"{what} {place}: {sentence}.",)
    return error


def writable_file(path: str | Path, what: str = "report") -> Path:
    """`path`, if a file can be written there; looked at before a load whose result would have no place after it.

    Raises:
        SpecError: naming `what`; it is a folder, its folder does not exist, or that cannot be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise SpecError(what, str(path), "the name of a file; this is a folder")
    if not path.parent.is_dir():
        raise SpecError(what, str(path), f"a file in a folder that exists; there is no folder {path.parent}")
    _try_to_write(what, path, path)
    return path


def check_folder(what: str, folder: Path) -> None:
    """Make `folder` where it is missing. Raises SpecError, naming `what`, when nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(what, str(folder), f"a folder that can be made ({error.strerror or error})") from error
    _try_to_write(what, folder, folder / "loadlab")


def _try_to_write(what: str, path: Path, target: Path) -> None:
    try:
        handle, probe = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise SpecError(what, str(path), f"a place that can be written to ({error.strerror or error})") from error


def check_file(what: str, path: Path, suffixes: Iterable[str], *, strict: bool = False) -> None:
    """Raise SpecError unless `path` is a file; it names the nearest file beside it that has one of `suffixes`.

    With `strict` a file that has none of `suffixes` is refused too.
    """
    if path.is_file() and (path.suffix in suffixes or not strict):
        return
    folder = path.parent
    wanted = f"{'a' if path.is_file() else 'an existing'} file that ends in {' or '.join(suffixes)}"
    if not folder.is_dir():
        raise SpecError(what, str(path), f"{wanted}; there is no folder {folder}")
    found = {file.name: file for file in sorted(folder.iterdir()) if file.suffix in suffixes and file.is_file()}
    nearest = nearest_name(path.name, found) or nearest_name(path.stem, [file.stem for file in found.values()])
    nearest_file = found.get(nearest or "") or next((file for file in found.values() if file.stem == nearest), None)
    kind = "; this is a folder" if path.is_dir() else ""
    raise SpecError(what, str(path), wanted + kind, nearest=str(nearest_file) if nearest_file else None)


def _strict_loader() -> Any:
    import yaml

    class StrictLoader(yaml.SafeLoader):
        """Refuses a key that a mapping holds twice, where YAML's own loader silently keeps the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if key.value in seen:
                    problem = f"the key {key.value!r} is given twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return StrictLoader
