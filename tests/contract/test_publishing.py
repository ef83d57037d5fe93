"""A run on its way to S3: all of it is there or nothing, and whatever happens nothing measured is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from contract.keeper import Keeper
from locust_left import until
from s3_server import S3Server, refuse_writes_after, wait_for
from store.run_data import make_info, make_table

import loadlab
from loadlab import publishing
from loadlab.errors import RunNotFound, SpecError, StoreError
from loadlab.schema import TABLES
from loadlab.store import Archive, RunFolder, S3Path, find_run, list_runs, publish_run, s3_connection
from loadlab.stream import Journal

RUN_ID = "r20261121-100000-aaaa"
TEST = loadlab.LoadTest(locustfile="shop.py", host="http://127.0.0.1:9").to_dict()
RECORDS = (
    {"seq": 1, "kind": "hello", "schema": 2, "relative_error": 0.01, "run_id": RUN_ID, "time": 1763932000},
    {"seq": 2, "kind": "end", "time": 1763932009, "reason": "stopped", "workers": {}},
)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "PAUSES_S", ())


def nothing_is_there(place: S3Path) -> None:
    assert list_runs(place).empty
    for ref in (RUN_ID, "latest", f"{place}/{RUN_ID}"):
        with pytest.raises(RunNotFound):
            find_run(place, ref)
    with pytest.raises(RunNotFound):
        Archive(place / RUN_ID)


def same_as(run: RunFolder, archive: Archive) -> None:
    """`archive` is what lies in the folder, file by file."""
    for name, file in run.kept_files().items():
        assert (archive.path / name).read_bytes() == file.read_bytes(), name


def waiting(keeper: Keeper, place: S3Path) -> RunFolder:
    """An archived run that is still to be sent, as a recorder leaves it that was killed then."""
    keeper.folder = Path(os.environ["LOADLAB_SPOOL"])
    run = keeper.write(RUN_ID)
    run.write_target(place)
    return run


def test_a_publish_that_ends_between_any_two_objects_shows_nothing_and_is_completed(
    s3: S3Server, s3_keeper: Keeper, s3_place: S3Path
) -> None:
    """Each try sends one object more and is refused the next."""
    run = s3_keeper.write(RUN_ID, 2)
    files = run.kept_files()
    assert {"run.json", "summary.json", "logs/master.log", *(f"{table}.parquet" for table in TABLES)} == set(files)
    there = f"{s3_place.key}/{RUN_ID}"
    for number in range(len(files)):
        assert len([key for key in s3.keys(s3_place.bucket) if key.startswith(there)]) == number
        nothing_is_there(s3_place)
        s3.fault = refuse_writes_after(1)
        if number < len(files) - 1:
            with pytest.raises(StoreError, match="access is denied"):
                publish_run(run, s3_place)
        else:
            assert publish_run(run, s3_place) == s3_place / RUN_ID
    tried = [key for method, key in s3.log if method == "PUT"]
    assert set(tried[tried.index(f"{there}/run.json") :]) == {f"{there}/run.json"}, "nothing is sent after it"
    same_as(run, Archive(s3_place / RUN_ID))


def test_sending_again_sends_nothing_and_a_lost_object_is_sent(
    s3: S3Server, s3_keeper: Keeper, s3_place: S3Path
) -> None:
    run = s3_keeper.write(RUN_ID)
    there = publish_run(run, s3_place)
    s3.log.clear()
    assert publish_run(run, s3_place) == there
    assert {method for method, _ in s3.log} == {"GET", "HEAD"}
    s3.remove(there / "users.parquet")
    s3.log.clear()
    publish_run(run, s3_place)
    assert [key for method, key in s3.log if method == "PUT"] == [f"{there.key}/users.parquet"]


def test_whoever_looks_meanwhile_sees_all_of_a_run_or_nothing(
    s3: S3Server, s3_keeper: Keeper, s3_place: S3Path
) -> None:
    ids = [f"r20261121-10000{number}-aaaa" for number in range(3)]
    runs = [s3_keeper.write(run_id, 10) for run_id in ids]
    files = set(runs[0].kept_files())
    ended = threading.Event()
    seen: list[list[str]] = []
    wrong: list[object] = []

    def look() -> None:
        while not ended.is_set():
            try:
                seen.append(list_runs(s3_place)["id"].tolist())
                for run_id in seen[-1]:
                    archive = Archive(find_run(s3_place, run_id))
                    wrong.extend(table for table in TABLES if len(archive.arrow(table)) != 10)
                    wrong.extend(files - archive.path.files().keys())  # type: ignore[union-attr]
            except Exception as error:  # noqa: BLE001 - shown below
                wrong.append(error)

    s3.fault = wait_for(0.002)
    reader = threading.Thread(target=look)
    reader.start()
    try:
        until(lambda: wrong or seen)
        for run in runs:
            publish_run(run, s3_place)
            publish_run(run, s3_place)
        until(lambda: wrong or ids in seen)
    finally:
        ended.set()
        reader.join()
    assert wrong == []
    assert [] in seen
    assert ids in seen


def test_a_run_that_is_there_is_not_replaced_by_another(s3_keeper: Keeper, s3_place: S3Path) -> None:
    run = s3_keeper.write(RUN_ID, 10)
    there = publish_run(run, s3_place)
    run.update_info(labels={"build": "18"})
    publish_run(run, s3_place)
    assert Archive(there).info["labels"] == {"build": "18"}
    run.write_tables({"requests": make_table("requests", 20), "users": make_table("users", 10)})
    with pytest.raises(StoreError, match=r"holds another run under this id, with other .*requests\.parquet"):
        publish_run(run, s3_place)
    assert len(Archive(there).requests) == 10


KILLED = """
import sys
from loadlab import publishing, store
publishing.deliver(store.RunFolder(sys.argv[1]))
"""


def test_a_sender_that_is_killed_leaves_a_run_that_is_found_and_sent(
    s3: S3Server, s3_keeper: Keeper, s3_place: S3Path
) -> None:
    run = waiting(s3_keeper, s3_place)
    arrived = threading.Event()

    def hang(method: str, key: str) -> tuple[int, str] | None:
        if method == "PUT" and key.endswith("/run.json"):
            arrived.set()
            sender.wait(120)
            return 503, "SlowDown"
        return None

    s3.fault = hang
    sender = subprocess.Popen([sys.executable, "-c", KILLED, str(run.path)])
    assert arrived.wait(120)
    sender.kill()
    sender.wait()
    s3.fault = None
    assert not (s3_place / RUN_ID / "run.json").is_file()
    frame = loadlab.runs(str(s3_place))
    assert frame["id"].tolist() == [RUN_ID]
    assert frame["problem"][0] == f"not sent yet, in {run.path}"
    files = {name: file.read_bytes() for name, file in run.kept_files().items()}
    found = loadlab.open_run(RUN_ID, runs=str(s3_place))
    assert found.path == s3_place / RUN_ID
    assert {name: (found.path / name).read_bytes() for name in files} == files
    assert not run.path.exists()
    assert loadlab.runs(str(s3_place))["problem"].tolist() == [""]


@pytest.mark.parametrize("ref", [RUN_ID, "latest", "url"])
def test_a_run_that_waits_is_opened_by_every_name(s3_keeper: Keeper, s3_place: S3Path, ref: str) -> None:
    run = waiting(s3_keeper, s3_place)
    named = f"{s3_place}/{RUN_ID}" if ref == "url" else ref
    found = loadlab.open_run(named) if ref == "url" else loadlab.open_run(named, str(s3_place))
    assert found.path == s3_place / RUN_ID
    assert not run.path.exists()


def test_a_bucket_that_refuses_costs_nothing(s3: S3Server, s3_keeper: Keeper, s3_place: S3Path) -> None:
    run = waiting(s3_keeper, s3_place)
    s3.fault = refuse_writes_after(4)
    with pytest.raises(StoreError, match="access is denied") as raised:
        loadlab.open_run(RUN_ID, str(s3_place))
    command = f"loadlab publish {run.path} '{s3_place}'"
    assert f"Run {RUN_ID} is not lost. It is kept in {run.path}; to send it: {command}" in str(raised.value)
    assert loadlab.open_run(run.path).path == run.path, "by its path it is opened as it is"
    s3.fault = None
    assert loadlab.publish(RUN_ID).path == s3_place / RUN_ID
    assert not run.path.exists()


def test_a_run_whose_recorder_died_is_put_together_and_sent(s3_keeper: Keeper, s3_place: S3Path) -> None:
    folder = publishing.make_folder(str(s3_place), RUN_ID, make_info(status="running", loadtest=TEST))
    journal = Journal(folder.journal_path)
    journal.append([json.dumps(record).encode() for record in RECORDS])
    with pytest.raises(StoreError, match="is being recorded or recovered at this moment"):
        loadlab.open_run(RUN_ID, str(s3_place))
    assert loadlab.runs(str(s3_place))["status"].tolist() == ["running"]
    journal.close()
    assert loadlab.runs(str(s3_place))["status"].tolist() == ["unfinished"]
    found = loadlab.open_run(RUN_ID, str(s3_place))
    assert (found.path, found.info["status"], found.info["end_reason"]) == (s3_place / RUN_ID, "recovered", "stopped")
    assert not folder.path.exists()
    assert not any("journal" in name or "publish" in name for name in s3_place.files())


def test_an_interrupt_while_sending_says_where_the_run_is(
    s3_keeper: Keeper, s3_place: S3Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting(s3_keeper, s3_place)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing.store, "publish_run", interrupted)
    with pytest.raises(KeyboardInterrupt, match=f"run {RUN_ID} was not sent. It is kept in {run.path}; to send it: "):
        publishing.deliver(run)
    assert run.has_tables


def test_an_s3_that_does_not_answer_is_asked_again(
    s3: S3Server, s3_keeper: Keeper, s3_place: S3Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(s3_connection, "ATTEMPTS", 1)
    refusals = iter([(503, "SlowDown")] * 2)
    s3.fault = lambda method, key: next(refusals, None) if method == "GET" else None
    assert publishing.deliver(waiting(s3_keeper, s3_place)).path == s3_place / RUN_ID
    assert next(refusals, None) is None


def test_publishing_a_run_of_a_folder_keeps_it(s3_keeper: Keeper, s3_place: S3Path) -> None:
    run = s3_keeper.write(RUN_ID)
    sent = loadlab.publish("latest", str(s3_place), runs=s3_keeper.folder)
    assert sent.path == s3_place / RUN_ID
    same_as(run, sent)
    assert loadlab.publish(run.path, str(s3_place)).path == sent.path


@pytest.mark.parametrize(
    ("to", "message"),
    [(None, "to: missing"), ("elsewhere", "to: got 'elsewhere'; allowed: s3://"), ("gs://b/x", "s3://bucket/prefix")],
)
def test_a_place_that_a_run_cannot_be_sent_to(s3_keeper: Keeper, to: str | None, message: str) -> None:
    run = s3_keeper.write(RUN_ID)
    with pytest.raises(SpecError, match=message):
        loadlab.publish(run.path, to)


def test_what_is_no_archive_is_not_sent(s3_keeper: Keeper, s3_place: S3Path) -> None:
    run = RunFolder.create(s3_keeper.folder, RUN_ID, {"status": "running"})
    with pytest.raises(StoreError, match="holds nothing"):
        loadlab.publish(run.path, str(s3_place))
    with pytest.raises(StoreError, match="is no archive that can be sent"):
        publish_run(run, s3_place)


def test_files_are_sent_also_when_what_made_them_fails(
    s3: S3Server, s3_place: S3Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        (folder / "made.json").write_text("{}")
        raise StoreError(f"failed; see {folder / 'made.json'}")

    with (
        pytest.raises(StoreError, match=r"failed; see s3://.*/out/made\.json"),
        publishing.output_folder(s3_place / "out") as folder,
    ):
        fail(folder)
    assert (s3_place / "out/made.json").read_bytes() == b"{}"
    assert not folder.exists()
    output = publishing.output_folder(s3_place / "out")
    folder = output.__enter__()
    (folder / "made.json").write_text("[1]")
    s3.fault = refuse_writes_after(0)
    with pytest.raises(StoreError, match=r"access is denied.* The files are kept in /"):
        output.__exit__(None, None, None)
    assert (folder / "made.json").read_text() == "[1]"
    shutil.rmtree(folder)
    with publishing.output_folder(tmp_path) as folder:
        assert folder == tmp_path


def test_two_hundred_runs_are_listed_many_at_a_time(s3: S3Server, s3_keeper: Keeper, s3_place: S3Path) -> None:
    run = s3_keeper.write(RUN_ID)
    info = run.info_path.read_bytes()
    ids = [f"r20261121-{number:06d}-aaaa" for number in range(200)]
    for run_id in ids:
        (s3_place / run_id / "run.json").write_bytes(info)
    s3.fault, s3.busiest = wait_for(0.03), 0
    assert list_runs(s3_place)["id"].tolist() == ids
    assert s3.busiest > 8
