"""A synthetic run as records, replayed faster than it was: what a live panel watches in a benchmark.

An hour of seconds with the requests of `benchmarks.synthetic_day` is written once as lines of JSON; longer runs repeat
it at later times. Replaying parses each line and fills the tables and the sums as recording a real run does, without a
network.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from benchmarks.synthetic_day import START, synthetic_requests
from loadlab.errors import LaunchError
from loadlab.spec import LoadTest
from loadlab.stream import LiveSeconds, TableBuilder, parse_record

BLOCK_S = 3600
USERS = 500


def write_block(path: Path, *, names: int, seconds: int = BLOCK_S) -> Path:
    """Write the lines of an hour of `names` endpoints: each the rest of a `second` record, after its time."""
    rows: dict[int, list[list[object]]] = {}
    for table in synthetic_requests(seconds=seconds, names=names, rate=4.0):
        for row in table.to_pylist():
            buckets = [pair["bucket"] for pair in row["histogram"]]
            counts = [pair["count"] for pair in row["histogram"]]
            plain = [row[key] for key in ("request_type", "name", "count", "failures", "response_bytes")]
            times = [round(row[key], 3) for key in ("sum_ms", "min_ms", "max_ms")]
            second = int(row["time"].timestamp()) - START
            rows.setdefault(second, []).append([*plain, *times, buckets, counts, None, None])
    with path.open("w") as file:
        for second in range(seconds):
            generators = [[name, USERS, 100, 40.0, 60_000_000, 1.0, 0.1] for name in ("worker-1", "worker-2", "master")]
            rest = {"requests": rows.get(second, []), "errors": [], "users": {"User": USERS}, "generators": generators}
            file.write(json.dumps({**rest, "exemplars": [], "metrics": [], "missing": []})[1:] + "\n")
    return path


class ReplayedRun:
    """A run of `seconds` that goes on `speed` times as fast as it did, and that a panel can show.

    It never ends, so that it can be looked at.
    """

    id = "r20251125-000000-demo"
    blocked = False
    fixed_users = False
    own_warnings = ()
    archived = None

    def __init__(self, block: Path, *, seconds: int, speed: float, locustfile: Path) -> None:
        self.test = LoadTest(locustfile=locustfile, host="http://127.0.0.1:8000", users=USERS, run_time=seconds)
        self.seconds = LiveSeconds()
        self.tables = TableBuilder()
        self.last_news = time.monotonic()
        self.planned_s = float(seconds)
        self._block, self._speed = block, speed
        self._over = threading.Event()
        threading.Thread(target=self._replay, daemon=True).start()

    def _replay(self) -> None:
        began, seq = time.monotonic(), 2
        self._add(b'{"seq":1,"kind":"event","time":%d,"event":"test_start","object":"","text":""}' % START)
        self._add(b'{"seq":2,"kind":"event","time":%d,"event":"ramp_complete","object":"","text":""}' % (START + 1))
        while seq - 2 < self.planned_s:
            with self._block.open("rb") as lines:
                for line in lines:
                    if seq - 2 >= self.planned_s:
                        break
                    wait_s = began + (seq - 2) / self._speed - time.monotonic()
                    if wait_s > 0.02:
                        time.sleep(wait_s)
                    seq += 1
                    self._add(b'{"seq":%d,"kind":"second","t":%d,' % (seq, START + seq - 3) + line)

    def _add(self, line: bytes) -> None:
        record = parse_record(line)
        self.tables.add(record.payload)
        self.seconds.add(record.payload)
        self.last_news = time.monotonic()

    @property
    def state(self) -> str:
        return self.seconds.phase

    @property
    def outcome(self) -> tuple[bool, str]:
        return False, ""

    @property
    def target_users(self) -> int:
        return USERS

    def results(self) -> tuple[()]:
        return ()

    def wait_for_end(self, timeout_s: float) -> bool:
        return self._over.wait(timeout_s)

    def refuse(self, *_: object) -> None:
        """The panel's buttons say this: there is no swarm behind a replay."""
        raise LaunchError("this run is a replay and cannot be steered")

    stop = set_users = note = refuse
