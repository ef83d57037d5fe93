"""A locustfile: each user sends its next request when it has its answer, and the process says how fast that went.

Two seconds after the test has begun it counts for each of the next `BENCH_SECONDS` seconds the finished requests and
the CPU time of this process, and writes them to the file `BENCH_RESULT`: a list of [wall_s, cpu_s, requests].
"""

import itertools
import json
import os
import time
from pathlib import Path

import gevent
from locust import FastHttpUser, constant, events, task
from locust.runners import MasterRunner

WARM_S = 2.0

finished = 0


class Visitor(FastHttpUser):
    """Sends one request after the other."""

    wait_time = constant(0)

    @task
    def page(self):
        """One request."""
        global finished
        self.client.get("/products/1")
        finished += 1


@events.test_start.add_listener
def begin(environment, **_):
    """Measure on the process that makes the load."""
    if not isinstance(environment.runner, MasterRunner):
        gevent.spawn(measure)


def measure():
    """Write what was counted in each second."""
    gevent.sleep(WARM_S)
    marks = [(time.perf_counter(), time.process_time(), finished)]
    for _ in range(int(os.environ["BENCH_SECONDS"])):
        gevent.sleep(1.0)
        marks.append((time.perf_counter(), time.process_time(), finished))
    seconds = [[after - before for before, after in zip(*pair, strict=True)] for pair in itertools.pairwise(marks)]
    result = Path(os.environ["BENCH_RESULT"])
    draft = result.with_suffix(".draft")
    draft.write_text(json.dumps(seconds))
    draft.rename(result)
