"""The panel's moving parts without a notebook: what a click counts from, and that no error ends it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from test_panel_page import Watched

from loadlab.panel import Status, views


class Steered(Watched):
    """A run whose master takes its time to answer, and which ends after some ticks."""

    blocked = False
    fixed_users = False
    ticks = 3

    def stop(self) -> None:
        self.ticks = 0

    def set_users(self, users: int) -> None:
        time.sleep(0.05)
        self.target_users = users

    def note(self, text: str) -> None:
        self.tell("note", text)

    def wait_for_end(self, timeout_s: float) -> bool:
        self.ticks -= 1
        return self.ticks < 0


@pytest.fixture
def run(tmp_path: Path) -> Steered:
    path = tmp_path / "visitor.py"
    path.write_text("")
    return Steered(path)


def _join(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(60)


def test_two_quick_clicks_count_twice(run: Steered) -> None:
    controls = views.Controls(run, "loadlab-controls-1")
    for _ in range(3):
        controls._more.click()
    _join("loadlab-button")
    assert run.target_users == 11


def test_the_saved_output_has_no_text_of_widgets(run: Steered, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []

    class Place:
        def update(self, content: dict[str, Any], raw: bool) -> None:
            shown.append(content)

    monkeypatch.setattr(views, "_display", lambda content: shown.append(content) or Place())
    views.Panel(run).open()
    _join("loadlab-panel")
    assert [key for each in shown for key in each if "widget-view" in key] != []
    assert not [each for each in shown if "VBox" in each["text/plain"]]
    assert "loadlab-final" in shown[-2]["text/html"]


def test_an_error_is_told_and_the_next_picture_is_tried(run: Steered, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Broken(views.View):
        def update(self, status: Status, tick: int) -> None:
            seen.append(f"update {tick}")
            if tick == 1:
                raise KeyError("odd")
            if tick == 3:
                monkeypatch.setattr(run, "results", lambda: 1 / 0)

        def tell(self, text: str) -> None:
            seen.append(text)

        def finish(self, status: Status) -> None:
            seen.append(status.doubts[0])

    Broken(run).open()
    _join("loadlab-panel")
    assert seen[:2] == ["update 1", "The picture could not be drawn: KeyError: 'odd'"]
    assert seen[2:4] == ["update 2", "update 3"]
    assert seen[4] == "The picture of its end could not be drawn: ZeroDivisionError: division by zero"
