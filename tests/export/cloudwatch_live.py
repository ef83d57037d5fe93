"""A run that goes on, as a live export meets it."""

import time

from sample_runs import SampleRun

from loadlab.stream import TableBuilder

BASE = {"service": "shop", "environment": "staging"}


class Going:
    """A run that goes on: records are told with `second` and `amend`, and in the end it is recorded."""

    def __init__(self, path, **labels):
        self.id, self.path = "r20261124-101500-live", path
        self.labels = labels or BASE
        self.tables = TableBuilder()
        self.seq = 0
        self.start = int(time.time()) // 60 * 60 - 600

    def tell(self, kind, t, *, count=10, users=5, worker="w1", missing=(), requests=True):
        self.seq += 1
        second = self.start + t
        row = ["GET", "/", count, 1, 0, 12.5 * count, 10.0, 15.0, [126, 127], [count - 1, 1], None, None]
        self.tables.add(
            {
                "seq": self.seq,
                "kind": kind,
                "t": second,
                "requests": [row] if requests else [],
                "errors": [["GET", "/", "HTTP 500", "no", 1, "no"]] if requests else [],
                "users": {"Visitor": users},
                "metrics": [["checkouts", "count", worker, 2.0]],
                "generators": [[worker, users, count, 40.0, 1, 0.0, 0.0]],
                "exemplars": [],
                "missing": list(missing),
            }
        )

    def when_over(self, action):
        self.over = action

    def end(self):
        self.tables.add({"seq": self.seq + 1, "kind": "end", "time": time.time(), "reason": "quit", "workers": {}})

    def recorded(self):
        return SampleRun(self.path, labels=self.labels, run_id=self.id, **self.tables.frames())


def wait_for(condition):
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)
