"""Several masters over real HTTP, which break off where a test tells them to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from fake_master import TOKEN, FakeMaster, hello
from locust_left import until
from region_records import plain_rows, region

from loadlab.errors import SchemaMismatch, StreamLost
from loadlab.stream import Journal, MergedStream, Record, Recorder, RecordStream, TableBuilder, read_journal
from loadlab.stream.clocks import Offset


@pytest.fixture
def masters() -> Iterator[dict[str, FakeMaster]]:
    made = {"eu": FakeMaster(), "us": FakeMaster()}
    yield made
    for each in made.values():
        each.close()


def merged(
    masters: dict[str, FakeMaster], *, mortal: Collection[str] = (), lost: list[str] | None = None
) -> MergedStream:
    """Their records; those of `mortal` count as lost after a second of silence, the others after a minute."""

    def on_lost(name: str) -> bool:
        if lost is not None:
            lost.append(name)
        return False

    streams = {
        name: RecordStream(each.url, TOKEN, wait_s=0.2, patience_s=1.0 if name in mortal else 60.0)
        for name, each in masters.items()
    }
    return MergedStream(streams, dict.fromkeys(masters, lambda: Offset(0.0, 0.001)), on_lost=on_lost)


def record(source: MergedStream, folder: Path, on_record: Callable[[Record], None] | None = None) -> TableBuilder:
    tables = TableBuilder()
    with Journal(folder / "journal.ndjson") as journal:
        Recorder(source, journal, tables, on_record=on_record).run()
    return tables


def test_broken_answers_and_a_late_reader_cost_nothing(masters: dict[str, FakeMaster], tmp_path: Path) -> None:
    for name, each in masters.items():
        each.add(*region(2, 40))
        each.faults.extend(
            ["cut length", "500", "", "drop", "again", "cut chunks"] if name == "us" else ["slow", "cut"]
        )
    tables = record(merged(masters), tmp_path)
    requests = tables.frame("requests")
    assert requests.groupby("region", observed=True)["count"].sum().to_dict() == dict.fromkeys(
        masters, 2 * sum(range(3, 43))
    )
    assert tables.end is not None
    again = TableBuilder()
    for each_record in read_journal(tmp_path / "journal.ndjson"):
        again.add(each_record.payload)
    assert plain_rows(again) == plain_rows(tables)
    assert again.end == tables.end
    assert again.hello == tables.hello


def test_a_master_that_is_gone_is_a_lost_region_and_the_others_go_on(
    masters: dict[str, FakeMaster], tmp_path: Path
) -> None:
    masters["us"].add(*region(1, 5)[:7])
    masters["eu"].add(*region(1, 5)[:7])
    lost: list[str] = []
    source = merged(masters, mortal=["us"], lost=lost)

    def end_of_us() -> None:
        masters["us"].stop()
        masters["eu"].add(*region(1, 5)[7:])

    threading.Timer(0.5, end_of_us).start()
    tables = record(source, tmp_path)
    assert lost == ["us"]
    assert tables.end is not None
    assert {name: each["state"] for name, each in tables.end["regions"].items()} == {"eu": "ended", "us": "lost"}
    events = tables.frame("events")
    assert events.loc[events["kind"] == "region_lost", "region"].tolist() == ["us"]


def test_when_every_region_is_lost_so_is_the_stream(masters: dict[str, FakeMaster], tmp_path: Path) -> None:
    for each in masters.values():
        each.add(*region(1, 5)[:7])
    threading.Timer(0.3, lambda: [each.stop() for each in masters.values()]).start()
    with pytest.raises(StreamLost, match="every region is lost"):
        record(merged(masters, mortal=masters), tmp_path)


def test_unlike_formats_are_refused(masters: dict[str, FakeMaster], tmp_path: Path) -> None:
    masters["eu"].add(*region(1, 2))
    masters["us"].add(hello(schema=1))
    with pytest.raises(SchemaMismatch, match="same version of loadlab"):
        record(merged(masters), tmp_path)


def test_close_ends_it_at_once(masters: dict[str, FakeMaster], tmp_path: Path) -> None:
    for each in masters.values():
        each.add(*region(1, 2)[:4])
    source, began = merged(masters), threading.Event()

    def close() -> None:
        began.wait(60)
        source.close()

    threading.Thread(target=close).start()
    tables = record(source, tmp_path, on_record=lambda _: began.set())
    assert tables.hello is not None
    assert tables.end is None
    assert "region_lost" not in set(tables.frame("events")["kind"])
    until(lambda: not any(thread.name.startswith("loadlab-stream") for thread in threading.enumerate()))
