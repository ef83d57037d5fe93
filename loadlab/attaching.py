"""Picks up a run that another process has started and that still goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadlab import store, stream
from loadlab.errors import LoadlabError, SpecError, StoreError
from loadlab.live import LiveRun
from loadlab.recording import Recording
from loadlab.spec import LoadTest, hide_host, read_guard_rails

if TYPE_CHECKING:
    from loadlab.launch.adopted import AdoptedSwarm
    from loadlab.launch.kubernetes_swarm import KubernetesSwarm


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
    on_kubernetes = info["launcher"] == "kubernetes"
    if (status is None and (alive or not on_kubernetes)) or (status is not None and status["ended"] and not alive):
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
        try:
            if journal is not None and on_kubernetes:
                return _take_release(live, folder, info["kubernetes"], address["token"], journal)
            owned = journal is not None
            swarm = AdoptedSwarm(test, folder.path, **address, owned=owned, remaining_s=live.remaining_s)
            swarm.guard_rails = read_guard_rails()[0] if on_kubernetes else None
            return _read(live, swarm, journal)
        except BaseException:
            if journal is not None:
                journal.close()
            raise

    live = LiveRun(test, folder, begin)
    live.swarm  # noqa: B018 - waits until it is known who owns it, and raises what is wrong
    return live


def find_loads_on(host: str, beside: store.RunFolder) -> list[str]:
    """The ids of the other runs in the folder of run `beside` whose load on `host` still goes on, in order."""
    from loadlab.launch.master_api import look_at

    found: list[str] = []
    if not host:  # the locustfile names its hosts itself
        return found
    for path in sorted(beside.path.parent.glob("r*")):
        folder = store.RunFolder(path)
        if folder.id == beside.id or not folder.has_journal or not folder.swarm_path.is_file():
            continue
        try:
            info, address = folder.read_info(), json.loads(folder.swarm_path.read_text())
        except (LoadlabError, OSError, ValueError):  # it is ending just now, or damaged
            continue
        if info.get("status") == "running" and hide_host(info["loadtest"].get("host") or "") == hide_host(host):
            status = look_at(**address)
            found += [folder.id] if status is not None and not status["ended"] else []
    return found


def _take_release(
    live: LiveRun, folder: store.RunFolder, facts: dict[str, Any], token: str, journal: stream.Journal
) -> Recording:
    """Its owner's way to the master has gone with it: make another one."""
    from loadlab.launch.kubernetes import adopt_release

    swarm = adopt_release(live.test, facts, run_id=folder.id, token=token, logs=folder.logs)
    folder.write_swarm({"url": swarm.url, "token": token})
    recording = _read(live, swarm, journal)
    swarm.ends_in(live.remaining_s())
    return recording


def _read(live: LiveRun, swarm: AdoptedSwarm | KubernetesSwarm, journal: stream.Journal | None) -> Recording:
    live.is_guest = journal is None
    tables, last_seq = live.prepare_tables(), 0
    for record in stream.read_journal(journal.path) if journal is not None else ():
        tables.add(record.payload)
        live.saw(record.payload)
        last_seq = record.seq
    source = stream.RecordStream(swarm.url, swarm.token, after=last_seq, guest=journal is None)
    return live.record(swarm, source, journal)


def _why_not(folder: store.RunFolder, status: object) -> str:
    if folder.has_journal or (status == "running" and not folder.has_tables):
        return f"run {folder.id} has no swarm that could be reached: it is being started, or has ended"
    return f"run {folder.id} is over: loadlab.open_run('{folder.id}') opens it"
