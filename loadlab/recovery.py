"""Makes an archive of what a dead recorder has left."""

from __future__ import annotations

import json

from loadlab import store, stream
from loadlab.archiving import archive, replay_spool, tidy
from loadlab.errors import StoreError
from loadlab.launch import read_counters


def recover(folder: store.RunFolder) -> None:
    """Make an archive of what a dead recorder has left: its journal, and what the swarm spooled when it stopped."""
    if stream.is_being_written(folder.journal_path):
        raise StoreError(f"run {folder.id} is being recorded at this moment; it can be opened when it has ended")
    if _answers(folder):
        raise StoreError(
            f"run {folder.id} has lost its recorder, but its load is still going on; it stops by itself when its "
            "lease is over, and can be opened then"
        )
    tables = stream.TableBuilder()
    journal = stream.read_journal(folder.journal_path)
    for record in journal:
        tables.add(record.payload)
    text = f"put together from the journal of a recorder that died: {journal.state.records:,} whole records"
    if journal.state.torn_bytes or journal.state.damaged_lines:
        text += (
            f", {journal.state.damaged_lines} damaged lines and {journal.state.torn_bytes} bytes of a torn one left out"
        )
    replay_spool(folder, tables)
    tables.add_event("warning", text, time=(tables.last_second or 0) + 1)
    reason = tables.end["reason"] if tables.end else "recorder_lost"
    archive(folder, tables, status="recovered", reason=reason, sent=read_counters(folder.path))
    tidy(folder)


def _answers(folder: store.RunFolder) -> bool:
    """True if the master of the run in `folder` is still there."""
    if not folder.swarm_path.exists():
        return False
    from loadlab.launch.master_api import is_answering

    return is_answering(**json.loads(folder.swarm_path.read_text()))
