"""Makes an archive of what a dead recorder has left, once nothing of its swarm sends any load."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

from loadlab import store, stream
from loadlab.archiving import archive, replay_spool, tidy
from loadlab.errors import LaunchError, StoreError
from loadlab.launch import hide_secrets, living_parts, read_counters

LEAVE_S = 30.0
"""A swarm that has nothing to do any more gets this long to end."""

ENDING_S = 1.0
"""A process that is ending holds its locks for a moment yet."""

MASTER_SILENCE_S = 60.0
"""Locust's own: a worker that has not heard from its master for so long ends, whatever the lease."""


def recover(folder: store.RunFolder) -> None:
    """Put the run together from its journal and from what the swarm spooled when it stopped.

    A swarm that is still there after its test has ended is asked to end first, and to spool what is missing. Raises
    StoreError while the run is recorded, while another process recovers it, and while any part of the swarm may still
    send load; the message says when that ends by itself.
    """
    with stream.claimed(folder.journal_path) as alone:
        if alone:
            _recover(folder)
        elif folder.has_journal:
            raise StoreError(
                f"run {folder.id} is being recorded or recovered at this moment; it can be opened when that has ended"
            )


def _recover(folder: store.RunFolder) -> None:
    _end_swarm(folder)
    folder.remove_drafts()
    with contextlib.suppress(OSError):  # a disk that refuses this says so when the archive is written
        stream.reserve_path(folder.journal_path).unlink()
    tables = stream.TableBuilder()
    journal = stream.read_journal(folder.journal_path)
    for record in journal:
        tables.add(record.payload)
    end = folder.read_end()
    died = end is None or end.get("running", False)
    whose = "a recorder that died" if died else "a recorder that could not write the archive"
    text = f"put together from the journal of {whose}: {journal.state.records:,} whole records"
    if journal.state.torn_bytes or journal.state.damaged_lines:
        text += (
            f", {journal.state.damaged_lines} damaged lines and {journal.state.torn_bytes} bytes of a torn one left out"
        )
    for log in sorted((folder.path / "logs").glob("*.log")):
        hide_secrets(log)
    replay_spool(folder, tables)
    for event in end["events"] if end else ():
        tables.add(event)
    tables.add_event("warning", text, time=(tables.last_second or 0) + 1)
    reason = end["reason"] if end else tables.end["reason"] if tables.end else "recorder_lost"
    archive(folder, tables, status="recovered", reason=reason, sent=read_counters(folder.path))
    tidy(folder)


def _end_swarm(folder: store.RunFolder) -> None:
    """Return when nothing of the swarm is left; raises StoreError when that is not for us to bring about."""
    patience_s, asked = ENDING_S, False
    if folder.swarm_path.exists():
        from loadlab.launch.master_api import MasterApi, look_at

        swarm = json.loads(folder.swarm_path.read_text())
        status = look_at(**swarm)
        if status is not None and not status["ended"]:
            raise StoreError(
                f"run {folder.id} has lost its recorder, but its load is still going on; it stops by itself "
                f"{_when_load_stops(folder.read_info()['loadtest'], status['shape'])}, and can be opened then"
            )
        if status is not None:
            journal = stream.read_journal(folder.journal_path)
            last_seq = max((record.seq for record in journal), default=0)
            try:
                MasterApi(**swarm).quit(last_seq)
            except LaunchError as error:
                raise StoreError(f"run {folder.id} has lost its recorder, and cannot be opened yet: {error}") from error
            patience_s, asked = LEAVE_S, True
    deadline = time.monotonic() + patience_s
    while (parts := living_parts(folder.path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if parts:
        raise StoreError(_who_is_left(folder, parts, asked))


def _who_is_left(folder: store.RunFolder, parts: list[str], asked: bool) -> str:
    """What `parts` of a swarm that no master leads any more, or whose master was `asked` to end it, are about to do."""
    named = f"{', '.join(parts)} {'has' if len(parts) == 1 else 'have'} not ended yet"
    begin = f"run {folder.id} has lost its recorder"
    if asked:
        return (
            f"{begin}; its swarm was told to end {LEAVE_S:g} s ago, but {named}; the run can be opened when that is so"
        )
    if "master" in parts:
        return (
            f"{begin}, and its master cannot be asked, though it lives: {named}; the run can be opened when that is so"
        )
    test = folder.read_info()["loadtest"]
    silence_s = min(MASTER_SILENCE_S, (test["lease"] or MASTER_SILENCE_S) + test["stop_timeout"])
    return (
        f"{begin}, and its master does not answer, but {named}; workers stop by themselves {silence_s:g} s after "
        "the master's last word, and the run can be opened then"
    )


def _when_load_stops(test: dict[str, Any], shape: str | None) -> str:
    if test["lease"] is not None:
        return f"when nobody has read it for {test['lease']:g} s"
    if shape and not test["stages"]:
        return f"when the locustfile's load shape {shape} is over, for it has no lease"
    seconds = sum(stage["duration"] for stage in test["stages"]) or test["run_time"]
    return f"when its {seconds:g} s are over, for it has no lease"
