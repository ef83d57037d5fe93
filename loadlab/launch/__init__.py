"""Turns a LoadTest into a running swarm: Locust's master and its workers, driven over HTTP."""

from loadlab.launch.base import COUNTERS, SPOOL, Launcher, Swarm, living_parts, read_counters
from loadlab.launch.local import LocalLauncher, LocalSwarm
from loadlab.launch.processes import hide_secrets
from loadlab.launch.target import check_target
from loadlab.launch.uninterrupted import uninterrupted

__all__ = [
    "COUNTERS",
    "SPOOL",
    "Launcher",
    "LocalLauncher",
    "LocalSwarm",
    "Swarm",
    "check_target",
    "hide_secrets",
    "living_parts",
    "read_counters",
    "uninterrupted",
]
