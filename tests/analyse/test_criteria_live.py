"""A recorded stream, replayed record by record, comes to the same results as the archive of it; what ends a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from criteria_cases import EVERY_KIND, assert_same, seconds_of
from criteria_runs import RawRun, make_run
from raw_samples import START

import loadlab
from loadlab import store, stream
from loadlab.analyse import evaluate
from loadlab.spec import Criteria
from loadlab.watching import CriteriaWatch

REGIONS = (("",), ("eu", "us"))


def record_journal(run: RawRun, folder: Path, seed: int, regions: tuple[str, ...] = ("",)) -> stream.JournalReader:
    path = folder / "journal.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in run.records(seed, regions=regions)))
    return stream.read_journal(path)


@pytest.mark.parametrize("regions", REGIONS, ids=len)
def test_a_replayed_stream_comes_to_what_its_archive_comes_to(regions: tuple[str, ...], tmp_path: Path) -> None:
    run = make_run(2 * len(regions), seconds=45)
    run.signals = []  # no stream brings them yet
    tables = stream.TableBuilder()
    chosen = EVERY_KIND[len(regions) - 1 :: 2]
    criteria = Criteria(each for each in chosen if each.quantity.measure != "signal" and not each.stop)
    watch = CriteriaWatch(criteria, tables, pytest.fail)
    kinds = []
    for record in record_journal(run, tmp_path, 5, regions):
        tables.add(record.payload)
        watch.see(record.payload)
        kinds.append(record.kind)
    assert kinds.count("amend") >= 44
    live = watch.results()
    assert_same(live, evaluate(criteria, tables.frames()))
    assert_same(live, evaluate(criteria, run.tables()))
    assert {result.status for result in live} == {"passed", "failed", "invalid"}


def test_the_first_breach_ends_the_test(tmp_path: Path) -> None:
    run = make_run(0)
    criteria = Criteria.parse("rps >= 1 over 3s else stop; rps >= 1 over 2s else stop; mean < 1ms; count(/nix) > 1")
    tables, calls = stream.TableBuilder(), []
    watch = CriteriaWatch(criteria, tables, lambda: calls.append(tables.last_second))
    for record in record_journal(run, tmp_path, 5):
        tables.add(record.payload)
        watch.see(record.payload)
        if calls:
            break
    result = watch.breach
    assert result is not None
    assert result.criterion == "rps >= 1 over 2s else stop"
    second = seconds_of(result)
    assert second is not None
    assert START + second == calls[0] - 1 or START + second == calls[0]
    assert watch.count_broken() >= 2
    told = tables.frame("events").query("kind == 'criterion_broken'").iloc[0]
    assert told["object"] == result.criterion
    assert json.loads(told["data"]) == {"second": START + second}
    assert "rps was 0" in told["text"]
    assert [event["event"] for event in tables.own_events] == ["criterion_broken"]
    assert watch.results()[0].status == "passed"


def test_a_breach_after_the_end_of_the_load_ends_nothing(tmp_path: Path) -> None:
    run = make_run(0, seconds=30)
    criteria = Criteria.parse("mean < 1ms else stop after 26s")
    tables = stream.TableBuilder()
    watch = CriteriaWatch(criteria, tables, pytest.fail)
    for record in record_journal(run, tmp_path, 5):
        tables.add(record.payload)
        watch.see(record.payload)
    assert watch.breach is None
    assert watch.results()[0].status == "failed"


def test_judging_that_fails_costs_no_record_and_is_told(tmp_path: Path) -> None:
    run = make_run(0, seconds=30)
    run.events[1]["data"] = "[1, 2]"  # no object, which no window can be made of
    tables = stream.TableBuilder()
    watch = CriteriaWatch(Criteria.parse("mean < 1ms else stop"), tables, pytest.fail)
    journal = run.records(5)
    for record in journal:
        if record["kind"] == "event" and record["event"] == "stage":
            record["data"] = [1, 2]
        tables.add(record)
        watch.see(record)
    events = tables.frame("events")
    assert events["text"].str.contains("not judged any more").sum() == 1
    assert tables.last_seq == len(journal)
    assert watch.results()[0].status == "invalid"


def test_a_recorder_that_dies_after_a_breach_leaves_its_reason(tmp_path: Path) -> None:
    run = make_run(0)
    test = loadlab.LoadTest(locustfile="shop.py", criteria="mean < 1ms else stop; rps > 1")
    folder = store.RunFolder.create(
        tmp_path, "r20261123-210640-abcd", {"status": "running", "loadtest": test.to_dict()}
    )
    with folder.journal_path.open("w") as journal:
        journal.writelines(json.dumps(record) + "\n" for record in run.records(5)[:-1])
    told = {"kind": "event", "time": START + 61.0, "event": "criterion_broken", "object": "x", "text": "it is broken"}
    folder.write_end({"reason": "criterion_broken", "events": [told], "running": True})
    recovered = loadlab.open_run("latest", tmp_path)
    assert recovered.info["end_reason"] == "criterion_broken"
    events = recovered.events.set_index("kind")["text"]
    assert events["criterion_broken"] == "it is broken"
    assert "a recorder that died" in events["warning"]
    assert [result.status for result in recovered.verdict.results] == ["failed", "passed"]


def test_a_second_is_judged_when_every_region_has_closed_it() -> None:
    run = make_run(2, seconds=30)
    tables = stream.TableBuilder()
    watch = CriteriaWatch(Criteria.parse("rps > 1"), tables, pytest.fail)
    waiting = []
    for record in run.records(5, regions=("eu", "us")):
        if record.get("region") == "us" and record.get("t", 0) > START + 12:
            continue  # nothing comes of us any more, and then it is lost
        tables.add(record)
        watch.see(record)
        waiting.append(watch.results()[0].text)
        if record["kind"] == "second" and record["t"] == START + 24:
            lost = {"kind": "event", "event": "region_lost", "region": "us", "time": START + 25.5, "text": "it is lost"}
            tables.add(lost)
            watch.see(lost)
    judged = [int(text.partition(" over ")[2].split()[0]) for text in waiting if " over " in text]
    assert set(range(1, 11)) <= set(judged)
    assert judged.count(10) > 5 * judged.count(5)
    assert not set(judged) & set(range(11, 21))
    assert 22 in judged
