"""A synthetic day, 86,400 seconds x 20 names: the time and the memory to open, to summarise and to report it.

The run is written by `benchmarks.synthetic_run` and read in fresh processes, so that neither the generator nor an
earlier measurement counts. Opening and summarising is `Run(folder).summary()` with the interpreter and its imports left
out (they are told beside it); the report is timed as a whole process, start and imports included.

    python -m benchmarks.day
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.outcome import Outcome, run_and_print
from benchmarks.processes import fresh_python
from benchmarks.synthetic_day import DAY_S
from benchmarks.synthetic_run import write_run

AIM_S = 3.0
AIM_BYTES = 1 << 30
AIM_REPORT_S = 10.0
AIM_REPORT_BYTES = 3_000_000
MIB = 1 << 20

Figures = dict[str, float]

_SUMMARISE = "import sys; from benchmarks import day; day.print_summary_figures(sys.argv[1])"
_REPORT = "import sys; from benchmarks import day; day.print_report_figures(*sys.argv[1:])"


def measure(quick: bool = False) -> list[Outcome]:
    """Time, memory and size; the median of three processes each."""
    seconds, repeat = (3600, 1) if quick else (DAY_S, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = write_run(Path(name), seconds=seconds)
        size = (folder / "requests.parquet").stat().st_size
        summaries = [measure_summary(folder) for _ in range(repeat)]
        reports = [measure_report(folder, Path(name) / "report.html") for _ in range(repeat)]
    summary, report = _medians(summaries), _medians(reports)
    within = summary["total_s"] <= AIM_S and summary["peak_bytes"] <= AIM_BYTES
    small = report["total_s"] <= AIM_REPORT_S and report["report_bytes"] <= AIM_REPORT_BYTES
    return [
        Outcome(
            "day: opened and summarised",
            f"{summary['total_s']:.2f} s, {summary['peak_bytes'] / MIB:,.0f} MiB",
            f"<= {AIM_S:g} s, {AIM_BYTES // MIB:,} MiB",
            within,
            f"{summary['requests']:,.0f} requests in {seconds:,} seconds, {size / 1e6:.0f} MB of Parquet; opened in "
            f"{summary['open_s']:.2f} s, summarised in {summary['summarise_s']:.2f} s; imports before: "
            f"{summary['import_s']:.2f} s; median of {repeat} processes",
        ),
        Outcome(
            "day: HTML report",
            f"{report['total_s']:.2f} s, {report['report_bytes'] / 1e6:.2f} MB",
            f"<= {AIM_REPORT_S:g} s, {AIM_REPORT_BYTES / 1e6:g} MB",
            small,
            f"the whole process, start and imports included; peak {report['peak_bytes'] / MIB:,.0f} MiB; "
            f"median of {repeat} processes",
        ),
    ]


def measure_summary(folder: Path) -> Figures:
    """Open and summarise `folder` in a fresh process: import_s, open_s, summarise_s, total_s, peak_bytes, requests."""
    figures: Figures = json.loads(fresh_python(_SUMMARISE, str(folder)))
    return figures


def measure_report(folder: Path, report: Path) -> Figures:
    """Write the report of `folder` in a fresh process: total_s (the process), peak_bytes, report_bytes."""
    began = time.perf_counter()
    figures: Figures = json.loads(fresh_python(_REPORT, str(folder), str(report)))
    return {**figures, "total_s": time.perf_counter() - began, "report_bytes": report.stat().st_size}


def print_summary_figures(folder: str) -> None:
    """What the process of `measure_summary` does."""
    began = time.perf_counter()
    from loadlab.analyse import summarise  # noqa: F401 - what Run.summary imports
    from loadlab.results import Run

    imported = time.perf_counter()
    run = Run(folder)
    rows = len(run.requests)
    opened = time.perf_counter()
    summary = run.summary()
    done = time.perf_counter()
    assert rows
    figures = {
        "import_s": imported - began,
        "open_s": opened - imported,
        "summarise_s": done - opened,
        "total_s": done - imported,
        "peak_bytes": _peak_bytes(),
        "requests": int(summary["count"].iloc[-1]),
    }
    print(json.dumps(figures))


def print_report_figures(folder: str, report: str) -> None:
    """What the process of `measure_report` does."""
    from loadlab.results import Run

    Run(folder).report(report)
    print(json.dumps({"peak_bytes": _peak_bytes()}))


def _medians(figures: list[Figures]) -> Figures:
    return {name: median(each[name] for each in figures) for name in figures[0]}


def _peak_bytes() -> int:
    """The peak resident memory of this program alone; ru_maxrss would hold the parent's from before the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(run_and_print([measure], __doc__))
