"""The progress of long work: in a terminal or a notebook one line that is rewritten, in a log file one now and then."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from html import escape
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

PLAIN_EVERY_S = 10.0


class HasStatus(Protocol):
    """Something that can say in one line where it is, such as a LiveRun."""

    def status_line(self) -> str:
        """Where it is."""


class Progress:
    """Shows status lines while its ``with`` block lasts.

    In a terminal each line replaces the one before and the last is removed at the end. Elsewhere, in a log file say, a
    line is written at once and then every `PLAIN_EVERY_S` seconds. `quiet` shows nothing.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._live = self._stream.isatty()
        self._shown: float | None = None

    def _write(self, text: str) -> None:
        """Nobody reading any more, as behind a pipe to `head`, is no reason to end the work."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self._quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def show(self, work: HasStatus) -> None:
        """Show where `work` is."""
        if self._quiet:
            return
        now = time.monotonic()
        if self._live:
            width = shutil.get_terminal_size().columns
            self._write(f"\r\x1b[K{work.status_line()[: width - 1]}")
        elif self._shown is None or now - self._shown >= PLAIN_EVERY_S:
            self._write(f"{work.status_line()}\n")
        else:
            return
        self._shown = now

    def say(self, line: str) -> None:
        """Write a line that stays."""
        if not self._quiet:
            self._clear()
            self._write(f"{line}\n")

    def _clear(self) -> None:
        if self._live and self._shown is not None:
            self._write("\r\x1b[K")
            self._shown = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()


class NotebookProgress:
    """Shows status lines in the output of the running notebook cell: one line, whose place its next output takes.

    So a result or an error leaves nothing of it in the notebook; when the kernel is killed, the last line stays.
    """

    def __init__(self) -> None:
        self._line: Any = None

    def show(self, work: HasStatus) -> None:
        """Show where `work` is."""
        from IPython.display import clear_output, display

        text = work.status_line()
        html = f'<div role="status" style="font-variant-numeric: tabular-nums">{escape(text)}</div>'
        content = {"text/html": html, "text/plain": text}
        if self._line is None:
            self._line = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            clear_output(wait=True)  # type: ignore[no-untyped-call] # once the next output comes; updates are none
        else:
            self._line.update(content, raw=True)


def progress_line(stream: TextIO | None = None) -> Callable[[HasStatus], None]:
    """What `loadlab.run` takes as its `progress`: shows where the run is on `stream`, by default standard error.

    In a terminal it is one line that is rewritten, in a log file a line every `PLAIN_EVERY_S` seconds. In a notebook,
    unless a stream is given, it is a line that is rewritten and gone at the end.
    """
    return NotebookProgress().show if stream is None and _is_in_notebook() else Progress(stream=stream).show


def _is_in_notebook() -> bool:
    """True in a Jupyter kernel, which is known by what it has imported: asking IPython first would import it."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
