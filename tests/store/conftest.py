from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_data import make_info, make_table

from loadlab.schema import TABLES
from loadlab.store import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with 50 rows in every table."""
    folder = RunFolder.create(tmp_path / "runs", "r20261123-210640-abcd", make_info())
    folder.write_tables({name: make_table(name, 50) for name in TABLES})
    folder.write_summary({"schema_version": 1, "id": folder.id})
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)
