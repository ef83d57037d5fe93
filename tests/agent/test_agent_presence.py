"""A part of a swarm is there as long as its own process lives, whatever that has forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from loadlab.launch import living_parts, read_counters

FORKING = """
import os, sys
from loadlab.agent.tally import Tally

tally = Tally()
tally.share("worker-1")
tally.send()
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()  # as long as the test lives
    os._exit(0)
sys.stdin.readline()
os._exit(0)
"""


def test_a_child_that_outlives_its_worker_is_no_part_of_the_swarm(tmp_path: Path) -> None:
    (tmp_path / "counters").mkdir()
    words = [sys.executable, "-c", FORKING]
    environment = os.environ | {"LOADLAB_AGENT_COUNTERS": str(tmp_path / "counters")}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == "forked\n"
        assert living_parts(tmp_path) == ["worker-1"]
        worker.kill()
        worker.wait()
        assert living_parts(tmp_path) == []
        assert read_counters(tmp_path) == {"worker-1": 1}
