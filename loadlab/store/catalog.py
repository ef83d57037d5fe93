"""Finds and lists the runs in a folder or in S3."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.errors import RunCorrupt, RunNotFound, SpecError, StoreError
from loadlab.spec import split_pairs
from loadlab.store.files import RunFiles
from loadlab.store.ids import is_run_id, start_of_run_id
from loadlab.store.location import Location, parse_location
from loadlab.store.place import Place, is_run, open_place
from loadlab.store.s3_path import S3Path
from loadlab.store.spool import find_spooled

if TYPE_CHECKING:
    import pandas as pd

NAMED = 10
"""So many runs at the most are named where one was not found."""


def find_run(root: str | os.PathLike[str] | S3Path, ref: str | os.PathLike[str] | S3Path = "latest") -> Location:
    """Where the run is that `ref` means, among those at `root`, a folder or ``s3://bucket/prefix``.

    `ref` is a run's id, the beginning of one id only, the path or the URL of a run or of a file in it, or "latest" for
    the run that began last. For S3 it may be one that is still on this machine: a folder in `spool_folder`. Raises
    RunNotFound when there is none, or more than one; `nearest` then holds the candidates.
    """
    text = str(ref) if isinstance(ref, S3Path) else os.fspath(ref)
    if os.sep in text or text.startswith("~"):
        return _existing(parse_location(text))
    place = open_place(parse_location(root))
    if text != "latest" and place.only_runs([text]):
        return place.path(text)
    names = place.names()
    if text == "latest":
        newest_first = sorted(names, key=lambda name: (is_run_id(name), name), reverse=True)
        if latest := next((name for name in newest_first if place.only_runs([name])), None):
            return place.path(latest)
    candidates = place.only_runs(name for name in names if text and name.startswith(text))
    if len(candidates) == 1:
        return place.path(candidates[0])
    if candidates:
        raise RunNotFound(
            f"'{text}' is the beginning of several runs: give more of it: {_several(candidates)}.",
            nearest=tuple(candidates),
        )
    if is_run(Path(text)):
        return Path(text)
    close = difflib.get_close_matches(text, ["latest", *names], n=3, cutoff=0.6)
    runs = {*place.only_runs({*close, *names[-NAMED:]} - {"latest"})}
    last = tuple(name for name in names[-NAMED:] if name in runs)[-3:]
    if not last and not runs:
        raise RunNotFound(f"There are no runs in {place}.")
    close = [name for name in close if name in runs or name == "latest"]
    hint = f"Did you mean '{close[0]}'?" if close else f"The last ones are {_several(last)}."
    raise RunNotFound(f"There is no run '{text}' in {place}. {hint}", nearest=tuple(close) or last)


def list_runs(
    root: str | os.PathLike[str] | S3Path,
    *,
    labels: Mapping[str, str] | str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    status: str | Iterable[str] | None = None,
    host: str | None = None,
    is_being_written: Callable[[Path], bool] | None = None,
) -> pd.DataFrame:
    """The runs at `root`, a folder or ``s3://bucket/prefix``, oldest first, one a row.

    Columns: id, started, ended (datetime64[us, UTC]), status, host (text), users (Int64, the most of a staged test),
    run_time_s (float64, planned), validity, verdict (text), one text column ``label_<name>`` a label, problem (text).
    A folder whose run.json is missing or damaged is a row of status "corrupt" whose `problem` says why. `id` is
    the folder's name, by which `find_run` finds it. In S3 only whole runs are listed, and beside them those of this
    machine that are still to be sent there; their `problem` says where they are.

    Args:
        root: where they are.
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
    place = open_place(parse_location(root))
    place.check()
    rows, known = [], set()
    for row in place.each(place.names(), lambda path: _describe(path, place, is_being_written)):
        if row is None:
            continue
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
        raise SpecError(f"label '{name}'", wanted_labels[name], f"none; no run in {place} has a label")
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


def _describe(path: Location, place: Place, is_being_written: Callable[[Path], bool] | None) -> dict[str, Any] | None:
    """A row, or None for what is no run."""
    files = RunFiles(path)
    try:
        info = files.read_info()
        test = info.get("loadtest") or {}
        stages = test.get("stages") or ()
        run_time = sum(float(stage["duration"]) for stage in stages) if stages else test.get("run_time")
        users = max((int(stage["users"]) for stage in stages), default=test.get("users"))
        row = {
            "id": files.id,
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
    except RunNotFound:
        return None
    except KeyError as error:
        return _corrupt(files, f"run.json lacks {error}")
    except (StoreError, AttributeError, TypeError, ValueError) as error:
        if isinstance(path, S3Path) and isinstance(error, StoreError) and not isinstance(error, RunCorrupt):
            raise  # what S3 does not answer for one run it does not answer for the others
        return _corrupt(files, str(error))
    if isinstance(path, Path):
        if row["status"] == "running" and is_being_written and not is_being_written(path / files.journal_path.name):
            row["status"] = "unfinished"
        row["problem"] = place.note(path)
    return row


def _corrupt(files: RunFiles, problem: str) -> dict[str, Any]:
    started = start_of_run_id(files.id) if is_run_id(files.id) else None
    return {"id": files.id, "started": started, "status": "corrupt", "problem": problem}


def _existing(path: Location) -> Location:
    """`path`, or the run that the file `path` is in. Of S3, it may be one of this machine that is to be sent there."""
    if path.is_file():
        path = next((folder for folder in path.parents if is_run(folder)), path.parent)
    if is_run(path):
        return path
    if isinstance(path, S3Path):
        spooled = find_spooled(path.parent)
        if path.name in spooled:
            return spooled[path.name]
        names = path.folders()  # raises where the bucket is missing
        reason = f"there is no run.json; below it are {_several(names)}" if names else "there is nothing"
    else:
        reason = "it has no run.json" if path.is_dir() else "there is no such folder"
    raise RunNotFound(f"There is no run at {path}: {reason}.")


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
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more
