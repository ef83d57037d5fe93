from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from run_data import make_info

from loadlab.errors import RunNotFound, SpecError
from loadlab.store import RunFolder, find_run, list_runs

IDS = ("r20261121-100000-aaaa", "r20261122-100000-aaaa", "r20261122-100000-bbbb", "r20261123-100000-cccc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for number, run_id in enumerate(IDS):
        day = run_id[7:9]
        RunFolder.create(
            folder,
            run_id,
            make_info(
                started=f"2026-11-{day}T10:00:00.500Z",
                status="running" if number == 3 else "finished",
                ended=None if number == 3 else f"2026-11-{day}T10:01:00Z",
                labels={"service": "shop" if number < 2 else "pay", "build": str(number)},
                loadtest={"host": f"http://h{number % 2}", "users": number, "run_time": 60},
                validity={"status": "invalid" if number == 1 else "valid"},
                **({"verdict": {"status": "failed"}} if number == 2 else {}),
            ),
        )
    return folder


def test_a_run_is_found_by_id_prefix_path_and_as_the_latest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_run(root, IDS[1]) == root / IDS[1]
    assert find_run(root, "r20261121") == root / IDS[0]
    assert find_run(root, "r20261122-100000-b") == root / IDS[2]
    assert find_run(root) == find_run(root, "latest") == root / IDS[3]
    assert find_run("elsewhere", str(root / IDS[0])) == root / IDS[0]
    assert find_run("elsewhere", root / IDS[0] / "run.json") == root / IDS[0]
    (root / IDS[0] / "logs").mkdir(exist_ok=True)
    (root / IDS[0] / "logs" / "master.log").touch()
    assert find_run("elsewhere", root / IDS[0] / "logs" / "master.log") == root / IDS[0]
    monkeypatch.chdir(root)
    assert find_run("elsewhere", f".{os.sep}{IDS[0]}") == Path(IDS[0])
    assert find_run("elsewhere", IDS[0]) == Path(IDS[0])


def test_a_renamed_run_is_found_by_its_new_name_and_is_not_the_latest(root: Path) -> None:
    (root / IDS[0]).rename(root / "zero-baseline")
    assert find_run(root, "zero-baseline") == root / "zero-baseline"
    assert find_run(root, "zero") == root / "zero-baseline"
    assert find_run(root) == root / IDS[3]
    assert list_runs(root)["id"].tolist() == ["zero-baseline", *IDS[1:]]


def test_an_ambiguous_beginning_lists_what_it_may_mean(root: Path) -> None:
    with pytest.raises(RunNotFound, match=f"several runs: give more of it: {IDS[1]}, {IDS[2]}") as caught:
        find_run(root, "r20261122")
    assert caught.value.nearest == IDS[1:3]


def test_a_run_that_is_not_there_names_the_nearest(root: Path) -> None:
    with pytest.raises(RunNotFound) as caught:
        find_run(root, "r20261123-100000-cccd")
    assert caught.value.nearest[0] == IDS[3]
    assert f"Did you mean '{IDS[3]}'?" in str(caught.value)
    with pytest.raises(RunNotFound, match="Did you mean 'latest'"):
        find_run(root, "latests")
    with pytest.raises(RunNotFound, match=f"Did you mean '{IDS[0]}'"):
        find_run(root, IDS[0].replace("r20261121", "r20261151"))
    with pytest.raises(RunNotFound) as caught:
        find_run(root, "???")
    assert caught.value.nearest == IDS[1:]
    with pytest.raises(RunNotFound):
        find_run(root, "")
    with pytest.raises(RunNotFound, match=r"no run at .*no such folder"):
        find_run(root, root / "gone")


def test_a_folder_without_runs_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(RunNotFound, match="There are no runs in"):
            find_run(folder)
    frame = list_runs(tmp_path)
    assert len(frame) == 0
    assert list(frame) == [
        "id",
        "started",
        "ended",
        "status",
        "host",
        "users",
        "run_time_s",
        "validity",
        "verdict",
        "problem",
    ]


def test_the_list_has_a_row_a_run_and_a_column_a_label(root: Path) -> None:
    frame = list_runs(root)
    assert frame.columns.tolist() == [
        *["id", "started", "ended", "status", "host", "users", "run_time_s", "validity", "verdict"],
        *["label_build", "label_service", "problem"],
    ]
    assert frame["id"].tolist() == list(IDS)
    assert frame["started"].dtype == frame["ended"].dtype == "datetime64[us, UTC]"
    assert frame["started"][0] == pd.Timestamp("2026-11-21T10:00:00.500Z")
    assert frame["ended"].isna().tolist() == [False, False, False, True]
    assert frame["users"].tolist() == [0, 1, 2, 3]
    assert frame["run_time_s"].tolist() == [60.0] * 4
    assert frame["validity"].tolist() == ["valid", "invalid", "valid", "valid"]
    assert frame["verdict"].tolist() == ["", "", "failed", ""]
    assert frame["label_build"].tolist() == ["0", "1", "2", "3"]
    assert set(frame["problem"]) == {""}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"labels": {"service": "shop"}}, [0, 1]),
        ({"labels": {"service": "shop", "build": 1}}, [1]),
        ({"labels": "service=shop, build=1"}, [1]),
        ({"labels": {"service": "none"}}, []),
        ({"since": "2026-11-22"}, [1, 2, 3]),
        ({"since": datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)}, [3]),
        ({"until": "2026-11-22T12:00+01:00"}, [0, 1, 2]),
        ({"since": "2026-11-22", "until": "2026-11-23"}, [1, 2]),
        ({"status": "running"}, [3]),
        ({"status": ["running", "finished"]}, [0, 1, 2, 3]),
        ({"host": "http://h1", "status": "finished"}, [1]),
    ],
)
def test_runs_are_filtered(root: Path, filters: dict[str, Any], found: list[int]) -> None:
    assert list_runs(root, **filters)["id"].tolist() == [IDS[number] for number in found]


def test_a_time_that_is_none_is_refused(root: Path) -> None:
    with pytest.raises(SpecError, match="since: got 'yesterday'"):
        list_runs(root, since="yesterday")


def test_a_run_whose_recorder_has_died_is_unfinished(root: Path) -> None:
    asked: list[Path] = []

    def is_being_written(journal: Path) -> bool:
        asked.append(journal)
        return False

    assert list_runs(root, is_being_written=is_being_written)["status"].tolist() == ["finished"] * 3 + ["unfinished"]
    assert asked == [root / IDS[3] / "journal.ndjson"]
    assert list_runs(root, is_being_written=lambda _: True)["status"].tolist() == ["finished"] * 3 + ["running"]
    found = list_runs(root, status="unfinished", is_being_written=is_being_written)
    assert found["id"].tolist() == [IDS[3]]


def test_damaged_folders_are_rows_of_their_own(root: Path) -> None:
    (root / IDS[0] / "run.json").write_text("{")
    (root / IDS[1] / "run.json").unlink()
    (root / IDS[2] / "run.json").write_text('{"status": "finished", "started": "never"}')
    RunFolder(root / IDS[3]).write_info({"status": "finished"})
    (root / "odd").mkdir()
    (root / "odd" / "run.json").write_text('{"status": "finished", "started": "2026-11-20T00:00:00Z", "loadtest": 5}')
    (root / "notes.txt").touch()
    (root / "r20261123-100000-dddd").touch()
    (root / ".r20261123-100000-eeee.tmp").mkdir()
    frame = list_runs(root)
    assert frame["id"].tolist() == ["odd", *IDS]
    assert frame["status"].tolist() == ["corrupt"] * 5
    for problem, words in zip(
        frame["problem"], ["no attribute 'get'", "is damaged", "is missing", "never", "lacks 'started'"], strict=True
    ):
        assert words in problem
    assert frame["started"][1] == pd.Timestamp("2026-11-21T10:00:00Z"), "from its id"
    assert list_runs(root, host="http://h0")["id"].tolist() == []
    assert find_run(root) == root / IDS[3]


def test_a_staged_test_shows_its_most_users_and_its_whole_time(tmp_path: Path) -> None:
    stages = [{"users": 5, "duration": 10.0}, {"users": 50, "duration": 20.5}, {"users": 1, "duration": 5}]
    RunFolder.create(tmp_path, IDS[0], make_info(loadtest={"host": None, "stages": stages}))
    frame = list_runs(tmp_path)
    assert frame["users"].tolist() == [50]
    assert frame["run_time_s"].tolist() == [35.5]
    assert frame["host"].tolist() == [""]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"labels": {"servce": "shop"}}, "unknown label 'servce'. Did you mean 'service'? Allowed: build, service."),
        ({"labels": "service"}, "labels: got 'service'; allowed: a dict, or text such as 'service=shop, build=42'."),
        ({"labels": ["service"]}, "labels: got ['service']; allowed: a dict"),
    ],
)
def test_filters_that_cannot_be_meant(root: Path, filters: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as raised:
        list_runs(root, **filters)
    assert str(raised.value).startswith(message)


def test_a_folder_that_is_not_there_is_refused_and_an_empty_one_holds_no_runs(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match=r"There is no folder .*nowhere; name the one that keeps the runs"):
        list_runs(tmp_path / "nowhere")
    assert list_runs(tmp_path).empty
    with pytest.raises(SpecError, match=r"no run in .* has a label"):
        list_runs(tmp_path, labels={"service": "shop"})
