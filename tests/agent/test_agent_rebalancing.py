"""Locust hands its users out anew when a worker is lost or returns, but never once the test is being stopped."""

from __future__ import annotations

import subprocess
import sys

MASTER = """
from types import SimpleNamespace

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner

from loadlab.agent.clock import Clock
from loadlab.agent.master import Master

handing_out, stopping = Event(), Event()
starts = []


class Runner(MasterRunner):
    worker_count, target_user_count, spawn_rate, spawning_completed = 1, 10, 1.0, True

    def __init__(self):
        self.state = "running"
        self._users_dispatcher = SimpleNamespace(_rebalance=True)

    def start(self, *target):
        starts.append(target)
        handing_out.set()
        stopping.wait()
        starts.append("handed out after the stop")


environment = Environment()
environment.runner = Runner()
master = Master(environment, Clock(), None)
"""

BETWEEN_ASKING_AND_RUNNING = """
rebalancing = gevent.spawn(master._rebalance)
environment.runner.state = "stopping"
rebalancing.join()
assert not starts, starts
"""

IN_THE_MIDST = """
master._rebalancing = gevent.spawn(master._rebalance)
handing_out.wait()
environment.events.test_stopping.add_listener(master._on_test_stopping)
environment.events.test_stopping.fire(environment=environment)
stopping.set()
master._rebalancing.join()
assert starts == [(10, 1.0)], starts
"""


def in_a_process_of_its_own(script: str) -> None:
    ended = subprocess.run([sys.executable, "-c", MASTER + script], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr


def test_a_rebalancing_that_comes_after_the_stop_starts_nothing() -> None:
    in_a_process_of_its_own(BETWEEN_ASKING_AND_RUNNING)


def test_a_rebalancing_in_the_midst_of_which_the_test_is_stopped_ends() -> None:
    in_a_process_of_its_own(IN_THE_MIDST)
