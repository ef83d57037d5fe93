"""Is there anything at the test's host? Asked once, before any process is started."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from loadlab.errors import TargetUnreachable
from loadlab.spec import hide_host

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
TIMEOUT_S = 5.0
_ANYWAY = "--no-check-host (in Python check_host=False) starts anyway."


def check_target(host: str | None) -> None:
    """Open a TCP connection to `host` (a URL) and close it again; no request is sent.

    Raises TargetUnreachable, saying what happened. A URL without a known port is not checked.
    """
    if not host:
        return
    url = urlsplit(host)
    shown = hide_host(host)
    port = url.port or _PORTS.get(url.scheme)
    if not url.hostname or port is None:
        return
    try:
        socket.create_connection((url.hostname, port), timeout=TIMEOUT_S).close()
    except socket.gaierror as error:
        raise TargetUnreachable(
            f"host {shown}: the name '{url.hostname}' cannot be resolved ({error.strerror}). Is it spelt right, and is "
            f"this machine inside the network that knows it? {_ANYWAY}"
        ) from error
    except OSError as error:
        reason = "no answer within 5 s" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise TargetUnreachable(
            f"host {shown}: nothing accepts connections at {url.hostname}:{port} ({reason}). Is the target running? "
            f"{_ANYWAY}"
        ) from error
