"""The folder of one run, as it is written: while the run goes on, and when it ends."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadlab.errors import StoreError
from loadlab.schema import SCHEMA_VERSION, TABLES, arrow_schema
from loadlab.store.files import RunFiles
from loadlab.store.ids import start_of_run_id
from loadlab.store.json_file import read_json, replacing, write_json
from loadlab.store.location import parse_root
from loadlab.store.s3_path import S3Path

if TYPE_CHECKING:
    import pyarrow as pa


class RunFolder(RunFiles):
    """Names and writes the files of the run at `path`, beside those of RunFiles::

        journal.ndjson  while the run goes on, or after a crash
        journal.ndjson.end  how the run ended, until it is archived
        swarm.json      how to reach the swarm, token included; only while the run goes on, for its owner only
        publish.json    where the run is to be sent when it is archived

    Every file is replaced as a whole: whoever reads meanwhile gets the old one or the new one. Methods raise
    StoreError when the disk refuses.
    """

    path: Path
    info_path: Path
    summary_path: Path
    journal_path: Path

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(parse_root(path))
        self.end_path = self.path / f"{self.journal_path.name}.end"
        self.swarm_path = self.path / "swarm.json"
        self.target_path = self.path / "publish.json"
        self.logs = self.path / "logs"

    @classmethod
    def create(cls, root: str | os.PathLike[str], run_id: str, info: Mapping[str, Any]) -> RunFolder:
        """A new folder `run_id` in `root` with `info` as its run.json; it appears with run.json in it.

        `id` and `schema_version` are set here. Raises StoreError when there is such a run or no room for it.
        """
        start_of_run_id(run_id)
        identity = {"id": run_id, "schema_version": SCHEMA_VERSION}
        folder = parse_root(root)
        run = cls(folder / run_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f".{run_id}.{secrets.token_hex(4)}.tmp"
            draft.mkdir()
        except OSError as error:
            raise StoreError(f"No run can be kept in {folder}: {error.strerror}") from error
        try:
            (draft / "logs").mkdir()
            write_json(draft / "run.json", identity | dict(info) | identity)
            draft.rename(run.path)
        except BaseException as error:
            shutil.rmtree(draft, ignore_errors=True)
            if isinstance(error, OSError):
                raise StoreError(f"The run {run.path} cannot be created: {error.strerror}") from error
            raise
        return run

    def table_path(self, table: str) -> Path:
        """Where the schema's `table` is kept."""
        return self.path / f"{table}.parquet"

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Replace run.json."""
        write_json(self.info_path, info)

    def update_info(self, **changes: Any) -> dict[str, Any]:
        """Set some keys of run.json, keep the others, and return them all."""
        info = self.read_info() | changes
        self.write_info(info)
        return self.read_info()

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace summary.json."""
        write_json(self.summary_path, summary)

    def write_end(self, end: Mapping[str, Any]) -> None:
        """Keep how the run ended, beside its journal, until it is archived."""
        write_json(self.end_path, end)

    def read_end(self) -> dict[str, Any] | None:
        """What `write_end` has kept; None without it."""
        return read_json(self.end_path) if self.end_path.is_file() else None

    def write_swarm(self, swarm: Mapping[str, Any]) -> None:
        """Keep what is needed to reach the swarm; only the owner may read the file."""
        write_json(self.swarm_path, swarm, mode=0o600)

    def remove_swarm(self) -> None:
        """Forget how to reach the swarm."""
        self._remove(self.swarm_path)

    def write_target(self, target: S3Path) -> None:
        """Keep where the run is to be sent."""
        write_json(self.target_path, {"to": str(target)})

    def read_target(self) -> S3Path | None:
        """What `write_target` has kept; None for a run that stays where it is."""
        if not self.target_path.is_file():
            return None
        return S3Path.parse(str(read_json(self.target_path).get("to")))

    def kept_files(self) -> dict[str, Path]:
        """What belongs to the archive: name below the folder, with slashes -> file."""
        passing = (self.journal_path.name, self.swarm_path.name, self.target_path.name, ".")
        files = {file.relative_to(self.path).as_posix(): file for file in sorted(self.path.rglob("*"))}
        return {name: file for name, file in files.items() if file.is_file() and not name.startswith(passing)}

    def write_tables(self, tables: Mapping[str, pa.Table]) -> None:
        """Write every table of the schema, sorted by time; those that `tables` lacks are written empty.

        No file changes before all are written, so a disk that is full costs no table of an earlier call.
        """
        from loadlab.store.parquet import write_parquet  # here: a run begins without pyarrow

        if unknown := set(tables) - set(TABLES):
            raise ValueError(f"no tables of the schema: {', '.join(sorted(unknown))}")
        with ExitStack() as replacements:
            for table in TABLES:
                temporary = replacements.enter_context(replacing(self.table_path(table)))
                write_parquet(temporary, table, tables.get(table, arrow_schema(table).empty_table()))

    def remove_journal(self) -> None:
        """Remove the journal and what lies beside it, after reading every table back once.

        Raises StoreError, and keeps the journal, when a table is missing or cannot be read.
        """
        from loadlab.store.parquet import UNREADABLE, check_parquet

        for table in TABLES:
            try:
                check_parquet(self.table_path(table), table)
            except UNREADABLE as error:
                raise StoreError(
                    f"The journal of {self.id} is kept, because {table} cannot be read: {error}"
                ) from error
        for path in sorted(self.path.glob(f"{self.journal_path.name}*")):
            self._remove(path)

    def remove_drafts(self) -> None:
        """Remove what a writer that was killed has left of files that were never whole.

        For whoever knows that nobody else writes in this folder.
        """
        for path in self.path.glob(".*.tmp"):
            self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from error
