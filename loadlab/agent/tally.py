"""How many requests this process has sent, answered and reported: the two sides of the conservation check."""

from __future__ import annotations

import mmap

from loadlab.agent.presence import hold


class Tally:
    """Running totals since the process began.

    sent
        HTTP requests, counted when their first byte is about to leave, those that could not be sent and are reported
        as failed, and requests that a custom client reports.
    answered
        Of these, the ones whose client call came back: a response, or an error that is reported as a failure.
    repeated
        What the HTTP clients sent by themselves on top: redirects followed, broken connections tried again.
    ok, failed
        The ones that Locust's request event reported.

    ``sent - answered`` is in flight (or was, when its user was stopped); ``answered - ok - failed`` was never
    reported by the locustfile, which happens when a catch_response block raises.

    Where `LOADLAB_AGENT_COUNTERS` names a folder, `sent` also stands in a small shared-memory file there, which
    outlives a SIGKILL, so that what a killed worker took with it can be counted. The file is locked as long as the
    process lives, so that nobody takes a count for the last one while it grows.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.repeated = 0
        self.answered = 0
        self.ok = 0
        self.failed = 0
        self.dropped = 0
        self._slot: memoryview | None = None

    def share(self, name: str) -> None:
        """Keep `sent` in ``LOADLAB_AGENT_COUNTERS/<name>`` from now on, as one native unsigned 64-bit number."""
        if (path := hold(name, size=8)) is not None:
            with path.open("r+b") as file:
                self._slot = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")
            self._slot[0] = self.sent

    def send(self) -> None:
        """One more request leaves."""
        self.sent += 1
        if self._slot is not None:
            self._slot[0] = self.sent

    def totals(self) -> dict[str, int]:
        """The totals as they go into each part."""
        return {
            "sent": self.sent,
            "repeated": self.repeated,
            "answered": self.answered,
            "ok": self.ok,
            "failed": self.failed,
            "dropped": self.dropped,
        }
