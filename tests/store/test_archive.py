from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from run_data import make_info, make_table

import loadlab
from loadlab.errors import RunCorrupt, RunNotFound, SchemaMismatch
from loadlab.schema import TABLES, empty_frame, to_frame
from loadlab.store import Archive, RunFolder


def test_an_archive_gives_back_what_was_written(run: RunFolder) -> None:
    archive = Archive(run.path)
    assert (archive.id, archive.path) == (run.id, run.path)
    assert archive.info["labels"] == {"service": "shop", "build": "17"}
    assert archive.summary_json == {"schema_version": 1, "id": run.id}
    for name in TABLES:
        expected = make_table(name, 50)
        assert archive.arrow(name).to_pylist() == expected.to_pylist()
        frame = getattr(archive, name)
        pd.testing.assert_frame_equal(frame, to_frame(name, expected), check_categorical=False)
        assert frame is getattr(archive, name), "read once"


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "r20261123-210640-abcd", {})
    run.write_tables({})
    archive = Archive(run.path)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(archive, name), empty_frame(name))


def test_several_row_groups_are_one_table(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "r20261123-210640-abcd", {})
    # Names that only the later row groups have: their dictionaries differ.
    parts = [make_table("generators", 60_000) for _ in range(3)]
    for number, part in enumerate(parts):
        names = pa.array([f"worker-{number}"] * part.num_rows).dictionary_encode()
        times = pa.compute.add(part["time"], pa.scalar(number * 60_000 * 10**6, pa.duration("us")))
        parts[number] = part.set_column(1, "worker", names).set_column(0, "time", times)
    run.write_tables({"generators": pa.concat_tables(parts)})
    frame = Archive(run.path).generators
    assert frame["worker"].value_counts().to_dict() == {f"worker-{number}": 60_000 for number in range(3)}
    assert frame["time"].is_monotonic_increasing


def test_a_renamed_folder_keeps_its_id(run: RunFolder) -> None:
    moved = run.path.rename(run.path.parent / "baseline")
    assert Archive(moved).id == run.id


def test_no_run_is_not_a_damaged_one(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunNotFound):
        Archive(tmp_path / "gone")
    run.info_path.unlink()
    with pytest.raises(RunCorrupt, match=r"run\.json is missing"):
        Archive(run.path)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"schema_version": 3, "versions": {"loadlab": "3.1.4"}}, "format 3, .*Open it with loadlab 3.1.4"),
        ({"schema_version": None, "versions": None}, "format None, .*the version that wrote it"),
    ],
)
def test_another_format_names_the_version_that_reads_it(run: RunFolder, info: dict[str, object], words: str) -> None:
    run.write_info(make_info() | info)
    with pytest.raises(SchemaMismatch, match=words) as caught:
        Archive(run.path)
    assert f"loadlab {loadlab.__version__} reads format 2" in str(caught.value)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
        return
    if how == "empty":
        data.clear()
    elif how == "torn":
        del data[-20:]
    elif how == "changed":
        data[100] ^= 0xFF
    elif how == "other":
        data = bytearray(path.with_name("users.parquet").read_bytes())
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["missing", "empty", "torn", "changed", "other"])
def test_a_damaged_table_is_named_and_so_is_what_can_be_read(run: RunFolder, how: str) -> None:
    damage(run.table_path("errors"), how)
    damage(run.table_path("metrics"), "torn")
    archive = Archive(run.path)
    with pytest.raises(RunCorrupt) as caught:
        _ = archive.errors
    text = str(caught.value)
    assert f"table errors of run {run.id} is damaged".lower() in text.lower() or "errors.parquet is missing" in text
    assert text.endswith("Tables that can be read: requests, users, generators, signals, events, exemplars.")
    assert len(archive.requests) == 50


def test_every_changed_byte_of_the_data_is_noticed_or_harmless(run: RunFolder) -> None:
    path = run.table_path("exemplars")
    whole = path.read_bytes()
    expected = Archive(run.path).arrow("exemplars").to_pylist()
    noticed = 0
    for position in range(4, len(whole), 37):
        changed = bytearray(whole)
        changed[position] ^= 0x10
        path.write_bytes(changed)
        try:
            assert Archive(run.path).arrow("exemplars").to_pylist() == expected
        except RunCorrupt:
            noticed += 1
    assert noticed > 0


def test_a_journal_beside_a_damaged_table_is_mentioned(run: RunFolder) -> None:
    run.journal_path.touch()
    damage(run.table_path("requests"), "missing")
    with pytest.raises(RunCorrupt, match="can be recovered from it"):
        _ = Archive(run.path).requests
