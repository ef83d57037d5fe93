"""Why a run cannot be opened yet is told as it is."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from loadlab import LoadTest, recovery, store
from loadlab.errors import StoreError
from loadlab.launch import COUNTERS, master_api


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.RunFolder:
    """A run whose recorder has died, and whose swarm nobody waits for."""
    monkeypatch.setattr(recovery, "LEAVE_S", 0.0)
    monkeypatch.setattr(recovery, "ENDING_S", 0.0)
    info = {"status": "running", "loadtest": LoadTest(locustfile="shop.py", lease=20, stop_timeout=5).to_dict()}
    folder = store.RunFolder.create(tmp_path, "r20261123-210640-abcd", info)
    folder.journal_path.touch()
    folder.write_swarm({"url": "http://127.0.0.1:9", "token": "token"})
    (folder.path / COUNTERS).mkdir()
    return folder


def held(folder: store.RunFolder, part: str) -> BinaryIO:
    file = (folder.path / COUNTERS / part).open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def answers(monkeypatch: pytest.MonkeyPatch, status: dict[str, Any] | None) -> list[int]:
    quits: list[int] = []
    monkeypatch.setattr(master_api.MasterApi, "status", lambda api, glance=False: status)
    monkeypatch.setattr(master_api.MasterApi, "quit", lambda api, after: quits.append(after))
    return quits


@pytest.mark.parametrize(
    ("status", "part", "told", "asked"),
    [
        ({"ended": True}, "worker-1", "its swarm was told to end 0 s ago, but worker-1 has not ended yet", True),
        (None, "master", "its master cannot be asked, though it lives: master has not ended yet", False),
        (None, "worker-1", "its master does not answer, but worker-1 has not ended yet; workers stop by them", False),
    ],
)
def test_who_is_left_and_what_they_are_about_to_do(
    left: store.RunFolder, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], part: str, told: str, asked: bool
) -> None:
    quits = answers(monkeypatch, status)
    with held(left, part), pytest.raises(StoreError, match=told):
        recovery.recover(left)
    assert quits == ([0] if asked else [])
