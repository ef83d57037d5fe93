"""Keeps runs, in folders or in S3: written in a folder while the run goes on, opened by id, prefix, path or as the
latest."""

from loadlab.store.archive import Archive
from loadlab.store.catalog import find_run, list_runs
from loadlab.store.folder import RunFolder
from loadlab.store.ids import is_run_id, new_run_id, start_of_run_id
from loadlab.store.location import Location, parse_location, parse_root
from loadlab.store.publish import publish_files, publish_run
from loadlab.store.s3_path import S3Path
from loadlab.store.spool import spool_folder

__all__ = [
    "Archive",
    "Location",
    "RunFolder",
    "S3Path",
    "find_run",
    "is_run_id",
    "list_runs",
    "new_run_id",
    "parse_location",
    "parse_root",
    "publish_files",
    "publish_run",
    "spool_folder",
    "start_of_run_id",
]
