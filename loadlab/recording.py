"""What records a run that goes on, and how it answers a person."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from loadlab import stream
from loadlab.launch import Swarm


@dataclass
class Recording:
    """What records a run. A guest has no `journal`: the run's owner keeps it and writes the archive."""

    swarm: Swarm
    recorder: stream.Recorder
    journal: stream.Journal | None


def say(text: str) -> None:
    """Tell a person, wherever the interrupt that this answers was made."""
    print(text, file=sys.stderr)  # noqa: T201
