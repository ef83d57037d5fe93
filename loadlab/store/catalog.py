"""Finds and lists the runs in a folder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.errors import RunNotFound, SpecError, StoreError
from loadlab.spec import split_pairs
from loadlab.store.folder import RunFolder
from loadlab.store.ids import is_run_id, start_of_run_id
from loadlab.store.location import parse_root

if TYPE_CHECKING:
    import pandas as pd


def find_run(root: str | os.PathLike[str], ref: str | os.PathLike[str] = "latest") -> Path:
    """The folder of the run that `ref` means, among those in the folder `root`.

    `ref` is a run's id, the beginning of one id only, the path of a run's folder or of a file in it, or "latest" for
    the run that began last. Raises RunNotFound when there is none, or more than one; `nearest` then holds the
    candidates.
    """
    text = os.fspath(ref)
    if os.sep in text or text.startswith("~"):
        return _existing(parse_root(text))
    folder = parse_root(root)
    names = [path.name for path in _scan(folder)]
    if not names and not _is_run(Path(text)):
        raise RunNotFound(f"There are no runs in {folder}.")
    if text == "latest":
        return folder / max(names, key=lambda name: (is_run_id(name), name))
    if text in names:
        return folder / text
    candidates = [name for name in names if text and name.startswith(text)]
    if len(candidates) == 1:
        return folder / candidates[0]
    if candidates:
        raise RunNotFound(
            f"'{text}' is the beginning of several runs: give more of it: {_several(candidates)}.",
            nearest=tuple(candidates),
        )
    if _is_run(Path(text)):
        return Path(text)
    close = tuple(difflib.get_close_matches(text, ["latest", *names], n=3, cutoff=0.6))
    hint = f"Did you mean '{close[0]}'?" if close else f"The last ones are {_several(names[-3:])}."
    raise RunNotFound(f"There is no run '{text}' in {folder}. {hint}", nearest=close or tuple(names[-3:]))


def list_runs(
    root: str | os.PathLike[str],
    *,
    labels: Mapping[str, str] | str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    status: str | Iterable[str] | None = None,
    host: str | None = None,
    is_being_written: Callable[[Path], bool] | None = None,
) -> pd.DataFrame:
    """The runs in the folder `root`, oldest first, one a row.

    Columns: id, started, ended (datetime64[us, UTC]), status, host (text), users (Int64, the most of a staged test),
    run_time_s (float64, planned), validity, verdict (text), one text column ``label_<name>`` a label, problem (text).
    A folder whose run.json is missing or damaged is a row of status "corrupt" whose `problem` says why. `id` is
    the folder's name, by which `find_run` finds it.

    Args:
        root: the folder.
        labels: keep runs that have all of these labels; also as one text, "service=shop, build=42".
        since: keep runs that began then or later; ISO text or datetime, UTC without a zone.
        until: keep runs that began then or earlier.
        status: keep runs of this status, or of one of these.
        host: keep runs against this host.
        is_being_written: asked about the journal of each run of status "running"; where it says no the recorder has
            died, and the status shown is "unfinished".

    Raises SpecError for a time that cannot be read and for a label that no run has, RunNotFound for a root that does
    not exist, StoreError for one that cannot be read.
    """
    wanted_status = None if status is None else {status} if isinstance(status, str) else set(status)
    earliest, latest = _limit("since", since), _limit("until", until)
    wanted_labels = _read_labels(labels)
    folder = parse_root(root)
    if not folder.is_dir():
        raise RunNotFound(f"There is no folder {folder}; name the one that keeps the runs.")
    rows, known = [], set()
    for path in _scan(folder):
        row = _describe(RunFolder(path), is_being_written)
        started = row["started"]
        known |= {name.removeprefix("label_") for name in row if name.startswith("label_")}
        if (
            (wanted_status is None or row["status"] in wanted_status)
            and (host is None or row.get("host") == host)
            and all(row.get(f"label_{name}") == str(value) for name, value in wanted_labels.items())
            and (earliest is None or (started is not None and started >= earliest))
            and (latest is None or (started is not None and started <= latest))
        ):
            rows.append(row)
    for name in sorted(wanted_labels.keys() - known):
        if known:
            raise SpecError.unknown("label", name, known)
        raise SpecError(f"label '{name}'", wanted_labels[name], f"none; no run in {folder} has a label")
    rows.sort(key=lambda row: (row["started"] or datetime.min.replace(tzinfo=UTC), row["id"]))
    return _frame(rows)


def _read_labels(labels: Mapping[str, str] | str | None) -> Mapping[str, str]:
    if isinstance(labels, Mapping):
        return labels
    try:
        return split_pairs(labels or "")
    except (AttributeError, TypeError, ValueError) as error:
        raise SpecError("labels", labels, "a dict, or text such as 'service=shop, build=42'") from error


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    names = sorted({name for row in rows for name in row if name.startswith("label_")})
    columns = [
        "id",
        "started",
        "ended",
        "status",
        "host",
        "users",
        "run_time_s",
        "validity",
        "verdict",
        *names,
        "problem",
    ]
    data: dict[str, Any] = {}
    for column in columns:
        values = [row.get(column) for row in rows]
        if column in ("started", "ended"):
            data[column] = pd.Series(values, dtype="datetime64[us, UTC]")
        elif column == "users":
            data[column] = pd.Series(values, dtype="Int64")
        elif column == "run_time_s":
            data[column] = pd.Series(values, dtype="float64")
        else:
            data[column] = pd.Series(["" if value is None else value for value in values], dtype="str")
    return pd.DataFrame(data, columns=columns)


def _describe(folder: RunFolder, is_being_written: Callable[[Path], bool] | None) -> dict[str, Any]:
    try:
        info = folder.read_info()
        test = info.get("loadtest") or {}
        stages = test.get("stages") or ()
        run_time = sum(float(stage["duration"]) for stage in stages) if stages else test.get("run_time")
        users = max((int(stage["users"]) for stage in stages), default=test.get("users"))
        row = {
            "id": folder.id,
            "started": _moment(info["started"]),
            "ended": _moment(info.get("ended")),
            "status": str(info["status"]),
            "host": str(test.get("host") or ""),
            "users": None if users is None else int(users),
            "run_time_s": None if run_time is None else float(run_time),
            "validity": str((info.get("validity") or {}).get("status", "")),
            "verdict": str((info.get("verdict") or {}).get("status", "")),
        }
        row |= {f"label_{name}": str(value) for name, value in (info.get("labels") or {}).items()}
    except KeyError as error:
        return _corrupt(folder, f"run.json lacks {error}")
    except (StoreError, AttributeError, TypeError, ValueError) as error:
        return _corrupt(folder, str(error))
    if row["status"] == "running" and is_being_written is not None and not is_being_written(folder.journal_path):
        row["status"] = "unfinished"
    return row


def _corrupt(folder: RunFolder, problem: str) -> dict[str, Any]:
    started = start_of_run_id(folder.id) if is_run_id(folder.id) else None
    return {"id": folder.id, "started": started, "status": "corrupt", "problem": problem}


def _scan(folder: Path) -> list[Path]:
    """The runs in `folder` by name: whatever has a run.json, and whatever is named like a run."""
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be read: {error.strerror}") from error
    return [
        path
        for path in entries
        if path.is_dir() and not path.name.startswith(".") and (is_run_id(path.name) or _is_run(path))
    ]


def _is_run(path: Path) -> bool:
    return (path / "run.json").is_file()


def _existing(path: Path) -> Path:
    if path.is_file():
        path = next((folder for folder in path.parents if _is_run(folder)), path.parent)
    if not _is_run(path):
        reason = "it has no run.json" if path.is_dir() else "there is no such folder"
        raise RunNotFound(f"There is no run at {path}: {reason}.")
    return path


def _moment(value: datetime | str | None) -> datetime | None:
    """`value` as a datetime with a zone. Raises ValueError for text that is no ISO 8601 time."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _limit(field: str, value: datetime | str | None) -> datetime | None:
    try:
        return _moment(value)
    except ValueError as error:
        raise SpecError(field, value, "an ISO 8601 time such as 2026-11-23 or 2026-11-23T21:06:40") from error


def _several(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return ", ".join(listed[:10]) + more
