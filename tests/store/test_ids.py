from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_data import make_table

from loadlab.errors import SpecError, StoreError
from loadlab.store import S3Path, is_run_id, new_run_id, parse_location, parse_root, start_of_run_id

moments = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(moments, moments)
def test_ids_are_valid_and_sort_by_time(one: datetime, other: datetime) -> None:
    ids = [new_run_id(one), new_run_id(other)]
    assert all(map(is_run_id, ids))
    assert [start_of_run_id(run_id) for run_id in ids] == [moment.replace(microsecond=0) for moment in (one, other)]
    if abs(one - other) >= timedelta(seconds=1):
        assert (ids[0] < ids[1]) == (one < other)


def test_an_id_is_in_utc_wherever_one_is() -> None:
    moment = datetime(2026, 11, 24, 2, 6, 40, tzinfo=timezone(timedelta(hours=5)))
    assert new_run_id(moment).startswith("r20261123-210640-")
    with pytest.raises(ValueError, match="time zone"):
        new_run_id(datetime(2026, 11, 23))


def test_ids_of_one_second_differ() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert len({new_run_id(now) for _ in range(100)}) > 90


@pytest.mark.parametrize(
    "text",
    [
        *["", "r", "20261123-210640-abcd", "r20261123-210640-ABCD", "r20261123-210640-abc", "r20261123-210640-abcd\n"],
        *["r20261323-210640-abcd", "r２0261123-210640-abcd", "../r20261123-210640-abcd", "latest"],
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    assert not is_run_id(text)
    with pytest.raises(StoreError, match="is no run id"):
        start_of_run_id(text)


def test_ids_stay_text_as_keys_of_hive_partitions(tmp_path: Path) -> None:
    run_id = new_run_id(datetime(2026, 11, 23, tzinfo=UTC))
    folder = tmp_path / f"run_id={run_id}"
    folder.mkdir()
    pq.write_table(make_table("users", 3), folder / "users.parquet")
    table = ds.dataset(tmp_path, partitioning="hive").to_table()
    assert table["run_id"].to_pylist() == [run_id] * 3


def test_runs_are_recorded_in_folders_only(tmp_path: Path) -> None:
    assert parse_root("runs") == Path("runs")
    assert parse_root(tmp_path) == tmp_path
    assert parse_root("~/runs") == Path.home() / "runs"
    for url in ("s3://bucket/runs", "gs://bucket", "file:///tmp"):
        with pytest.raises(SpecError, match="the path of a folder"):
            parse_root(url)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("s3://bucket/runs", "s3://bucket/runs"),
        ("s3://bucket//team a/läufe/", "s3://bucket/team a/läufe"),
        ("S3://bucket", "s3://bucket"),
        (Path("s3://bucket/runs"), "s3://bucket/runs"),
        ("s3://bucket/100%/a+b?c#d", "s3://bucket/100%/a+b?c#d"),
    ],
)
def test_a_place_in_s3(given: str | Path, kept: str) -> None:
    place = parse_location(given)
    assert isinstance(place, S3Path)
    assert str(place) == kept
    assert parse_location(str(place)) == place
    assert (str(place / "a" / "b c"), (place / "a").parent, (place / "a/b").name) == (f"{kept}/a/b c", place, "b")


@pytest.mark.parametrize("given", ["s3://", "s3:///runs", "s3://b", "s3://my bucket/x", "gs://bucket/runs", "x/s3:/b"])
def test_a_place_that_is_none(given: str) -> None:
    with pytest.raises(SpecError, match=r"runs: got .*s3://bucket/prefix|s3://bucket or"):
        parse_location(given)
