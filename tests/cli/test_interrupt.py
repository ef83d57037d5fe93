"""Ctrl-C and SIGTERM on a real run: a partial run is kept and no process is left. Twice: see tests/workbench."""

import json
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from command import COMMAND


@pytest.fixture
def running(folder, target):
    """The command, in a session of its own, when the first users have been reported."""
    words = ["run", "--locustfile", "visitor.py", "--host", target.url, "--users", "3", "--run-time", "10m"]
    process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)
    lines = []
    try:
        while " of 600 s, " not in (line := process.stderr.readline()):
            assert line, "".join(lines)
            lines.append(line)
        before = target.served
        deadline = time.monotonic() + 120
        while target.served == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()
        process.stderr.close()


def finish(process):
    _, text = process.communicate(timeout=180)
    (run,) = Path("runs").iterdir()
    return text, json.loads((run / "run.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_ends_in_good_order(running, number):
    swarm = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(number)
    text, info = finish(running)
    assert "interrupted: the test ends in good order" in text
    assert running.returncode == 3
    assert (info["status"], info["end_reason"]) == ("finished", "interrupted")
    assert info["conservation"]["lost"] == 0
    assert swarm
    assert not psutil.wait_procs(swarm, timeout=60)[1]
