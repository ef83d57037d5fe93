"""One clock for the whole swarm: the master's.

A worker's clock runs on the monotonic clock, so that a step of the wall clock in mid-run moves nothing, and is put
right by the offset to the master's clock. The offset is measured with every acknowledged second, as NTP does it
(RFC 5905, section 8): offset = t_master - (t_sent + t_received)/2, with an error of at most half the round trip; the
sample with the shortest round trip of the last minute counts.
"""

from __future__ import annotations

import os
import time
from collections import deque

WINDOW_S = 60.0
"""How long a measured offset may be preferred to newer ones with a longer round trip."""


class Clock:
    """Seconds since the epoch on the master's clock, as well as this process knows it.

    `LOADLAB_AGENT_CLOCK_SHIFT_S` puts this process's own clock wrong by that many seconds; tests use it.
    """

    def __init__(self) -> None:
        shift = float(os.environ.get("LOADLAB_AGENT_CLOCK_SHIFT_S", "0"))
        self._own = time.time() - time.monotonic() + shift
        self.base = self._own
        """Add this to time.monotonic()."""
        self.error_s: float | None = None
        """Largest possible error of the offset; None until it was measured."""
        self._samples: deque[tuple[float, float, float]] = deque()

    def now(self) -> float:
        """Seconds since the epoch on the master's clock."""
        return time.monotonic() + self.base

    @property
    def offset_s(self) -> float:
        """The master's clock minus this process's own clock, in seconds."""
        return self.base - self._own

    def be_master(self) -> None:
        """This process's clock is the reference: no offset and no error."""
        self.error_s = 0.0

    def learn(self, sent: float, master_time: float, received: float) -> float:
        """Take one measurement; `sent` and `received` are monotonic times here. Returns the offset's change in s."""
        round_trip = received - sent
        self._samples.append((received, round_trip, master_time - (sent + received) / 2))
        while self._samples[0][0] < received - WINDOW_S:
            self._samples.popleft()
        _, best, base = min(self._samples, key=lambda sample: sample[1])
        change = base - self.base
        self.base = base
        self.error_s = best / 2
        return change
