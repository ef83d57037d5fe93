"""What exporters tell people while they send: why they wait, and what a server said, without its markup."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

MAX_SAID = 300
_MARKUP = re.compile(
    r"""(b?['"])?\s*<(!doctype|\?xml|html|head|body|title|h\d|p|pre|center)\b.*""", re.IGNORECASE | re.DOTALL
)

Tell = Callable[[str], None]
"""Takes a line for people."""


def tell_on_stderr(line: str) -> None:
    """Write `line` to standard error, which a notebook shows below the cell."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def waiting(reason: object, left_s: float) -> str:
    """That something is tried again for `left_s` seconds at most, and why."""
    until = datetime.now(UTC) + timedelta(seconds=max(left_s, 0.0))
    return f"waiting: {str(reason).rstrip('.')}, trying again until {until:%H:%M:%S} UTC"


def without_markup(said: str) -> str:
    """What a server said, on one line, without the page that a proxy or load balancer answers with."""
    return " ".join(_MARKUP.sub("", said).split())[:MAX_SAID].rstrip(": ")
