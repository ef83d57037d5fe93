"""`loadlab demo`, as somebody tries it first: in an empty folder, without a word more than its options."""

import json
import subprocess
from pathlib import Path

import psutil
from command import COMMAND


def test_demo(tmp_path):
    words = ["demo", "--run-time", "3s", "--workers", "1"]
    answer = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert answer.returncode in (0, 3), answer.stderr  # three seconds may prove too little, and the run says so then
    assert "the demo shop answers at http://127.0.0.1:" in answer.stderr
    assert "Traceback" not in answer.stderr

    (run,) = (tmp_path / "runs").glob("r*-*")
    notebook = tmp_path / "runs" / "notebooks" / "load_test.ipynb"
    lines = answer.stdout.splitlines()
    assert (tmp_path / lines[0].removeprefix("Notebook: ")).resolve() == notebook.resolve()
    assert (tmp_path / lines[1].removeprefix("Report: ")).resolve() == (run / "report.html").resolve()
    assert json.loads(notebook.read_text())["nbformat"] == 4
    assert run.name in (run / "report.html").read_text(encoding="utf-8")

    info, summary = (json.loads((run / name).read_text()) for name in ("run.json", "summary.json"))
    assert (info["status"], info["end_reason"]) == ("finished", "run_time")
    assert (info["validity"]["status"] == "invalid") == (answer.returncode == 3)
    assert info["labels"] == {"service": "demo-shop"}
    assert summary["total"]["count"] > 50
    assert summary["conservation"]["lost"] == 0
    assert summary["conservation"]["sent"] == sum(n for key, n in summary["conservation"].items() if key != "sent")
    assert not left_behind(tmp_path)


def left_behind(folder: Path) -> list[str]:
    """Processes whose working directory or arguments lie in `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        there = str(folder) in words or (process.info["cwd"] or "").startswith(str(folder))
        if there and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words)
    return found
