"""What the agent costs: the requests per second of one Locust worker with it and without it.

Twenty FastHttpUsers send one request after the other (closed_loop.py) from one worker to a target that does no work:
nginx where it is installed, else the demo storefront with a service time of zero. The worker has a core to itself; the
master, the target and the reader of the stream share the others, so the worker's core is what limits the rate. The
three arms are the same commands, `locust --master` and `locust --worker`, both with their web port; they differ in

    plain      -f closed_loop.py
    agent      -f closed_loop.py,loadlab_agent.py and its settings, as the local launcher gives them; the stream is read
    no trace   as agent, without the trace headers

Every arm is a fresh pair of processes. The order is turned round each time (ABC CBA), a turn's value is the median of
its seconds, and the result is the ratio of the medians with its 95 % interval. What is compared is requests per second
of the worker's CPU time: on a core of its own that is its rate, and other programs that take the core away do not
change it. The rates by the clock are told beside it.

    python -m benchmarks.agent_cost
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT, clean_environment, kept_off, running, two_cores, wait_for
from benchmarks.ratio import ratio_of_medians
from loadlab.demo import Storefront
from loadlab.launch.local import AGENT
from loadlab.launch.processes import free_ports
from loadlab.stream import RecordStream

AIM = 0.98
USERS = 20
ARMS = ("plain", "agent", "no trace")
LOCUSTFILE = ROOT / "benchmarks" / "closed_loop.py"


@dataclass(frozen=True)
class Turn:
    """One arm, once: requests per second, requests per second of CPU time, and the share of a core that it used."""

    rps: float
    per_cpu_s: float
    busy: float


def measure(quick: bool = False) -> list[Outcome]:
    """The agent's cost, with the trace headers and without them."""
    turns, seconds = (1, 2) if quick else (10, 8)
    cores = two_cores()
    generator = cores[0] if cores else None
    found: dict[str, list[Turn]] = {arm: [] for arm in ARMS}
    with tempfile.TemporaryDirectory() as name, kept_off(generator), _cheap_target(Path(name) / "target") as url:
        for number in range(turns):
            for arm in ARMS if number % 2 == 0 else reversed(ARMS):
                folder = Path(name) / f"{number}-{arm}"
                folder.mkdir()
                found[arm].append(_take_turn(arm, url, folder, seconds, generator))
    return [
        _outcome("agent: rps with / without", found["agent"], found["plain"], judged=True),
        _outcome("agent: without trace headers", found["no trace"], found["plain"]),
        _outcome("agent: trace headers on / off", found["agent"], found["no trace"]),
    ]


def _outcome(name: str, tried: list[Turn], base: list[Turn], *, judged: bool = False) -> Outcome:
    ratio = ratio_of_medians([turn.per_cpu_s for turn in tried], [turn.per_cpu_s for turn in base])
    by_clock = ratio_of_medians([turn.rps for turn in tried], [turn.rps for turn in base])
    note = (
        f"{median(turn.per_cpu_s for turn in tried):,.0f} against {median(turn.per_cpu_s for turn in base):,.0f} "
        f"requests per CPU second, medians of {len(base)} turns; by the clock {by_clock}, "
        f"the worker having {median(turn.busy for turn in (*tried, *base)):.0%} of its core"
    )
    return Outcome(name, str(ratio), f">= {AIM}" if judged else "", ratio.value >= AIM if judged else None, note)


@contextlib.contextmanager
def _cheap_target(folder: Path) -> Iterator[str]:
    if shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"):
        from tests.targets import nginx

        with nginx(folder) as target:
            yield target.url
    else:
        with Storefront(service_time=0.0, concurrency=1000) as shop:
            yield shop.url


def _take_turn(arm: str, url: str, folder: Path, seconds: int, generator: set[int] | None) -> Turn:
    web_port, master_port = free_ports(2)
    web = f"http://127.0.0.1:{web_port}"
    result, log, token = folder / "result.json", folder / "locust.log", secrets.token_urlsafe(24)
    environment = clean_environment(BENCH_SECONDS=str(seconds), BENCH_RESULT=str(result))
    files = str(LOCUSTFILE)
    if arm != "plain":
        files += f",{AGENT}"
        (folder / "counters").mkdir()
        environment |= {
            "LOADLAB_TOKEN": token,
            "LOADLAB_AGENT_RUN_ID": "benchmark",
            "LOADLAB_AGENT_LEASE_S": "30",
            "LOADLAB_AGENT_COUNTERS": str(folder / "counters"),
            "LOADLAB_AGENT_TRACE": "0" if arm == "no trace" else "1",
        }
    locust = [sys.executable, "-m", "locust", "-f", files]
    master = [*locust, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(master_port)]
    master += ["--web-host", "127.0.0.1", "--web-port", str(web_port), "--expect-workers", "1", "--autostart"]
    master += ["--users", str(USERS), "--spawn-rate", str(USERS), "--host", url]
    worker = [*locust, "--worker", "--master-host", "127.0.0.1", "--master-port", str(master_port)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(master, log, environment))
        stack.enter_context(running(worker, log, environment, generator))
        if arm != "plain":
            stream = stack.enter_context(RecordStream(web, token, patience_s=30.0))
            reader = threading.Thread(target=_drain, args=(stream,), daemon=True)
            reader.start()
        text = wait_for(
            lambda: result.read_text() if result.exists() else None, "the result", seconds=60.0 + seconds, log=log
        )
    rows = json.loads(text)
    return Turn(
        rps=median(requests / wall for wall, _, requests in rows),
        per_cpu_s=median(requests / cpu for _, cpu, requests in rows),
        busy=median(cpu / wall for wall, cpu, _ in rows),
    )


def _drain(stream: RecordStream) -> None:
    for _ in stream.batches():
        pass


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
