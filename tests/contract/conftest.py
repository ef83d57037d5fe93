"""The two places where runs can be kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract.keeper import Keeper
from s3_server import S3Server

from loadlab.store import S3Path


@pytest.fixture
def s3_keeper(s3: S3Server, s3_place: S3Path, tmp_path: Path) -> Keeper:
    return Keeper(s3_place, tmp_path / "recorded", s3)


@pytest.fixture(params=["folder", "s3"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    if request.param == "s3":
        keeper: Keeper = request.getfixturevalue("s3_keeper")
        return keeper
    return Keeper(tmp_path / "runs", tmp_path / "runs")
