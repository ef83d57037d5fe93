"""JSON files that are either the old version or the new one, never half of one."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from loadlab.errors import RunCorrupt, StoreError
from loadlab.store.location import Location


def write_json(path: Path, value: Mapping[str, Any], *, mode: int = 0o644) -> None:
    """Replace `path` by `value` as strict JSON in ASCII, on the disk when this returns.

    NaN and infinity become null, numpy numbers plain ones, times ISO 8601 text, paths text. Raises StoreError when the
    disk refuses; `path` is then as it was. Raises TypeError for what JSON cannot hold.
    """
    text = json.dumps(_plain(value), indent=2, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(text)


def read_json(path: Location) -> dict[str, Any]:
    """The object in the JSON file `path`. Raises RunCorrupt when it is missing or holds something else."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunCorrupt(f"{path} is missing") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunCorrupt(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise RunCorrupt(f"{path} is damaged: it holds {type(value).__name__} instead of an object")
    return value


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what the block writes there takes the place of `path`, synced to the disk.

    When the block raises, the temporary file goes and `path` stays; OSError becomes StoreError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
        raise


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _plain(value: Any) -> Any:
    """`value` in the types that json knows, without NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return _plain(value.item())
    return value
