"""Ports that a test chooses for somebody who listens there later, perhaps more than once."""

from __future__ import annotations

import socket
from random import SystemRandom

CHOSEN_PORTS = range(10_000, 20_000)
"""Neither those that a system gives out by itself nor those that loadlab chooses."""

_kept: list[socket.socket] = []


def reserve_ports(count: int) -> list[int]:
    """`count` ports of 127.0.0.1 that nobody listens on; until this process ends no other test process gets them.

    What keeps the others away is a UDP socket with the number of the port; TCP does not mind it.
    """
    found: list[int] = []
    for port in SystemRandom().sample(CHOSEN_PORTS, len(CHOSEN_PORTS)):
        kept = socket.socket(type=socket.SOCK_DGRAM)
        try:
            kept.bind(("127.0.0.1", port))
            with socket.socket() as tried:
                tried.bind(("127.0.0.1", port))
        except OSError:
            kept.close()
            continue
        _kept.append(kept)
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"fewer than {count} ports are free")
