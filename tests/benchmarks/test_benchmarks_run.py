"""The benchmarks that take little time run, and the table says what is to be said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import kubernetes
from benchmarks.outcome import Outcome, format_table, run_and_print
from benchmarks.ratio import ratio_of_medians

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", ["import_cost", "day"])
def test_one_alone(module: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{module}", "--quick"]
    finished = subprocess.run(command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=180)
    assert finished.returncode == 0, finished.stderr
    _, head, _, first, *_ = finished.stdout.splitlines()
    assert head.split() == ["name", "measured", "aim", "verdict"]
    assert first.split()[-1] in ("ok", "MISSED")


def test_what_cannot_be_measured_here_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "_cannot_run_pods", lambda: "no namespaces")
    [outcome] = kubernetes.measure(True)
    assert (outcome.measured, outcome.verdict, outcome.note) == ("not measured", "", "no namespaces")


def test_a_missed_aim_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    fine, missed, told = Outcome("a", "1", ">= 1", True), Outcome("b", "2", "<= 1", False, "why"), Outcome("c", "3")
    assert run_and_print([lambda quick: [fine, told]], None, []) == 0
    assert run_and_print([lambda quick: [fine, missed]], None, []) == 1
    assert run_and_print([lambda quick: [missed]], None, ["--quick"]) == 0
    assert "MISSED" in capsys.readouterr().out
    assert format_table([fine, missed, told]).splitlines()[-1] == "b: why"


def test_the_ratio_is_that_of_the_medians_and_its_interval_holds_it() -> None:
    base = [10.0, 11.0, 9.0, 10.5, 9.5, 30.0]
    ratio = ratio_of_medians([2 * value for value in base], base)
    assert ratio.value == pytest.approx(2.0)
    assert (ratio.low, ratio.high) == (pytest.approx(2.0), pytest.approx(2.0))
    other = ratio_of_medians(base, [10.0, 10.0, 10.0, 10.0, 10.0, 10.0])
    assert other.low < other.value < other.high
    with pytest.raises(ValueError, match="pairs"):
        ratio_of_medians(base, base[1:])
