import io
import time

import pytest

import loadlab
from loadlab import progress


class Work:
    def __init__(self) -> None:
        self.asked = 0

    def status_line(self) -> str:
        self.asked += 1
        return f"{self.asked} of 60 s, 5 users"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_log_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream, work = io.StringIO(), Work()
    show = loadlab.progress_line(stream)
    for _ in range(21):
        show(work)
        now += 1.0
    assert stream.getvalue().splitlines() == ["1 of 60 s, 5 users", "2 of 60 s, 5 users", "3 of 60 s, 5 users"]


def test_in_a_terminal_one_line_that_is_removed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    stream, work = Terminal(), Work()
    with progress.Progress(stream=stream) as line:
        line.show(work)
        line.show(work)
        line.say("starting")
        line.show(work)
    clear = "\r\x1b[K"
    assert stream.getvalue() == f"{clear}1 of 60 s{clear}2 of 60 s{clear}starting\n{clear}3 of 60 s{clear}"


def test_quiet_says_nothing() -> None:
    stream = Terminal()
    with progress.Progress(quiet=True, stream=stream) as line:
        line.show(Work())
        line.say("starting")
    assert stream.getvalue() == ""


def test_standard_error_is_looked_up_when_it_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    loadlab.progress_line()(Work())
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "1 of 60 s, 5 users\n")
