"""Picks up a run that another process has started and that still goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loadlab import store, stream
from loadlab.errors import SpecError, StoreError
from loadlab.live import LiveRun
from loadlab.recording import Recording
from loadlab.spec import LoadTest

if TYPE_CHECKING:
    from loadlab.launch.adopted import AdoptedSwarm


def attach_to(folder: store.RunFolder) -> LiveRun:
    """The run in `folder`, read again from its first second.

    While the process that records it lives, this one is a guest: it watches and steers, and returns the archive that
    the other one writes. When that process has died, this one takes its place: the journal goes on where it broke off,
    the load is kept alive by being read, and the archive is written here. Of several that attach then, one does.

    Raises StoreError when the run is over, has no swarm yet, cannot be reached from this machine any more, or is one of
    several regions, whose streams only their owner can merge.
    """
    info = folder.read_info()
    if not folder.has_journal or not folder.swarm_path.exists():
        raise StoreError(_why_not(folder, info.get("status")))
    if len(info.get("kubernetes", {}).get("regions") or ()) > 1:
        raise StoreError(f"run {folder.id} has several regions: only the process that started it can read it")
    from loadlab.launch.adopted import AdoptedSwarm
    from loadlab.launch.master_api import look_at

    address = json.loads(folder.swarm_path.read_text())
    status = look_at(**address)
    alive = stream.is_being_written(folder.journal_path)
    if status is None or (status["ended"] and not alive):
        raise StoreError(
            f"the load of run {folder.id} is over, or its master cannot be reached from here; "
            f"loadlab.open_run('{folder.id}') opens it when it has ended"
        )
    try:
        test = LoadTest.from_dict(info["loadtest"])
    except SpecError as error:
        raise StoreError(f"run {folder.id} has a test that this loadlab cannot read: {error}") from error

    def begin(live: LiveRun) -> Recording:
        journal = stream.Journal.resumed(folder.journal_path)
        swarm = AdoptedSwarm(test, folder.path, **address, owned=journal is not None, remaining_s=live.remaining_s)
        return _read(live, swarm, journal)

    live = LiveRun(test, folder, begin)
    live.swarm  # noqa: B018 - waits until it is known who owns it, and raises what is wrong
    return live


def _read(live: LiveRun, swarm: AdoptedSwarm, journal: stream.Journal | None) -> Recording:
    live.is_guest = journal is None
    tables, last_seq = live.prepare_tables(), 0
    if journal is None:
        source = stream.RecordStream(swarm.url, swarm.token, guest=True)
        return live.record(swarm, source, None)
    try:
        for record in stream.read_journal(journal.path):
            tables.add(record.payload)
            live.saw(record.payload)
            last_seq = record.seq
        return live.record(swarm, stream.RecordStream(swarm.url, swarm.token, after=last_seq), journal)
    except BaseException:
        journal.close()
        raise


def _why_not(folder: store.RunFolder, status: object) -> str:
    if folder.has_journal or (status == "running" and not folder.has_tables):
        return f"run {folder.id} has no swarm that could be reached: it is being started, or has ended"
    return f"run {folder.id} is over: loadlab.open_run('{folder.id}') opens it"
