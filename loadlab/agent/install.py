"""Wires the agent into the Locust process that has just loaded it."""

from __future__ import annotations

import argparse
import logging
import os
import random
from typing import Any

import locust
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadlab.agent.clock import Clock
from loadlab.agent.failures import REDACTOR
from loadlab.agent.http_hooks import hook_http_clients
from loadlab.agent.logs import hide_in_logs
from loadlab.agent.master import Master
from loadlab.agent.metrics import METRICS
from loadlab.agent.pacing import Pacing
from loadlab.agent.presence import hold
from loadlab.agent.recorder import Recorder
from loadlab.agent.sender import Sender
from loadlab.agent.tally import Tally
from loadlab.redaction import secret_values

logger = logging.getLogger("loadlab.agent")


def install() -> None:
    """Add the agent's listeners to Locust's events.

    Settings come from the environment: ``LOADLAB_TOKEN`` (without it the agent stays out of the way),
    ``LOADLAB_AGENT_WORKER`` (this worker's name, of which a ``_PREFIX`` is left out), ``_RUN_ID``, ``_LEASE_S``,
    ``_STAGES`` (JSON), ``_SEED``, ``_TRACE`` (0 switches the trace headers off), ``_COUNTERS`` (a folder), ``_SPOOL``
    (a file), ``_CLOCK_SHIFT_S`` (tests).
    """
    token = os.environ.get("LOADLAB_TOKEN", "")
    if not token:
        logger.warning("loadlab: LOADLAB_TOKEN is not set, so the agent stays out of the way")
        return
    REDACTOR.learn(secret_values(os.environ))
    clock, tally, pacing = Clock(), Tally(), Pacing()
    recorder = Recorder(clock, tally, pacing)
    hook_http_clients(tally, trace_headers=os.environ.get("LOADLAB_AGENT_TRACE", "1") != "0")
    locust.events.request.add_listener(recorder.on_request)
    locust.events.user_error.add_listener(recorder.on_user_error)

    def on_init(environment: Environment, web_ui: Any = None, **_: Any) -> None:
        REDACTOR.learn(secret_values(vars(environment.parsed_options or argparse.Namespace())))
        hide_in_logs()
        lease = float(os.environ.get("LOADLAB_AGENT_LEASE_S", "0")) or None
        runner = environment.runner
        generates = not isinstance(runner, MasterRunner)
        leads = not isinstance(runner, WorkerRunner)
        sender = None
        if generates:
            METRICS.active = True
            name = _worker_name(runner)
            tally.share(name)
            sender = Sender(environment, recorder, clock, tally, name, lease if not leads else None)
            environment.events.test_start.add_listener(lambda **_: pacing.watch(environment.user_classes))
            environment.events.test_start.add_listener(lambda **_: _seed(getattr(runner, "worker_index", 0)))
            environment.events.test_stop.add_listener(sender.flush)
            if not leads:
                environment.events.test_stop.add_listener(lambda **_: _be_ready_at_once(environment))
                environment.events.quitting.add_listener(lambda **_: sender.flush(leaving=True))
        else:
            hold("master")
        if leads:
            clock.be_master()
            master = Master(environment, clock, lease)
            master.start()
            if web_ui is not None:
                from loadlab.agent.web import serve

                serve(web_ui.app, master, token)
        if sender is not None:
            sender.start()

    locust.events.init.add_listener(on_init)


def _be_ready_at_once(environment: Environment) -> None:
    """All users have stopped: a worker need not sleep another stop_timeout, deaf to its master, before it is ready.

    The next test brings its own stop_timeout.
    """
    environment.stop_timeout = 0.0


def _worker_name(runner: Any) -> str:
    if not isinstance(runner, WorkerRunner):
        return "local"
    name = os.environ.get("LOADLAB_AGENT_WORKER", "")
    return name.removeprefix(os.environ.get("LOADLAB_AGENT_PREFIX", "")) or f"worker-{max(runner.worker_index, 0) + 1}"


def _seed(worker_index: int) -> None:
    seed = os.environ.get("LOADLAB_AGENT_SEED")
    if seed:
        random.seed(f"{seed}/{worker_index}")
