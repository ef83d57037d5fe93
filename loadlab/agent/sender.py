"""On a worker: sends each closed second to the master, and again until the master has acknowledged it."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from loadlab.agent.clock import Clock
from loadlab.agent.health import Health
from loadlab.agent.metrics import METRICS
from loadlab.agent.recorder import Recorder, Second
from loadlab.agent.tally import Tally

if TYPE_CHECKING:  # importing Locust patches the process
    from locust.env import Environment

PART = "loadlab_part"
ACK = "loadlab_ack"

RESEND_S = 2.0
"""An unacknowledged part is sent again after this time, then after twice as long, and so on up to RESEND_MAX_S."""
RESEND_MAX_S = 16.0
MAX_UNACKNOWLEDGED = 7200
"""Parts kept for a master that does not answer; the oldest are dropped, and counted as dropped, beyond that."""
FIRST_OFFSET_S = 2.0
"""A worker waits this long for the first measurement of its clock's offset."""

logger = logging.getLogger("loadlab.agent")


class Sender:
    """Hands the seconds of `recorder` to the master in numbered parts.

    A part is one second of this worker: the rows of that second, the users and the health of the process in it, and
    the running totals. The second that has just ended gets one also when nothing happened, so that the master can tell
    a quiet worker from a silent one. Each part with requests has a row of the generator, so that these add up to the
    requests; the users of a second are told once.
    """

    def __init__(
        self, environment: Environment, recorder: Recorder, clock: Clock, tally: Tally, name: str, lease_s: float | None
    ) -> None:
        self.runner: Any = environment.runner
        self.recorder = recorder
        self.clock = clock
        self.tally = tally
        self.name = name
        self.lease_s = lease_s
        self._environment = environment
        self._health = Health()
        self._number = 0
        self._sampled = -1
        self._last_acknowledged = time.monotonic()
        self._unacknowledged: OrderedDict[int, tuple[dict[str, Any], float, float]] = OrderedDict()
        self._offset_known = Event()

    def start(self) -> None:
        """Begin to send. On a worker this waits for the first measurement of the clock's offset."""
        self.runner.register_message(ACK, self._on_acknowledged)
        gevent.spawn(self._health.watch)
        if self.clock.error_s is None:
            for _ in range(4):
                self._send_part(self._part(self.recorder.second - 1, None))
                self._offset_known.wait(FIRST_OFFSET_S / 4)
                self._offset_known.clear()
        else:
            self._send_part(self._part(self.recorder.second - 1, None))  # says at once that it is there
        gevent.spawn(self._run)

    def _run(self) -> None:
        while True:
            now = self.clock.now()
            gevent.sleep(math.floor(now) + 1.001 - now)
            try:
                self.send_closed()
                self._send_again()
            except Exception:  # whatever it is, the next second is sent, and the lease is looked after
                logger.exception("loadlab: a second could not be sent")
            self._check_lease()

    def send_closed(self) -> None:
        """Send every second that is over."""
        now = int(self.clock.now())
        closed = [second for second in self.recorder.take_closed() if second["t"] < now]
        latest = closed.pop() if closed and closed[-1]["t"] == now - 1 else None
        for second in closed:
            self._send_part(self._part(second["t"], second))
        self._send_part(self._part(now - 1, latest, last=True))
        self._health.forget(now - self.clock.base)

    def flush(self, *, leaving: bool = False, **_: Any) -> None:
        """Send everything up to now, the open second included; the users of this worker have stopped.

        `leaving` says that the process is about to end.
        """
        seconds = self.recorder.take_all()
        latest = seconds.pop() if seconds else None
        for second in seconds:
            self._send_part(self._part(second["t"], second))
        t = self.recorder.second if latest is None else latest["t"]
        last = self._part(t, latest, last=True)
        last["final"] = True
        last["leaving"] = leaving
        self._send_part(last)

    def _part(self, t: int, second: Second | None, *, last: bool = False) -> dict[str, Any]:
        self._number += 1
        part: dict[str, Any] = {
            "n": self._number,
            "name": self.name,
            "t": t,
            "requests": second["requests"] if second else [],
            "errors": second["errors"] if second else [],
            "exemplars": second["exemplars"] if second else [],
            "metrics": METRICS.take() if last else [],
            "tally": self.tally.totals(),
            "folded_names": self.recorder.folded_names + METRICS.folded,
            "refused_metrics": METRICS.refused,
        }
        is_new = t > self._sampled
        if part["requests"] or (last and is_new):
            self._add_health(part, tell_users=is_new)
        return part

    def _add_health(self, part: dict[str, Any], *, tell_users: bool) -> None:
        t, clock = part["t"], self.clock
        users = {str(name): count for name, count in self.runner.user_classes_count.items()}
        if tell_users:
            self._sampled = t
            part["users"] = users
        part["generator"] = [
            sum(users.values()),
            sum(row[2] for row in part["requests"]),
            *self._health.take(),
            self._health.lag_ms(t - clock.base, t + 1 - clock.base),
            None if clock.error_s is None else round(1000 * clock.offset_s, 3),
        ]
        part["clock_error_ms"] = None if clock.error_s is None else round(1000 * clock.error_s, 3)

    def _send_part(self, part: dict[str, Any]) -> None:
        now = time.monotonic()
        self._unacknowledged[part["n"]] = (part, now + RESEND_S, RESEND_S)
        if len(self._unacknowledged) > MAX_UNACKNOWLEDGED:
            _, (dropped, _, _) = self._unacknowledged.popitem(last=False)
            self.tally.dropped += sum(row[2] for row in dropped["requests"])
        self._send(part)

    def _send(self, part: dict[str, Any]) -> None:
        part["sent_at"] = time.monotonic()
        try:
            self.runner.send_message(PART, part)
        except Exception:  # whatever the transport raises: the part is kept and sent again
            logger.warning("loadlab: part %d could not be sent; it is kept and sent again", part["n"], exc_info=True)

    def _send_again(self) -> None:
        now = time.monotonic()
        for number, (part, due, pause) in list(self._unacknowledged.items()):
            if due <= now:
                pause = min(2 * pause, RESEND_MAX_S)
                self._unacknowledged[number] = (part, now + pause, pause)
                self._send(part)

    def _on_acknowledged(self, environment: Environment, msg: Any, **_: Any) -> None:
        received = time.monotonic()
        self._last_acknowledged = received
        self._unacknowledged.pop(msg.data["n"], None)
        if self.clock.error_s != 0.0:
            change = self.clock.learn(msg.data["sent_at"], msg.data["time"], received)
            self.recorder.shift(change)
            self._offset_known.set()

    def _check_lease(self) -> None:
        if self.lease_s is None:
            return
        silence = time.monotonic() - self._last_acknowledged
        if silence > self.lease_s + (self._environment.stop_timeout or 0.0):
            logger.error("loadlab: the master has been silent for %.0f s; this worker stops itself", silence)
            self.lease_s = None
            gevent.spawn(self.runner.quit)
