"""How long a run takes to begin: from the start of the process to the first request that the target sees.

`loadlab run` against bare `locust --headless`, with the same locustfile, host, users and run time: one process
(`--workers 0`) against one, two workers against `--processes 2`. The two take turns, and the turn order is turned round
each time; the result is the ratio of the medians with its 95 % interval. The target is a socket in this process that
notes when the first bytes of a request arrive; loadlab's look whether the host answers sends none.

The third line is what a person in a notebook waits for: `loadlab.start` in a process that has imported pandas already.

    python -m benchmarks.start
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT, clean_environment, wait_for
from benchmarks.ratio import ratio_of_medians

AIM = 1.5
LOCUSTFILE = str(ROOT / "benchmarks" / "one_user.py")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
NOTEBOOK = """
import sys, time
import pandas, loadlab
test = loadlab.LoadTest(locustfile=sys.argv[1], host=sys.argv[2], run_time=1, workers=2)
print(time.monotonic(), flush=True)
loadlab.start(test, runs=sys.argv[3]).wait()
"""


class Target:
    """An HTTP server of one answer that remembers when the first request came since `reset` (time.monotonic)."""

    def __init__(self) -> None:
        self.first_request: float | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(65536):
                if self.first_request is None:
                    self.first_request = time.monotonic()
                connection.sendall(ANSWER)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def measure(quick: bool = False) -> list[Outcome]:
    """The ratio for one process and for two workers, and the wait in a notebook."""
    turns = 1 if quick else 15
    target = Target()
    bare = [sys.executable, "-m", "locust", "--headless", "-f", LOCUSTFILE, "--host", target.url, "-t", "1"]
    run = [sys.executable, "-m", "loadlab", "run", "--locustfile", LOCUSTFILE, "--host", target.url, "--run-time", "1"]
    found: dict[str, list[float]] = {name: [] for name in ("bare 0", "run 0", "bare 2", "run 2", "notebook")}
    try:
        with tempfile.TemporaryDirectory() as folder:
            run += ["--quiet", "--runs", folder]
            arms = {
                "bare 0": bare,
                "run 0": [*run, "--workers", "0"],
                "bare 2": [*bare, "--processes", "2"],
                "run 2": [*run, "--workers", "2"],
                "notebook": [sys.executable, "-c", NOTEBOOK, LOCUSTFILE, target.url, folder],
            }
            for number in range(turns):
                for name in arms if number % 2 == 0 else reversed(arms):
                    found[name].append(_seconds_to_first_request(arms[name], target, Path(folder) / "output.log"))
    finally:
        target.close()
    notebook = median(found["notebook"]) / median(found["bare 2"])
    return [
        _outcome("start: one process, run / locust", found["run 0"], found["bare 0"]),
        _outcome("start: two workers, run / locust", found["run 2"], found["bare 2"]),
        Outcome(
            "start: in a notebook, two workers",
            f"{median(found['notebook']):.2f} s",
            note=f"loadlab.start to the first request; {notebook:.2f} of bare locust --processes 2",
        ),
    ]


def _outcome(name: str, tried: list[float], base: list[float]) -> Outcome:
    ratio = ratio_of_medians(tried, base)
    note = (
        f"{median(tried):.2f} s against {median(base):.2f} s, medians of {len(base)} turns; "
        f"the fastest of each: {min(tried) / min(base):.3f}"
    )
    return Outcome(name, str(ratio), f"<= {AIM}", ratio.value <= AIM, note)


def _seconds_to_first_request(command: list[str], target: Target, log: Path) -> float:
    """Run `command` to its end. Where it prints a time.monotonic() first, that is the beginning."""
    target.first_request = None
    began = time.monotonic()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        output, _ = process.communicate(timeout=90)
    first = wait_for(lambda: target.first_request, "the first request", seconds=0.5, log=log)
    if command[1] == "-c":
        began = float(output.split()[0])
    return first - began


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
