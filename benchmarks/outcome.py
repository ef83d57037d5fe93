"""What a benchmark found, the table of all findings, and the options that every benchmark has."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `met` is None for a number that is told beside the one that has an aim."""

    name: str
    measured: str
    aim: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "ok", "MISSED", or nothing where there is no aim."""
        return {True: "ok", False: "MISSED", None: ""}[self.met]


Measure = Callable[[bool], list[Outcome]]
"""A benchmark: takes `quick`, whether to make only as many measurements as show that it runs."""


def format_table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as a plain table, with the notes below it."""
    head = ("name", "measured", "aim", "verdict")
    rows = [(each.name, each.measured, each.aim, each.verdict) for each in outcomes]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    title = "  ".join(text.ljust(width) for text, width in zip(head, widths, strict=True)).rstrip()
    notes = [f"{each.name}: {each.note}" for each in outcomes if each.note]
    return "\n".join([title, "  ".join("-" * width for width in widths), *lines, "", *notes])


def run_and_print(measures: Sequence[Measure], doc: str | None, arguments: Sequence[str] | None = None) -> int:
    """Take the options, measure, print the table; the exit code is 1 when an aim was missed.

    With ``--quick`` the numbers are not good enough to be judged, and the exit code is 0.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and short measurements: only shows that it runs")
    quick = parser.parse_args(arguments).quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what a benchmark has started ends with it
    outcomes: list[Outcome] = []
    for measure in measures:
        module = measure.__module__ if measure.__module__ != "__main__" else Path(sys.argv[0]).stem
        print(f"measuring {module.removeprefix('benchmarks.')} ...", file=sys.stderr, flush=True)
        outcomes += measure(quick)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(format_table(outcomes))
    if quick:
        print("--quick: too few measurements for a verdict to mean anything")
        return 0
    return 1 if any(each.met is False for each in outcomes) else 0
