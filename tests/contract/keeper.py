"""Writes made up runs to a place of either kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s3_server import S3Server
from store.run_data import make_info, make_table

from loadlab.schema import TABLES
from loadlab.store import Location, RunFolder, S3Path, publish_run


class Keeper:
    """A place where runs are kept, and the way that they get there."""

    def __init__(self, root: Location, folder: Path, server: S3Server | None = None) -> None:
        self.root = root
        self._server = server
        self.folder = folder
        """Where they are written first."""

    @property
    def in_s3(self) -> bool:
        return isinstance(self.root, S3Path)

    def write(self, run_id: str, rows: int = 20, **info: Any) -> RunFolder:
        """An archived run on this machine."""
        run = RunFolder.create(self.folder, run_id, make_info(**info))
        run.write_tables({name: make_table(name, rows) for name in TABLES})
        run.write_summary({"id": run_id, "rows": rows})
        (run.logs / "master.log").write_text("started\n")
        return run

    def keep(self, run_id: str, rows: int = 20, **info: Any) -> Location:
        """An archived run, where it is kept."""
        run = self.write(run_id, rows, **info)
        return publish_run(run, self.root) if isinstance(self.root, S3Path) else run.path

    def change(self, run_id: str, name: str, data: bytes) -> None:
        """Put something else in the place of one of its files."""
        (self.root / run_id / name).write_bytes(data)

    def remove(self, run_id: str, name: str) -> None:
        """Take one of its files away."""
        if self._server is None:
            (self.folder / run_id / name).unlink()
        else:
            self._server.remove(self.root / run_id / name)
