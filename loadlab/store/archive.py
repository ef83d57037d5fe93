"""A run as it lies in its folder or in S3, for reading."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import loadlab
from loadlab.errors import RunCorrupt, SchemaMismatch
from loadlab.schema import READABLE_VERSIONS, SCHEMA_VERSION, TABLES, to_frame
from loadlab.store.files import RunFiles
from loadlab.store.json_file import read_json
from loadlab.store.s3_path import S3Path

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Archive:
    """The archived run at `path`, a folder or in S3. Its tables are read when they are first used, and then kept.

    From S3 a table is fetched as one object, into memory: all of it is used, and is smaller there than decoded, so
    nothing is gained by fetching it in pieces, or by keeping files of it on this machine.

    Each table is a DataFrame with the columns and dtypes of schema.to_frame, sorted by time.

    Attributes:
        id: the run's id, from run.json, also when the folder was renamed.
        path: its folder, or its S3Path, which reads like one.
        info: what run.json holds.

    Raises:
        RunNotFound: there is no such run.
        SchemaMismatch: it was written in another record format; the message names the version that reads it.
        RunCorrupt: run.json is missing or damaged; later, from a table: its file is, and which others can be read.
    """

    def __init__(self, path: str | os.PathLike[str] | S3Path) -> None:
        self._files = RunFiles(path)
        self.path = self._files.path
        self.info: dict[str, Any] = self._files.read_info()
        self.id = str(self.info.get("id", self._files.id))
        _check_schema(self.id, self.info)

    @cached_property
    def requests(self) -> pd.DataFrame:
        """A row a second, request_type and name; late parts are rows of their own."""
        return self.table("requests")

    @cached_property
    def errors(self) -> pd.DataFrame:
        """A row a second and kind of failure."""
        return self.table("errors")

    @cached_property
    def users(self) -> pd.DataFrame:
        """A row a second and user class."""
        return self.table("users")

    @cached_property
    def generators(self) -> pd.DataFrame:
        """A row a second and worker."""
        return self.table("generators")

    @cached_property
    def signals(self) -> pd.DataFrame:
        """What the target felt, one value a row."""
        return self.table("signals")

    @cached_property
    def events(self) -> pd.DataFrame:
        """What happened, one event a row."""
        return self.table("events")

    @cached_property
    def exemplars(self) -> pd.DataFrame:
        """The slowest requests of each second."""
        return self.table("exemplars")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """What the locustfile counted for itself."""
        return self.table("metrics")

    @cached_property
    def summary_json(self) -> dict[str, Any]:
        """What summary.json holds. Raises RunCorrupt when it is missing or damaged."""
        return read_json(self._files.summary_path)

    def table(self, name: str) -> pd.DataFrame:
        """The table `name` of the schema, read anew."""
        return to_frame(name, self.arrow(name))

    def arrow(self, name: str) -> pa.Table:
        """The table `name` of the schema as an Arrow table, read anew; one chunk a row group."""
        from loadlab.store.parquet import UNREADABLE, read_parquet  # here: pyarrow is needed for tables only

        try:
            return read_parquet(self._files.table_path(name), name)
        except UNREADABLE as error:
            raise self._corrupt(name, error) from error

    def _corrupt(self, name: str, error: Exception) -> RunCorrupt:
        """What to say about table `name`; looks for what else can be read."""
        if isinstance(error, FileNotFoundError):
            problem = f"Run {self.id} has no table {name}: {self._files.table_path(name).name} is missing."
        else:
            problem = f"Table {name} of run {self.id} is damaged: {error}."
        readable = ", ".join(table for table in TABLES if table != name and self._is_readable(table)) or "none"
        journal = " Its journal is there: the run can be recovered from it." if self._files.has_journal else ""
        return RunCorrupt(f"{problem} Tables that can be read: {readable}.{journal}")

    def _is_readable(self, table: str) -> bool:
        from loadlab.store.parquet import UNREADABLE, check_parquet

        try:
            check_parquet(self._files.table_path(table), table)
        except UNREADABLE:
            return False
        return True


def _check_schema(run_id: str, info: dict[str, Any]) -> None:
    version = info.get("schema_version")
    if version in READABLE_VERSIONS:
        return
    versions = info.get("versions")
    writer = versions.get("loadlab") if isinstance(versions, dict) else None
    advice = f"Open it with loadlab {writer}, which wrote it." if writer else "Open it with the version that wrote it."
    raise SchemaMismatch(
        f"Run {run_id} is in record format {version!r}, loadlab {loadlab.__version__} reads format {SCHEMA_VERSION}. "
        f"{advice}"
    )
