"""How old a second is when it is in pandas: from its end on the master's clock to its rows in a DataFrame.

Two workers load the demo storefront over loopback at a steady 200 requests a second, 20 names. The stream is read as a
run reads it (RecordStream, Journal, TableBuilder); the lag of a second ends when `TableBuilder.last("requests", 1)` has
returned the frame with its rows. Workers wait 1 ms beyond the end of a second before they report it.

    python -m benchmarks.lag
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT
from loadlab.demo import Storefront
from loadlab.launch import Launcher, LocalLauncher
from loadlab.spec import LoadTest
from loadlab.stream import Journal, Record, Recorder, RecordStream, TableBuilder

AIM_S = 0.5
LOCUSTFILE = ROOT / "benchmarks" / "steady_rate.py"
USERS = 40
SETTLED_S = 3
"""Seconds after the start that are left out: users are still being spawned."""


def measure(quick: bool = False) -> list[Outcome]:
    """The median and the 99th percentile of the lag."""
    return [lag_outcome("lag: second's end to pandas", measure_lags(15 if quick else 90, LocalLauncher()))]


def lag_outcome(name: str, seconds: list[float]) -> Outcome:
    """One line of the table for these lags."""
    if not seconds:
        raise RuntimeError("no second arrived")
    lags = np.array(seconds)
    p50, p99 = np.quantile(lags, [0.5, 0.99], method="inverted_cdf")
    measured = f"p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms"
    note = f"{len(lags)} seconds, the slowest {1000 * lags.max():.0f} ms"
    return Outcome(name, measured, f"p99 <= {1000 * AIM_S:.0f} ms", bool(p99 <= AIM_S), note)


def measure_lags(seconds: int, launcher: Launcher) -> list[float]:
    """The lag of each of so many seconds of a run that `launcher` starts."""
    tables, lags = TableBuilder(), []
    first: list[int] = []

    def watch(record: Record) -> None:
        if record.kind == "second" and record.payload["requests"]:
            rows = tables.last("requests", 1)
            now = time.time()
            second = record.payload["t"]
            if rows.empty or (rows["time"] != pd.Timestamp(second, unit="s", tz="UTC")).any():
                raise RuntimeError(f"second {second} is not what the table ends with")
            first.append(second)
            if second >= first[0] + SETTLED_S:
                lags.append(now - (second + 1))

    with tempfile.TemporaryDirectory() as name, Storefront(service_time=0.005, concurrency=64) as shop:
        test = LoadTest(
            host=shop.url, locustfile=LOCUSTFILE, users=USERS, spawn_rate=USERS, run_time=seconds + SETTLED_S, workers=2
        )
        with (
            launcher.launch(test, run_id="benchmark", folder=Path(name)) as swarm,
            Journal(Path(name) / "journal.ndjson") as journal,
        ):
            recorder = Recorder(RecordStream(swarm.url, swarm.token), journal, tables, on_record=watch)
            recorder.start()
            swarm.start()
            if not recorder.wait(seconds + 60.0):
                raise RuntimeError("the run did not end")
            if recorder.callback_error is not None:
                raise recorder.callback_error
    return lags


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
