"""What every place for runs promises, asked of both: one suite, so that nobody need know which one it is."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from contract.keeper import Keeper
from s3_fixtures import lead_to
from store.run_data import make_table

import loadlab
from loadlab.errors import RunCorrupt, RunNotFound, SchemaMismatch, SpecError, StoreError
from loadlab.schema import TABLES, to_frame
from loadlab.store import Archive, find_run, list_runs

IDS = ("r20261121-100000-aaaa", "r20261122-100000-bbbb", "r20261123-100000-cccc", "r20261123-100001-dddd")


@pytest.fixture(scope="module", params=["folder", "s3"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """Four runs that no test changes."""
    base = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.param == "s3":
            server = request.getfixturevalue("s3")
            keeper = Keeper(lead_to(server, base, monkeypatch), base / "recorded", server)
        else:
            keeper = Keeper(base / "runs", base / "runs")
        for number, run_id in enumerate(IDS):
            keeper.keep(
                run_id,
                started=f"2026-11-2{min(number + 1, 3)}T10:00:00.500Z",
                labels={"build": str(number)} | ({"service": "shop"} if number < 2 else {}),
                loadtest={"host": f"http://h{number}", "users": number, "run_time": 60.0, "stages": []},
            )
        yield keeper


def test_an_archive_gives_back_what_was_written(keeper: Keeper) -> None:
    path = keeper.keep(IDS[0], 50)
    for archive in (Archive(path), Archive(str(path))):
        assert (archive.id, archive.path) == (IDS[0], path)
        assert archive.info["labels"] == {"service": "shop", "build": "17"}
        assert archive.summary_json == {"id": IDS[0], "rows": 50}
        for name in TABLES:
            expected = make_table(name, 50)
            assert archive.arrow(name).to_pylist() == expected.to_pylist()
            frame = getattr(archive, name)
            pd.testing.assert_frame_equal(frame, to_frame(name, expected), check_categorical=False)
    assert (archive.path / "logs" / "master.log").read_bytes() == b"started\n"


def test_a_run_is_found(kept: Keeper) -> None:
    root = kept.root
    for where in (root, str(root)):
        assert find_run(where) == find_run(where, "latest") == root / IDS[3]
        for run_id in IDS:
            assert find_run(where, run_id) == root / run_id
        assert find_run(where, "r20261121") == root / IDS[0]
    assert find_run("elsewhere", str(root / IDS[1])) == root / IDS[1]
    assert find_run("elsewhere", str(root / IDS[1] / "logs" / "master.log")) == root / IDS[1]
    assert find_run("elsewhere", f"{root / IDS[1]}/requests.parquet") == root / IDS[1]


def test_a_run_that_is_not_there(kept: Keeper) -> None:
    with pytest.raises(RunNotFound, match="is the beginning of several runs") as raised:
        find_run(kept.root, "r20261123")
    assert raised.value.nearest == IDS[2:]
    with pytest.raises(RunNotFound, match=f"Did you mean '{IDS[0]}'") as raised:
        find_run(kept.root, "r20261121-100000-aaab")
    assert raised.value.nearest[0] == IDS[0]
    with pytest.raises(RunNotFound, match=f"The last ones are {', '.join(IDS[1:])}") as raised:
        find_run(kept.root, "zzz")
    assert raised.value.exit_code == 2
    with pytest.raises(RunNotFound, match="There is no run at"):
        find_run(kept.root, str(kept.root / "r20261121-100000-zzzz"))
    with pytest.raises(RunNotFound, match="There is no run at"):
        Archive(kept.root / "r20261121-100000-zzzz")


def test_no_runs_yet(keeper: Keeper) -> None:
    for ref in ("latest", IDS[0]):
        with pytest.raises(RunNotFound, match="There are no runs in"):
            find_run(keeper.root, ref)
    if not keeper.in_s3:
        keeper.folder.mkdir()
    assert list_runs(keeper.root).empty


def test_the_list(kept: Keeper) -> None:
    frame = list_runs(str(kept.root))
    assert frame.columns.tolist() == [
        *["id", "started", "ended", "status", "host", "users", "run_time_s", "validity", "verdict"],
        *["label_build", "label_service", "problem"],
    ]
    assert frame["id"].tolist() == list(IDS)
    assert frame["started"].dtype == frame["ended"].dtype == "datetime64[us, UTC]"
    assert frame["started"][0] == pd.Timestamp("2026-11-21T10:00:00.500Z")
    assert frame["host"].tolist() == [f"http://h{number}" for number in range(4)]
    assert frame["users"].tolist() == [0, 1, 2, 3]
    assert frame["label_build"].tolist() == ["0", "1", "2", "3"]
    assert set(frame["problem"]) == {""}
    assert loadlab.runs(str(kept.root), status="finished", since="2026-11-23")["id"].tolist() == list(IDS[2:])
    assert list_runs(kept.root, labels="service=shop, build=1")["id"].tolist() == [IDS[1]]
    assert list_runs(kept.root, host="http://h2")["id"].tolist() == [IDS[2]]
    with pytest.raises(SpecError, match=r"unknown label 'servce'\. Did you mean 'service'"):
        list_runs(kept.root, labels={"servce": "shop"})


def test_damaged_runs_are_rows_and_say_what_is_wrong(keeper: Keeper) -> None:
    for run_id in IDS[:3]:
        keeper.keep(run_id, 1)
    keeper.change(IDS[0], "run.json", b"{")
    keeper.change(IDS[1], "run.json", b'{"status": "finished"}')
    frame = list_runs(keeper.root)
    assert frame["status"].tolist() == ["corrupt", "corrupt", "finished"]
    assert "is damaged" in frame["problem"][0]
    assert frame["problem"][1] == "run.json lacks 'started'"
    assert frame["started"][0] == pd.Timestamp("2026-11-21T10:00:00Z"), "from its id"
    with pytest.raises(RunCorrupt, match=r"run\.json is damaged"):
        Archive(keeper.root / IDS[0])
    keeper.change(IDS[2], "run.json", b'{"schema_version": 99, "versions": {"loadlab": "9.9"}}')
    with pytest.raises(SchemaMismatch, match=r"Open it with loadlab 9\.9"):
        Archive(keeper.root / IDS[2])


def test_a_damaged_table_is_named_and_so_is_what_can_be_read(keeper: Keeper) -> None:
    archive = Archive(keeper.keep(IDS[0]))
    whole = (archive.path / "errors.parquet").read_bytes()
    keeper.change(IDS[0], "errors.parquet", whole[:-20])
    keeper.change(IDS[0], "metrics.parquet", b"")
    with pytest.raises(RunCorrupt, match=r"Table errors of run .* is damaged") as raised:
        _ = archive.errors
    assert str(raised.value).endswith("can be read: requests, users, generators, signals, events, exemplars.")
    keeper.remove(IDS[0], "users.parquet")
    with pytest.raises(RunCorrupt, match=r"has no table users: users\.parquet is missing"):
        _ = archive.users
    assert len(archive.requests) == 20


def test_a_place_that_is_not_there(keeper: Keeper) -> None:
    gone = "s3://no-such-bucket/runs" if keeper.in_s3 else str(keeper.folder / "gone")
    with pytest.raises(StoreError, match=r"[Tt]here is no (bucket 'no-such-bucket'|folder .*gone)"):
        list_runs(gone)
    with pytest.raises(StoreError, match=r"[Tt]here (is no bucket 'no-such-bucket'|are no runs in .*gone)"):
        find_run(gone)
