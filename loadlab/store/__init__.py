"""Keeps runs: one folder each, written while the run goes on, opened by id, prefix, path or as the latest."""

from loadlab.store.archive import Archive
from loadlab.store.catalog import find_run, list_runs
from loadlab.store.folder import RunFolder
from loadlab.store.ids import is_run_id, new_run_id, start_of_run_id
from loadlab.store.location import parse_root

__all__ = [
    "Archive",
    "RunFolder",
    "find_run",
    "is_run_id",
    "list_runs",
    "new_run_id",
    "parse_root",
    "start_of_run_id",
]
