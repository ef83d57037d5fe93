"""An S3 on this machine, for any test that keeps runs there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from s3_server import S3Server

    from loadlab.store import S3Path

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server; `s3_place` is what most tests need."""
    from s3_server import s3_server

    with s3_server() as server:
        yield server


@pytest.fixture
def s3_place(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Path:
    """A prefix that holds nothing, with blanks and other letters, in a bucket of its own; the environment leads there,
    and runs that are recorded for it wait in the folder ``spool`` of `tmp_path`."""
    return lead_to(s3, tmp_path, monkeypatch)


def lead_to(s3: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> S3Path:
    """See `s3_place`."""
    from loadlab.store import S3Path

    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "no credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no config"))
    monkeypatch.setenv("LOADLAB_SPOOL", str(folder / "spool"))
    s3.fault, bucket = None, f"bucket-{next(_numbers)}"
    s3.make_bucket(bucket)
    s3.log.clear()
    return S3Path.parse(f"s3://{bucket}/team a/läufe+100%")
