"""What `import loadlab` costs: a process that does only that against a bare interpreter, in turns.

python -m benchmarks.import_cost
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import ROOT, clean_environment
from benchmarks.ratio import ratio_of_medians

AIM = 1.3


def measure(quick: bool = False) -> list[Outcome]:
    """The ratio of the two."""
    bare: list[float] = []
    imported: list[float] = []
    arms = [("pass", bare), ("import loadlab", imported)]
    for number in range(6 if quick else 60):
        for code, seconds in arms if number % 2 == 0 else reversed(arms):
            seconds.append(_seconds(code))
    ratio = ratio_of_medians(imported, bare)
    note = f"{1000 * median(imported):.1f} ms against {1000 * median(bare):.1f} ms, medians of {len(bare)} starts"
    return [Outcome("import loadlab / bare python", str(ratio), f"<= {AIM}", ratio.value <= AIM, note)]


def _seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), check=True, timeout=60)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
