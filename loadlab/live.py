"""A run that goes on: recorded in the background, watched, steered and ended."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from loadlab.conduct import CLOSING, POLL_S, TOLD_S, ConductedRun
from loadlab.errors import LaunchError, SpecError
from loadlab.launch import uninterrupted
from loadlab.recording import say
from loadlab.results import Run

if TYPE_CHECKING:
    from loadlab.analyse import CriterionResult, Validity, Verdict
    from loadlab.panel import Status

Progress = Callable[["LiveRun"], None]


class LiveRun(ConductedRun):
    """A run that is going on: its tables so far, and the ways to watch, steer and end it.

    It is launched, recorded, closed and archived in the background, whether anybody waits or not. In a notebook it
    shows as a panel where a person watches, and as a line of text in batch.
    """

    blocked = False
    """Whether a cell waits for it without letting the panel's messages through."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its test."""
        return dict(self.test.labels)

    def when_over(self, action: Callable[[], None]) -> None:
        """Call `action` when the load has ended and all of it has come, before the run is archived."""
        self._followers.append(action)

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the test to the last one that is recorded."""
        return self.seconds.elapsed_s

    @property
    def planned_s(self) -> float | None:
        """How long the test should last; None where the locustfile's load shape decides on it."""
        if self.seconds.shape is not None and not self.test.stages:
            return None
        return float(sum(stage.duration for stage in self.test.stages) or self.test.run_time)

    def remaining_s(self) -> float:
        """Seconds that the test has to go, 0 when they are over; as planned at its start."""
        planned = self.planned_s
        return 0.0 if planned is None else max(0.0, planned - self.elapsed_s)

    @property
    def state(self) -> str:
        """starting, ramping, steady, stopping or closing; of a run that is over how it ended: finished, stopped,
        interrupted, killed, master lost, ... or failed."""
        if self._done.is_set():
            return "failed" if self._run is None else _how_it_ended(str(self._run.info.get("end_reason")))
        if self._closing:
            return "closing"
        phase = self.seconds.phase
        if phase == "ended" or self._stopping is not None:
            return "stopping"
        return "starting" if phase == "waiting" else phase

    @property
    def outcome(self) -> tuple[bool, str]:
        """Whether it is over, and what a person should know about how it ended."""
        if not self._done.is_set():
            return False, ""
        if self._run is None:
            return True, f"{type(self._failure).__name__}: {self._failure}"
        verdict, validity = self._run.verdict, self._run.validity
        told: Verdict | Validity = validity if verdict.status == "unjudged" else verdict
        status, reasons = told.status, told.reasons
        text, more = "".join(f": {reason}" for reason in reasons[:1]), len(reasons) - 1
        return True, f"{status}{text}" + (f" (and {more} more)" if more > 0 else "")

    @property
    def archived(self) -> Run | None:
        """The run in its archive; None while it goes on, and when it has failed."""
        return self._run

    @property
    def own_warnings(self) -> list[str]:
        """What this process has to say about its recording."""
        events = self._tables.own_events if self._tables is not None else []
        kinds = ("warning", "journal_failed", "master_lost")
        return [str(event["text"]) for event in events if event["event"] in kinds]

    @property
    def fixed_users(self) -> bool:
        """Whether the test's stages or a load shape of the locustfile decide on the users."""
        return bool(self.test.stages) or self.seconds.shape is not None

    def wait_for_end(self, timeout_s: float) -> bool:
        """True when it is over, at the latest after `timeout_s`; raises nothing, and answers no interrupt."""
        return self._done.wait(timeout_s)

    @property
    def status(self) -> Status:
        """All that the panel shows, as a value: state, users, rates and percentiles of the last seconds, doubts, ..."""
        from loadlab.panel import read_status

        return read_status(self)

    def results(self) -> tuple[CriterionResult, ...]:
        """What each of the test's criteria has come to so far, in their order: as if the run ended now."""
        if self._run is not None:
            return self._run.verdict.results
        return self._watch.results() if self._watch is not None else ()

    def status_line(self) -> str:
        """Where the run is, in one line; of a run that is over what it came to."""
        line = self._now_line() if self._run is None else self._sums_line(self._run)
        broken = self._watch.count_broken() if self._watch is not None else 0
        return f"{line}, {broken} of {len(self.test.criteria)} criteria broken" if broken else line

    def _now_line(self) -> str:
        now, planned = self.seconds, self.planned_s
        of = "" if planned is None else f" of {planned:.0f}"
        return (
            f"{now.elapsed_s:.0f}{of} s, {now.users:,} users, {now.last_rps:,} rps, "
            f"{now.requests:,} requests, {now.failures:,} failed"
        )

    def _sums_line(self, run: Run) -> str:
        total = run.summary().iloc[-1]
        return (
            f"{run.duration_s or 0:.0f} s, {total['count']:,} requests, {total['failures']:,} failed, "
            f"{total['rps']:,.4g} rps, {run.verdict.status}"
        )

    def set_users(self, users: int, spawn_rate: float | None = None) -> None:
        """Go to another number of users, `spawn_rate` a second (the test's own when None).

        Raises SpecError for a number that is none, and for more than the guard rails allow; LaunchError when the test
        is over, and when its stages or a load shape decide on its users.
        """
        if isinstance(users, bool) or not isinstance(users, int) or users < 1:
            raise SpecError("users", users, "a whole number, 1 or more")
        rate = self.test.spawn_rate if spawn_rate is None else spawn_rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
            raise SpecError("spawn_rate", rate, "a number of users a second above 0")
        before, self._asked = self._asked, (users, time.monotonic())
        try:
            self.swarm.set_users(users, rate)
        except BaseException:
            self._asked = before
            raise

    @property
    def target_users(self) -> int:
        """Users that were asked for last, by whomever; what was asked here counts until the master tells of it."""
        asked = self._asked
        if asked is not None and time.monotonic() - asked[1] < TOLD_S:
            return asked[0]
        return self.seconds.target_users or self.test.users

    def note(self, text: str) -> None:
        """Add an annotation: an event of kind `note` at this moment, by the master's clock.

        Raises SpecError for an empty text, LaunchError when the test is over and when the master does not take it.
        """
        if not isinstance(text, str) or not text.strip():
            raise SpecError("text", text, "some words")
        if self._done.is_set() or self._closing or self.seconds.ended:
            raise LaunchError("nothing can be noted: the test is over")
        self.swarm.note(text.strip())

    def wait(self, progress: Progress | None = None) -> Run:
        """Wait until the run is over and archived, and return it; `progress` is called about once a second.

        A `progress` that raises is told on standard error and not called again: watching a run does not end it.

        The first interrupt ends the test in good order, the second kills the swarm; the partial run is returned. One
        that comes while the swarm is starting removes it and goes on as KeyboardInterrupt, and so does that of a guest,
        who stops watching: the run goes on.

        Raises what kept the swarm from coming up, and StoreError when the archive cannot be written; the journal is
        kept then.
        """
        self.blocked = True
        try:
            self._wait(progress)
        finally:
            self.blocked = False
        return self._outcome()

    def _wait(self, progress: Progress | None) -> None:
        told, caught = 0.0, 0
        while not self._done.is_set() and not self._leaving:
            try:
                while caught:  # answered here, where the next one is caught too
                    self._interrupt()
                    caught -= 1
                if not self._done.wait(POLL_S) and progress is not None and self._is_due(told):
                    told = time.monotonic()
                    progress = self._call(progress)
            except KeyboardInterrupt:
                caught += 1
            except BaseException:  # a callback that calls sys.exit, say: what was measured is kept all the same
                if not self.is_guest:
                    self.kill()
                    uninterrupted(self._done.wait, CLOSING)
                raise

    def _call(self, progress: Progress) -> Progress | None:
        """What to call the next time: None after an error, which is told."""
        try:
            progress(self)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            place = traceback.extract_tb(error.__traceback__)[-1]
            say(
                f"progress is not called any more, the run goes on: {type(error).__name__}: {error} "
                f"({place.filename}, line {place.lineno})"
            )
            return None
        return progress

    def _is_due(self, told: float) -> bool:
        return self._begun.is_set() and time.monotonic() - told >= 1.0

    async def finished(self, progress: Progress | None = None) -> Run:
        """`wait` for a cell or a program with an event loop: ``run = await live``.

        The panel's buttons work meanwhile, which they do not while a cell blocks. An interrupt and a cancellation are
        answered as `wait` answers an interrupt.
        """
        told = 0.0
        with _interrupts_go_to(self._interrupt):
            while not self._done.is_set() and not self._leaving:
                try:
                    await asyncio.sleep(POLL_S)
                except asyncio.CancelledError:
                    self._interrupt()
                    if (task := asyncio.current_task()) is not None:
                        task.uncancel()
                if progress is not None and self._is_due(told):
                    told = time.monotonic()
                    progress = self._call(progress)
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Run]:
        return self.finished().__await__()

    def _outcome(self) -> Run:
        if self._leaving:
            self._leaving = False
            raise KeyboardInterrupt
        self._raise_failure()
        assert self._run is not None
        return self._run

    def _ipython_display_(self) -> None:
        from loadlab.panel import show

        show(self)

    def __repr__(self) -> str:
        return f"LiveRun {self.id} ({self.state}): {self.status_line()}, in {self.path}"


@contextlib.contextmanager
def _interrupts_go_to(answer: Callable[[], None]) -> Iterator[None]:
    """Take SIGINT meanwhile, where that can be: an event loop would hand over the first one alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: answer())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_ENDINGS = {
    "run_time": "finished",
    "shape_done": "finished",
    "locustfile": "finished",
    "quit": "stopped",
    "workers_lost": "all workers lost",
}


def _how_it_ended(reason: str) -> str:
    return _ENDINGS.get(reason, reason.replace("_", " "))
