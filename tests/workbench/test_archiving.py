"""The end of a run as another process sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadlab import LoadTest, archiving, store, stream

RUN_ID = "r20261123-210640-abcd"
RECORDS: list[dict[str, object]] = [
    {
        "seq": 1,
        "kind": "hello",
        "schema": 2,
        "relative_error": 0.01,
        "run_id": RUN_ID,
        "time": 1763932000,
    },
    {"seq": 2, "kind": "end", "time": 1763932009, "reason": "stopped", "workers": {}},
]
OPEN = """
import sys
import loadlab
try:
    print(loadlab.open_run("latest", sys.argv[1]).info["status"])
except loadlab.errors.StoreError as error:
    print(error)
"""


def test_a_run_that_is_being_tidied_up_is_recovered_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []

    def open_in_another_process() -> None:
        words = [sys.executable, "-c", OPEN, str(tmp_path)]
        answers.append(subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.strip())

    tidy = archiving.tidy

    def watched(folder: store.RunFolder) -> None:
        open_in_another_process()
        tidy(folder)
        open_in_another_process()

    monkeypatch.setattr(archiving, "tidy", watched)
    test = LoadTest(locustfile="shop.py", host="http://127.0.0.1:9")
    info = {"status": "running", "loadtest": test.to_dict(), "labels": {}, "launcher": "local", "started": None}
    folder = store.RunFolder.create(tmp_path, RUN_ID, info)
    journal, tables = stream.Journal(folder.journal_path), stream.TableBuilder()
    for record in RECORDS:
        journal.append([json.dumps(record).encode()])
        tables.add(record)
    archiving.archive_recorded(folder, tables, journal, reason="stopped", sent=None)
    assert answers == [
        f"run {RUN_ID} is being recorded or recovered at this moment; it can be opened when that has ended",
        "finished",
    ]
    assert folder.read_info()["status"] == "finished"
