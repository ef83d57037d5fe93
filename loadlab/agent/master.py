"""On the master (and in a single process): the life of a run, from the first event to the `end` record."""

from __future__ import annotations

import json
import logging
import os
import platform
import signal
import time
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, MasterRunner

from loadlab.agent.clock import Clock
from loadlab.agent.collector import Collector
from loadlab.agent.feed import Feed
from loadlab.agent.health import Health
from loadlab.agent.locustfile import describe_locustfile
from loadlab.agent.sender import ACK, PART
from loadlab.agent.shape import StagesShape

SCHEMA_VERSION = 2
LAST_PARTS_S = 15.0
"""After the end of the test the master waits this long for the workers' last parts."""

IDLE_S = 60.0
"""After its test a swarm that nobody reads any more ends itself after this time, or after its lease if that is shorter.
"""

UNSTARTED_S = 600.0
"""... and before its test after this time, when it has no lease; whoever is to start it may wait for other regions."""

logger = logging.getLogger("loadlab.agent")


class Master:
    """Collects the parts, writes the events and the end, and stops the test when nobody reads any more."""

    def __init__(self, environment: Environment, clock: Clock, lease_s: float | None) -> None:
        self.environment = environment
        self.runner: Any = environment.runner
        self.clock = clock
        self.lease_s = lease_s
        self.feed = Feed(clock.now)
        self.collector = Collector(self.feed, clock, self._is_live)
        self.ended = False
        self.stop_reason = ""
        self._health = Health()
        self._stage: tuple[int, float] | None = None
        self._stage_number = -1
        self._ramping = False
        self._ready = False
        self.locustfile: dict[str, list[str]] = {}
        self._started = False
        self._started_at = 0.0
        self._finishing = False
        self._quitting = False
        self._rebalancing: gevent.Greenlet | None = None
        self._leaving = False
        options = environment.parsed_options
        self.expected = options.expect_workers if isinstance(self.runner, MasterRunner) and options else 1

    def start(self) -> None:
        """Listen to Locust and to the workers."""
        self._use_stages()
        self.locustfile = describe_locustfile(self.environment)
        shape = self.environment.shape_class
        self.feed.append(
            "hello",
            {
                "schema": SCHEMA_VERSION,
                "relative_error": 0.01,
                "run_id": os.environ.get("LOADLAB_AGENT_RUN_ID", ""),
                "time": round(self.clock.now(), 6),
                "locust": locust.__version__,
                "python": platform.python_version(),
                "hostname": platform.node(),
                "shape": None if shape is None or isinstance(shape, StagesShape) else type(shape).__name__,
                "workers_expected": self.expected,
                "user_classes": sorted(user_class.__name__ for user_class in self.environment.user_classes),
            },
        )
        if shape is not None and not isinstance(shape, StagesShape):
            name = type(shape).__name__
            text = f"the locustfile's load shape {name} decides on users and duration, not users, spawn_rate, run_time"
            self.feed.event("note", name, text)
        for name in self.locustfile["without_tasks"]:
            text = f"{name} has no task, or none that the test's tags leave: its users do nothing but raise exceptions"
            self.feed.event("warning", name, text)
        self.runner.register_message(PART, self._on_part)
        events = self.environment.events
        events.test_start.add_listener(self._on_test_start)
        events.spawning_complete.add_listener(self._on_spawning_complete)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        self._watch_targets()
        if isinstance(self.runner, MasterRunner):
            self.collector.own_generator = self._own_generator
            gevent.spawn(self._health.watch)
        gevent.spawn(self._run)

    @property
    def shape_name(self) -> str | None:
        """The load shape that decides on users and duration; None without one."""
        shape = self.environment.shape_class
        return None if shape is None else type(shape).__name__

    def _use_stages(self) -> None:
        stages = json.loads(os.environ.get("LOADLAB_AGENT_STAGES", "null"))
        if stages:
            if self.environment.shape_class is not None:
                name = type(self.environment.shape_class).__name__
                raise ValueError(f"loadlab: the test has load stages, but the locustfile has a load shape too: {name}")
            shape = StagesShape(stages)
            shape.runner = self.runner
            self.environment.shape_class = shape

    def _watch_targets(self) -> None:
        """Locust has no event for a new target number of users; its `start` is called for each."""
        start = self.runner.start

        def watched(user_count: int, spawn_rate: float, *args: Any, **kwargs: Any) -> Any:
            target = (user_count, spawn_rate)
            if target != self._stage:
                self._stage = target
                self._stage_number += 1
                self._ramping = True
                if self._started:
                    self._write_stage()
            return start(user_count, spawn_rate, *args, **kwargs)

        self.runner.start = watched

    def _write_stage(self) -> None:
        users, spawn_rate = self._stage or (0, 0.0)
        name, shape = "", self.environment.shape_class
        if isinstance(shape, StagesShape):
            index = shape.stage_index()
            name = "" if index is None else shape.stages[index].get("name", "")
        text = f"{name + ': ' if name else ''}{users:,} users at {spawn_rate:g} a second"
        data = {"index": self._stage_number, "users": users, "spawn_rate": spawn_rate, "name": name}
        self.feed.event("stage", name or str(self._stage_number), text, data)

    def _run(self) -> None:
        while True:
            gevent.sleep(0.1)
            try:
                self.collector.check_workers()
                if not self.ended:
                    self.collector.close_due()
                    if self._is_rebalance_due() and (self._rebalancing is None or self._rebalancing.ready()):
                        self._rebalancing = gevent.spawn(self._rebalance)  # it waits until the workers have followed
                self._check_ready()
            except Exception:  # whatever it is, the lease is looked after
                logger.exception("loadlab: a second could not be closed")
            self._check_lease()

    def _own_generator(self, second: int) -> list[Any]:
        begin = second - self.clock.base
        row = ["master", 0, 0, *self._health.take(), self._health.lag_ms(begin, begin + 1), 0.0]
        self._health.forget(begin)
        return row

    def _is_rebalance_due(self) -> bool:
        """True if Locust has worked out anew which worker runs how many users, and has told nobody.

        Its dispatcher does so whenever a worker is lost or returns. But after the first time it takes itself for still
        dispatching, and a worker that returns gets no word of it: it keeps its users although others run them by now.
        """
        runner = self.runner
        if not isinstance(runner, MasterRunner) or runner.state != STATE_RUNNING or not runner.spawning_completed:
            return False
        return runner.worker_count > 0 and getattr(runner._users_dispatcher, "_rebalance", False)

    def _rebalance(self) -> None:
        if self._is_rebalance_due():  # since it was asked for, the test may have been stopped
            self.runner.start(self.runner.target_user_count, self.runner.spawn_rate)

    def _check_ready(self) -> None:
        reporting = sum(not (worker.lost or worker.left) for worker in self.collector.workers.values())
        if not self._ready and reporting >= self.expected:
            self._ready = True
            self.feed.event("swarm_ready", "", f"{reporting} of {self.expected} workers are connected")

    def _check_lease(self) -> None:
        silence_s = time.monotonic() - self.feed.last_read
        if self.ended or (self.lease_s is None and not self._started):
            if silence_s >= (min(self.lease_s or IDLE_S, IDLE_S) if self.ended else UNSTARTED_S):
                self.quit()  # nobody needs this process any more, and what nobody has read is spooled
            return
        if self.lease_s is None or silence_s < self.lease_s:
            return
        text = f"nobody has read the results for {self.lease_s:g} s; the test stops itself"
        logger.error("loadlab: %s", text)
        self.lease_s = None
        self.feed.event("lease_expired", "", text)
        self.stop_reason = "lease_expired"
        gevent.spawn(self._stop_and_quit)

    def _stop_and_quit(self) -> None:
        self.runner.stop()
        deadline = time.monotonic() + LAST_PARTS_S
        while self._started and not self.ended and time.monotonic() < deadline:
            gevent.sleep(0.1)
        self.quit()

    def quit(self) -> None:
        """End this process, and with it the workers, in good order."""
        if not self._leaving:
            self._leaving = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_live(self, node: str) -> bool:
        if not isinstance(self.runner, MasterRunner):
            return True
        client = self.runner.clients.get(node)
        return client is not None and client.state != STATE_MISSING

    def _on_part(self, environment: Environment, msg: Any, **_: Any) -> None:
        part = msg.data
        acknowledgement = {"n": part["n"], "sent_at": part["sent_at"], "time": self.clock.now()}
        if not self.ended:
            self.collector.add(msg.node_id, part)  # what raises here is not acknowledged: the part comes again
        self.runner.send_message(ACK, acknowledgement, client_id=msg.node_id)

    def _on_test_start(self, **_: Any) -> None:
        if not self._started:
            self._started = True
            self._started_at = self.clock.now()
            self.collector.begin(int(self.clock.now()))
            self.feed.event("test_start", "", "the test starts")
            self._write_stage()

    def _on_spawning_complete(self, user_count: int = 0, **_: Any) -> None:
        if self._ramping and self._started:
            self._ramping = False
            self.feed.event("ramp_complete", "", f"{user_count:,} users are running", {"users": user_count})

    def _on_test_stopping(self, **_: Any) -> None:
        # Locust's own timer does not end a ramp. Only what was started for that is killed: a worker that comes or goes
        # makes Locust hand out users in the greenlet that hears all workers.
        asked = getattr(self.environment.web_ui, "_swarm_greenlet", None)
        for greenlet in (self._rebalancing, asked):
            if greenlet is not None and greenlet is not gevent.getcurrent():
                greenlet.kill()  # else it would go on to hand out users
        if not self.stop_reason:
            if isinstance(self.runner, MasterRunner) and self.runner.worker_count <= 0:
                self.stop_reason = "workers_lost"
            elif (shape := self.environment.shape_class) is not None:
                cut = isinstance(shape, StagesShape) and shape.stage_index() is not None
                self.stop_reason = "locustfile" if cut else "shape_done"
            else:
                planned = getattr(self.environment.parsed_options, "run_time", None)
                on_time = planned and self.clock.now() - self._started_at >= float(planned) - 1
                self.stop_reason = "run_time" if on_time else "locustfile"
        self.feed.event("test_stopping", "", "users begin to stop")

    def _on_test_stop(self, **_: Any) -> None:
        self.feed.event("test_stop", "", "all users have stopped")
        if not (self._finishing or self._quitting):
            self._finishing = True
            gevent.spawn(self._finish)

    def _finish(self) -> None:
        deadline = time.monotonic() + LAST_PARTS_S
        while time.monotonic() < deadline:
            waiting = [worker for worker in self.collector.workers.values() if not (worker.lost or worker.left)]
            if all(worker.final for worker in waiting):
                break
            gevent.sleep(0.02)
        self._end()

    def _end(self) -> None:
        if self.ended:
            return
        for worker in self.collector.workers.values():
            worker.lost = worker.lost or not worker.final
        self.collector.close_all()
        self.ended = True
        workers = {worker.name: worker.report() for worker in self.collector.workers.values()}
        self.feed.append(
            "end", {"time": round(self.clock.now(), 6), "reason": self.stop_reason or "quit", "workers": workers}
        )

    def _on_quitting(self, **_: Any) -> None:
        self._quitting = True
        self.stop_reason = self.stop_reason or "quit"

    def _on_quit(self, **_: Any) -> None:
        self._end()
        self.feed.spool_unread()
