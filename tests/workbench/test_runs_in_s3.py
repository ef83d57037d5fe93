"""A run that is kept in S3, from its start to a process that opens it there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from s3_server import S3Server

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import StoreError
from loadlab.schema import TABLES
from loadlab.store import S3Path


def loadlab_says(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadlab", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_run_that_s3_takes_only_at_the_second_try(
    make_test: Callable[..., loadlab.LoadTest], shop: Storefront, s3: S3Server, s3_place: S3Path, tmp_path: Path
) -> None:
    """The bucket is full, so to say, when the load is over: the run is kept here, whole, and sent later."""
    began = threading.Event()

    def fault(method: str, key: str) -> tuple[int, str] | None:
        return (403, "AccessDenied") if began.is_set() and method == "PUT" else None

    s3.fault = fault
    live = loadlab.start(make_test(run_time=1, workers=1), runs=str(s3_place))
    began.set()
    with pytest.raises(StoreError, match="access is denied") as raised:
        live.wait()
    (folder,) = (tmp_path / "spool").iterdir()
    assert f"Run {live.id} is not lost. It is kept in {folder}; to send it: loadlab publish {folder}" in str(
        raised.value
    )
    here = loadlab.open_run(folder)
    assert here.conservation["sent"] == here.requests["count"].sum() == shop.counts()["total"]["received"] > 0
    tables = {name: here.table(name) for name in TABLES}
    summary = json.loads((folder / "summary.json").read_text())

    s3.fault = None
    sent = loadlab_says("publish", live.id)
    assert sent.stdout == f"Run {live.id} is kept in {s3_place}/{live.id}\n"
    assert list((tmp_path / "spool").iterdir()) == []
    shown = json.loads(loadlab_says("show", "--runs", str(s3_place), "--json").stdout)
    assert shown == summary
    assert loadlab.runs(str(s3_place))["id"].tolist() == [live.id]

    there = loadlab.open_run(f"{s3_place}/{live.id}")
    for name, table in tables.items():
        pd.testing.assert_frame_equal(there.table(name), table)
    assert repr(there).endswith(f"Kept in {s3_place}/{live.id}.")
    assert (there.path / "logs" / "master.log").read_bytes()
    report = there.report()
    assert str(report) == f"{s3_place}/{live.id}/report.html"
    assert live.id in (there.path / "report.html").read_bytes().decode()
    shows = report._repr_mimebundle_()
    assert "<a " not in shows["text/html"]
    assert str(report) in shows["text/html"]
