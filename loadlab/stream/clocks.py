"""How far a master's clock is from the reader's, measured over HTTP."""

from __future__ import annotations

import time
from typing import NamedTuple

import requests

SAMPLES = 8
"""Questions asked of each master; the one with the shortest round trip counts."""

TIMEOUT_S = 5.0


class Offset(NamedTuple):
    """`seconds` to add to a time on the measured clock, right to within `error_s`."""

    seconds: float
    error_s: float


def measure_offset(url: str, token: str, *, samples: int = SAMPLES) -> Offset | None:
    """The reader's clock minus that of the master at `url`; None when it does not tell its time.

    As NTP does it (RFC 5905, section 8): offset = (t_sent + t_received)/2 - t_master, with an error of at most half the
    round trip. The first answer also opens the connection, so it is seldom the one that counts.
    """
    best: Offset | None = None
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        for _ in range(samples):
            wall, sent = time.time(), time.monotonic()
            try:
                answer = session.get(f"{url}/loadlab/status", timeout=TIMEOUT_S)
                theirs = float(answer.json()["time"])
            except (requests.RequestException, ValueError, LookupError, TypeError):
                continue
            half = (time.monotonic() - sent) / 2
            if best is None or half < best.error_s:
                best = Offset(wall + half - theirs, half)
    return best


def relative_offsets(measured: dict[str, Offset | None]) -> dict[str, Offset | None]:
    """What brings each region's times onto the clock of the first region whose offset to the reader is known."""
    reference = next((name for name, offset in measured.items() if offset is not None), None)
    first = (measured[reference] if reference is not None else None) or Offset(0.0, 0.0)
    relative: dict[str, Offset | None] = {}
    for name, offset in measured.items():
        if offset is None:
            relative[name] = None
        elif name == reference:
            relative[name] = Offset(0.0, 0.0)
        else:
            relative[name] = Offset(offset.seconds - first.seconds, offset.error_s + first.error_s)
    return relative
