"""A run that goes on, in the output of a notebook cell: a panel where a person watches, a line of text in batch.

The panel is two outputs of the same picture. One is a widget (ipywidgets), whose state lives in the kernel: a page that
is closed and opened again asks for it and goes on live, and its buttons reach the kernel. The other is a snapshot in
plain HTML, which a display id replaces now and then: it is what the saved notebook holds, since a widget without its
kernel shows nothing. While the widget is on the page the snapshot steps aside (CSS). When the run ends both give way to
a static picture, which nbconvert and papermill keep. Why not otherwise, all of it measured in JupyterLab 4.6: a
display id alone is dead in a page that was opened again and has no buttons; a Bokeh figure in a widget echoes rows
back; an Output widget leaks with each redraw; and comms of one's own reach no kernel from a page without a plugin.

In a cell that blocks, ipykernel hands the widget's messages over only when the cell has ended: the buttons stand still,
and the panel says so. While a cell awaits, ``run = await live``, they work.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any, Protocol

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import display

from loadlab.errors import LoadlabError
from loadlab.panel.page import render
from loadlab.panel.status import Status, Watched, read_status
from loadlab.plot.text import plain_text

TICK_S = 1.0
SNAPSHOT_TICKS = 5
TOLD_CHARS = 200
BLOCKED = "A cell waits: interrupt it to end the test, or write `await live` for buttons that work."
FRESH_S = 5.0
"""A live picture without a next one for so long says that it is not live any more."""

_numbers = itertools.count(1)


class Steered(Watched, Protocol):
    """What a panel needs of a LiveRun: to watch it, and to steer it."""

    blocked: bool
    """Whether a cell waits for it without letting messages through."""

    @property
    def fixed_users(self) -> bool:
        """Whether stages or a load shape decide on the users."""

    def stop(self) -> None:
        """End the load in good order."""

    def set_users(self, users: int) -> None:
        """Go to another number of users."""

    def note(self, text: str) -> None:
        """Add an annotation."""

    def wait_for_end(self, timeout_s: float) -> bool:
        """True when it is over."""


def show(run: Steered) -> None:
    """Show `run` in the current cell's output, and keep it true until the run is over.

    Outside a notebook, in a script or a terminal, it prints one line.
    """
    if not _has_kernel():
        print(read_status(run).line)  # noqa: T201 - that is how it is shown there
        return
    (Panel if _is_watched() else Line)(run).open()


class View:
    """Keeps one place in a notebook true: `update` once a second, `finish` when the run is over."""

    def __init__(self, run: Steered) -> None:
        self.run = run
        self._last: Status

    def open(self) -> None:
        """Show the first picture and begin to update it."""
        self._last = read_status(self.run)
        self.begin(self._last)
        threading.Thread(target=self._keep_true, name="loadlab-panel", daemon=True).start()

    def _keep_true(self) -> None:
        tick = 0
        while not self.run.wait_for_end(TICK_S):
            tick += 1
            try:
                self._last = read_status(self.run)
                self.update(self._last, tick)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next picture is tried
                self.tell(f"The picture could not be drawn: {type(error).__name__}: {error}")
        try:
            self._last = read_status(self.run)
        except Exception as error:  # noqa: BLE001 - the last picture that there was is kept
            text = f"The picture of its end could not be drawn: {type(error).__name__}: {error}"
            self._last = replace(self._last, doubts=(text, *self._last.doubts))
        self.finish(self._last)

    def tell(self, text: str) -> None:
        """Say something beside the picture."""

    def begin(self, status: Status) -> None:
        """Show the first picture."""

    def update(self, status: Status, tick: int) -> None:
        """Show the next one."""

    def finish(self, status: Status) -> None:
        """Show the last one."""


class Line(View):
    """One line of text, rewritten in its place: in batch, where nobody watches."""

    def begin(self, status: Status) -> None:
        """See `View`."""
        self._handle = _display({"text/plain": status.line})

    def update(self, status: Status, tick: int) -> None:
        """See `View`."""
        self._handle.update({"text/plain": status.line}, raw=True)

    def tell(self, text: str) -> None:
        """See `View`."""
        self._handle.update({"text/plain": plain_text(text, TOLD_CHARS)}, raw=True)

    def finish(self, status: Status) -> None:
        """See `View`."""
        self.update(status, 0)


class Panel(View):
    """The widget and the snapshot; see the module."""

    def begin(self, status: Status) -> None:
        """See `View`."""
        self._scope = f"loadlab-controls-{next(_numbers)}"
        self._snapshot = _display(self._still(status))
        self._body, self._controls = (
            ipywidgets.HTML(layout={"width": "auto", "min_width": "0", "flex": "0 0 auto"}),
            Controls(self.run, self._scope),
        )
        self._show(status, 0)
        box = ipywidgets.VBox([self._controls.box, self._body])
        # where there is no widget to be shown, the snapshot tells it all: the box's own text would list its parts
        self._widget = _display({**box._repr_mimebundle_(), "text/plain": ""})

    def _still(self, status: Status) -> dict[str, str]:
        return {"text/html": render(status, kind="snapshot"), "text/plain": status.line}

    def _show(self, status: Status, tick: int) -> None:
        self._body.value = render(status, kind="live", tick=tick, fresh_s=FRESH_S, controls=self._scope)
        self._controls.follow(status)

    def update(self, status: Status, tick: int) -> None:
        """See `View`."""
        self._show(status, tick)
        if tick % SNAPSHOT_TICKS == 0:
            self._snapshot.update(self._still(status), raw=True)

    def tell(self, text: str) -> None:
        """See `View`."""
        self._controls.tell(text)

    def finish(self, status: Status) -> None:
        """A page that knows the places gets the static picture; one that was opened again has the widget alone."""
        picture = render(status, kind="final")
        self._snapshot.update({"text/html": picture, "text/plain": status.line}, raw=True)
        self._body.value = picture.replace('class="loadlab-panel ', 'class="loadlab-live loadlab-panel ', 1)
        self._controls.hide()
        self._widget.update({"text/plain": ""}, raw=True)


class Controls:
    """The buttons above a panel. What they do is done aside; what comes of it is told beside them."""

    def __init__(self, run: Steered, css_class: str) -> None:
        self._run = run
        self._changing = threading.Lock()
        step = max(1, round(run.test.users / 10))
        self._stop = self._button("Stop", "End the load in good order", self._on_stop)
        self._fewer = self._button(f"−{step:,} users", "Fewer users", lambda: self._change(-step))
        self._more = self._button(f"+{step:,} users", "More users", lambda: self._change(step))
        self._text = ipywidgets.Text(placeholder="what happens now", layout={"width": "220px"})
        self._note = self._button("Note", "Add this text to the events of the run", self._on_note)
        self._told = ipywidgets.HTML()
        parts = [self._stop, self._fewer, self._more, self._text, self._note, self._told]
        self.box = ipywidgets.HBox(parts, layout={"flex_flow": "row wrap"})
        self.box.add_class(css_class)

    def _button(self, label: str, tooltip: str, do: Callable[[], str]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label, tooltip=tooltip, layout={"width": "auto"})

        def work() -> None:
            try:
                text = do()
            except LoadlabError as error:
                text = str(error)
            self.tell(text)

        button.on_click(lambda _: threading.Thread(target=work, name="loadlab-button", daemon=True).start())
        return button

    def tell(self, text: str) -> None:
        """Say `text` beside the buttons."""
        self._told.value = escape(plain_text(text, TOLD_CHARS))

    def _on_stop(self) -> str:
        self._run.stop()
        return "The load is being ended."

    def _change(self, by: int) -> str:
        with self._changing:  # a second click counts from what the first one asked for
            users = max(1, self._run.target_users + by)
            self._run.set_users(users)
        return f"{users:,} users were asked for."

    def _on_note(self) -> str:
        text = self._text.value
        self._run.note(text)
        self._text.value = ""
        return "Noted."

    def follow(self, status: Status) -> None:
        """Take the buttons away that would do nothing now."""
        blocked = self._run.blocked
        steerable = status.state in ("ramping", "steady") and not blocked
        self._stop.disabled = blocked or status.state in ("stopping", "closing")
        self._note.disabled = self._text.disabled = not steerable
        self._fewer.disabled = self._more.disabled = not steerable or self._run.fixed_users
        if blocked:
            self.tell(BLOCKED)
        elif self._told.value == escape(BLOCKED):
            self.tell("")

    def hide(self) -> None:
        """The run is over: there is nothing to steer."""
        self.box.layout.display = "none"


def _display(content: dict[str, Any]) -> Any:
    """Show a MIME bundle at a place that can be updated."""
    return display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]


def _has_kernel() -> bool:
    """False in a script and in IPython in a terminal."""
    return hasattr(get_ipython(), "kernel")


def _is_watched() -> bool:
    """Whether a page asked for this cell: only a page names its cells, papermill and nbconvert do not."""
    shell = get_ipython()
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    return bool((parent or {}).get("metadata", {}).get("cellId"))
