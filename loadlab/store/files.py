"""The files of one run, for reading: in a folder or in S3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from loadlab.errors import RunCorrupt, RunNotFound
from loadlab.schema import TABLES
from loadlab.store.json_file import read_json
from loadlab.store.location import Location, parse_location
from loadlab.store.s3_path import S3Path


class RunFiles:
    """Names the files of the run at `path`::

        run.json        what was run, when, by what, how it ended
        summary.json    the result in numbers
        requests.parquet, errors.parquet, ...   one file a table of the schema
        logs/           of the master and the workers

    In S3 a run is there when its run.json is, for that is sent last.
    """

    def __init__(self, path: str | os.PathLike[str] | S3Path) -> None:
        self.path: Location = parse_location(path)
        self.id = self.path.name
        self.info_path: Location = self.path / "run.json"
        self.summary_path: Location = self.path / "summary.json"
        self.journal_path: Location = self.path / "journal.ndjson"

    def table_path(self, table: str) -> Location:
        """Where the schema's `table` is kept."""
        return self.path / f"{table}.parquet"

    @property
    def is_there(self) -> bool:
        """Whether there is a run, be it damaged."""
        return self.path.is_dir() if isinstance(self.path, Path) else self.info_path.is_file()

    @property
    def has_tables(self) -> bool:
        """Whether every table is there: the run is archived."""
        return all(self.table_path(table).is_file() for table in TABLES)

    @property
    def has_journal(self) -> bool:
        """Whether there is a journal: the run goes on, or its recorder has died."""
        return self.journal_path.is_file()

    def read_info(self) -> dict[str, Any]:
        """What run.json holds. Raises RunNotFound without a run, RunCorrupt when the file is missing or damaged."""
        try:
            return read_json(self.info_path)
        except RunCorrupt:
            if self.is_there:
                raise
            raise RunNotFound(f"There is no run at {self.path}.") from None
