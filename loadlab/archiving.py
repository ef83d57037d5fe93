"""Makes an archive of a run that has ended: its tables, what they add up to, and where every request went."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadlab import schema, store, stream
from loadlab.errors import AnalysisError, StoreError
from loadlab.launch import COUNTERS, SPOOL
from loadlab.results import Run

if TYPE_CHECKING:
    import pandas as pd


def replay_spool(
    folder: store.RunFolder, tables: stream.TableBuilder, on_record: Callable[[dict[str, Any]], None] | None = None
) -> None:
    """Add the records that the master could not deliver before it stopped by itself."""
    if (spool := folder.path / SPOOL).exists():
        for record in stream.read_journal(spool):
            if record.seq > tables.last_seq:
                tables.add(record.payload)
                if on_record is not None:
                    on_record(record.payload)


def archive_recorded(
    folder: store.RunFolder,
    tables: stream.TableBuilder,
    journal: stream.Journal,
    *,
    reason: str,
    sent: dict[str, int] | None,
) -> None:
    """Archive the run that `journal` and `tables` have recorded, and close the journal.

    What no journal says, how the run ended and what its recorder saw, is kept first, in case the archive cannot be
    written. Raises StoreError then; the journal has everything that there is room for, and the run can be recovered.
    """
    journal.give_reserve_up()
    try:
        with contextlib.suppress(StoreError):  # on a disk without room for this either, the archive's own error tells
            folder.write_end({"reason": reason, "events": tables.own_events})
        archive(folder, tables, status="finished", reason=reason, sent=sent)
    except StoreError as error:
        text = f"{error} The journal in {folder.path} is kept: when there is room, open run {folder.id} again."
        if unwritten := journal.retry():
            text += f" Its last {unwritten:,} records found no room in it and are lost with this process."
        raise StoreError(text) from error
    else:
        tidy(folder)  # with the lock still held: a finished run has nothing to recover
    finally:
        journal.close()


def tidy(folder: store.RunFolder) -> None:
    """Remove what only a run without an archive needs."""
    folder.remove_journal()
    folder.remove_swarm()
    (folder.path / SPOOL).unlink(missing_ok=True)
    shutil.rmtree(folder.path / COUNTERS, ignore_errors=True)


def archive(
    folder: store.RunFolder, tables: stream.TableBuilder, *, status: str, reason: str, sent: dict[str, int] | None
) -> None:
    """Write the tables first, then what they add up to, then run.json: a reader never sees half a run."""
    folder.write_tables({name: tables.arrow(name) for name in schema.TABLES})
    end = tables.end or {"workers": {}, "time": None if tables.last_second is None else tables.last_second + 1}
    offsets = {
        name: {"offset_ms": worker["clock_offset_ms"], "error_ms": worker["clock_error_ms"]}
        for name, worker in end["workers"].items()
    }
    folder.update_info(
        status=status,
        ended=iso_time(end["time"]) if end["time"] else None,
        end_reason=reason,
        clock_offsets=offsets,
        regions={**(tables.hello or {}).get("regions", {}), **end.get("regions", {})},
        repeated=sum(worker.get("repeated", 0) for worker in end["workers"].values()),
        conservation=conserve(tables.frame("requests"), end["workers"], sent) if tables.end or sent else {},
    )
    result = Run(folder.path)
    try:
        folder.update_info(validity=result.validity.to_dict(), verdict=result.verdict.to_dict())
        folder.write_summary(result.summary_dict())
    except AnalysisError as error:  # the tables are there and can be opened; what they add up to is not known
        reasons = [str(error)]
        folder.update_info(
            validity={"status": "invalid", "reasons": reasons, "checks": []},
            verdict={"status": "invalid", "reasons": reasons, "criteria": []},
        )


def conserve(requests: pd.DataFrame, workers: dict[str, dict[str, Any]], sent: dict[str, int] | None) -> dict[str, int]:
    """Where every request went: sent = ok + failed + in_flight + unreported + lost.

    ok, failed
        recorded in `requests`.
    in_flight
        sent, but without an answer when their user was stopped.
    unreported
        answered, but the locustfile never reported them (an exception inside a catch_response block).
    lost
        the rest: what a worker took with it when it died, and what was dropped. For a worker that cannot be asked any
        more `sent` comes from the launcher's own count where there is one, else from the worker's last report.

    `workers` is that of the `end` record, `sent` that of `Swarm.sent_by_worker`.
    """
    recorded, failed = int(requests["count"].sum()), int(requests["failures"].sum())
    names = {*workers, *(sent or {})}
    total = sum((sent or {}).get(name, workers.get(name, {}).get("sent", 0)) for name in names)
    living = [worker for worker in workers.values() if worker["state"] != "lost"]
    in_flight = sum(worker["sent"] - worker["answered"] for worker in living)
    unreported = sum(worker["answered"] - worker["ok"] - worker["failed"] for worker in living)
    total = max(total, recorded + in_flight + unreported)
    return {
        "sent": total,
        "ok": recorded - failed,
        "failed": failed,
        "in_flight": in_flight,
        "unreported": unreported,
        "lost": total - recorded - in_flight - unreported,
    }


def iso_time(seconds: float) -> str:
    """Epoch seconds as run.json holds them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
