"""What a run's folder holds while it is written, and that nothing in it is ever half."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from locust_left import until
from run_data import make_info, make_table

from loadlab.errors import RunCorrupt, RunNotFound, SpecError, StoreError
from loadlab.schema import SCHEMA_VERSION, TABLES, arrow_schema
from loadlab.store import Archive, RunFolder

RUN_ID = "r20261123-210640-abcd"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_run_has_its_info_and_a_place_for_logs(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "deep" / "runs", RUN_ID, {"status": "running", "id": "another"})
    assert names(run.path) == ["logs", "run.json"]
    assert run.read_info() == {"id": RUN_ID, "schema_version": SCHEMA_VERSION, "status": "running"}
    assert names(tmp_path / "deep" / "runs") == [RUN_ID], "nothing else is left"
    assert stat.S_IMODE(run.path.stat().st_mode) == stat.S_IMODE((tmp_path / "deep").stat().st_mode)
    assert not run.has_tables
    assert not run.has_journal


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path, RUN_ID, {"status": "running"})
    with pytest.raises(StoreError, match="cannot be created"):
        RunFolder.create(tmp_path, RUN_ID, {"status": "other"})
    assert first.read_info()["status"] == "running"
    assert names(tmp_path) == [RUN_ID]


def test_a_root_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="No run can be kept"):
        RunFolder.create(tmp_path / "file", RUN_ID, {})
    with pytest.raises(StoreError, match="is no run id"):
        RunFolder.create(tmp_path, "../x", {})
    with pytest.raises(SpecError, match="the path of a folder, while a run is recorded"):
        RunFolder.create("s3://bucket/runs", RUN_ID, {})


def test_info_is_updated_key_by_key(run: RunFolder) -> None:
    info = run.update_info(status="recovered", clock_offsets={"worker-1": {"offset_ms": 1.5}})
    assert (
        info
        == run.read_info()
        == make_info(
            id=run.id, schema_version=SCHEMA_VERSION, status="recovered", clock_offsets={"worker-1": {"offset_ms": 1.5}}
        )
    )


def test_info_becomes_strict_json(run: RunFolder) -> None:
    run.write_info(
        {
            "nan": math.nan,
            "infinite": [math.inf, -math.inf],
            "numpy": (np.float64(0.5), np.int64(3), np.bool_(True), np.float32("nan")),
            "path": Path("/a/b"),
            "time": datetime(2026, 11, 23, tzinfo=UTC),
            "text": "🛒 \ud800 \0",
            1: {"nested": {"x"}},
        }
    )
    strict = json.loads(run.info_path.read_text("ascii"), parse_constant=lambda name: pytest.fail(name))
    assert strict == {
        "nan": None,
        "infinite": [None, None],
        "numpy": [0.5, 3, True, None],
        "path": "/a/b",
        "time": "2026-11-23T00:00:00+00:00",
        "text": "🛒 \ud800 \0",
        "1": {"nested": ["x"]},
    }
    with pytest.raises(TypeError):
        run.write_info({"what": object()})
    assert run.read_info() == strict


def test_damaged_info_is_said(run: RunFolder, tmp_path: Path) -> None:
    run.info_path.write_text('{"id": ')
    with pytest.raises(RunCorrupt, match=r"run\.json is damaged"):
        run.read_info()
    run.info_path.write_text("[]")
    with pytest.raises(RunCorrupt, match="list instead of an object"):
        run.read_info()
    run.info_path.unlink()
    with pytest.raises(RunCorrupt, match=r"run\.json is missing"):
        run.read_info()
    with pytest.raises(RunNotFound):
        RunFolder(tmp_path / "gone").read_info()


def test_how_to_reach_the_swarm_is_for_the_owner_only(run: RunFolder) -> None:
    umask = os.umask(0)
    try:
        run.write_swarm({"url": "http://127.0.0.1:1", "token": "secret"})
        run.write_swarm({"url": "http://127.0.0.1:2", "token": "secret"})
    finally:
        os.umask(umask)
    assert stat.S_IMODE(run.swarm_path.stat().st_mode) == 0o600
    run.remove_swarm()
    run.remove_swarm()
    assert not run.swarm_path.exists()


def test_tables_are_complete_sorted_and_compressed(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, RUN_ID, {})
    run.write_tables({"requests": make_table("requests", 250_000, order=-1), "users": make_table("users", 3)})
    assert run.has_tables
    assert names(run.path) == sorted(["logs", "run.json", *(f"{name}.parquet" for name in TABLES)])
    for name in TABLES:
        found = pq.read_schema(run.table_path(name))
        assert found.equals(arrow_schema(name))
        assert found.metadata == arrow_schema(name).metadata
    metadata = pq.ParquetFile(run.table_path("requests")).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [100_000, 100_000, 50_000]
    times = [metadata.row_group(i).column(0).statistics for i in range(3)]
    assert times[0].max < times[1].min
    assert times[1].max < times[2].min
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_rows_of_one_second_keep_their_order(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, RUN_ID, {})
    table = pa.concat_tables([make_table("requests", 20), make_table("requests", 20)])
    table = table.set_column(3, "count", pa.array(range(40)))
    run.write_tables({"requests": table})
    assert pq.read_table(run.table_path("requests"))["count"].to_pylist() == [
        value for i in range(20) for value in (i, i + 20)
    ]


def test_tables_that_do_not_fit_change_nothing(run: RunFolder) -> None:
    before = {path.name: path.read_bytes() for path in run.path.glob("*.parquet")}
    with pytest.raises(ValueError, match="no tables of the schema: weather"):
        run.write_tables({"weather": make_table("users", 3)})
    with pytest.raises((ValueError, pa.ArrowException)):
        run.write_tables({"errors": make_table("errors", 3), "metrics": make_table("users", 3)})
    assert {path.name: path.read_bytes() for path in run.path.glob("*.parquet")} == before
    assert not list(run.path.glob(".*"))


def test_the_journal_goes_when_every_table_can_be_read(run: RunFolder) -> None:
    run.journal_path.write_bytes(b'{"seq":1,"kind":"hello"}\n')
    reserve = run.path / "journal.ndjson.reserve"
    reserve.touch()
    assert run.has_journal
    run.remove_journal()
    assert not run.has_journal
    assert not reserve.exists()


@pytest.mark.parametrize("damage", ["missing", "torn", "changed"])
def test_the_journal_stays_while_a_table_cannot_be_read(run: RunFolder, damage: str) -> None:
    run.journal_path.touch()
    path = run.table_path("exemplars")
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(data[: len(data) // 2])
    else:
        data[200] ^= 0xFF
        path.write_bytes(data)
    with pytest.raises(StoreError, match="is kept, because exemplars cannot be read"):
        run.remove_journal()
    assert run.has_journal


def test_a_full_disk_keeps_what_was_there(small_disk: Path) -> None:
    run = RunFolder.create(small_disk, RUN_ID, {"status": "running"})
    run.write_tables({"users": make_table("users", 5)})
    before = {path.name: path.read_bytes() for path in run.path.glob("*.parquet")}
    assert len(before) == len(TABLES)
    with pytest.raises(StoreError, match=r"requests.parquet cannot be written: .*No space left on device"):
        run.write_tables({"requests": make_table("requests", 100_000)})
    assert {path.name: path.read_bytes() for path in run.path.glob("*.parquet")} == before
    with pytest.raises(StoreError, match=r"summary.json cannot be written: No space left on device"):
        run.write_summary({"text": "x" * 300_000})
    with pytest.raises(StoreError, match="No space left on device"):
        run.write_info({"text": "x" * 300_000})
    assert run.read_info()["status"] == "running"
    assert names(run.path) == sorted(["logs", "run.json", *before])
    with pytest.raises(StoreError, match="No space left on device"):
        RunFolder.create(small_disk, "r20261123-210640-abce", {"text": "x" * 300_000})
    assert names(small_disk) == [RUN_ID]


def test_a_reader_sees_the_old_or_the_new_file_and_never_half_of_one(run: RunFolder) -> None:
    done = threading.Event()
    problems: list[Exception] = []
    reads: list[int] = []

    def read() -> None:
        try:
            while not done.is_set():
                info = run.read_info()
                assert info["pad"] == info["number"] * [info["number"]]
                assert Archive(run.path).arrow("users").num_rows in (10, 20)
                reads.append(info["number"])
        except Exception as error:  # noqa: BLE001 - a thread's failure has to reach the test
            problems.append(error)

    start = make_info(schema_version=1)
    run.write_info(start | {"number": 0, "pad": []})
    run.write_tables({"users": make_table("users", 10)})
    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        run.write_info(start | {"number": number, "pad": [number] * number})
        if number % 20 == 0:
            run.write_tables({"users": make_table("users", 20 if number % 40 else 10)})
    try:
        until(lambda: reads or problems)
    finally:
        done.set()
        reader.join()
    assert problems == []
