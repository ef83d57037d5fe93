"""Figures in a notebook: alive in JupyterLab without an extension, and still there after papermill and nbconvert.

Bokeh's library goes into the notebook once (without widgets and tables), after that a figure costs only its data. Each
figure is one HTML output whose script runs when the browser puts it on the page. Bokeh's own two outputs, an element
and a script beside it, stay empty when JupyterLab 4 opens a saved notebook: it runs the script before it shows the
element.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, NamedTuple
from uuid import uuid4

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.models import LayoutDOM, Plot
from bokeh.resources import Resources
from IPython.core.getipython import get_ipython
from IPython.display import display


class _Execution(NamedTuple):
    """One run of one cell. `cell` is "" where the frontend sends no cell ids."""

    cell: str
    number: int


_library_in: list[_Execution] = []

_HTML = """<div id="{place}">{description} (Drawn by a script, which runs in a trusted notebook.)</div>
<script>
(function () {{
  const item = {item};
  function draw(tries) {{
    const place = document.getElementById(item.target_id);
    if (window.Bokeh === undefined && tries > 0) {{
      setTimeout(draw, 100, tries - 1);
    }} else if (window.Bokeh === undefined) {{
      place.textContent = "Not drawn: run the cell that calls enable_notebook() or shows the first figure.";
    }} else {{
      place.textContent = "";
      window.Bokeh.embed.embed_item(item);
    }}
  }}
  draw(100);
}})();
</script>"""


def enable_notebook() -> None:
    """Puts Bokeh's library into the output of the current cell, once for a kernel; without a kernel, nothing.

    A cell that is run again loses its output and the saved notebook the library with it: then it is put there again.
    """
    if not _has_kernel():
        return
    current = _current_execution(get_ipython())
    is_repeated = any(done.cell == current.cell != "" and done.number != current.number for done in _library_in)
    if _library_in and not is_repeated:
        return
    _library_in[:] = [current]
    library = "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    script = f"(function () {{\n{library}\n}}).call(window);"
    _publish({"application/javascript": script, "text/plain": ""})


def show(figure: LayoutDOM) -> None:
    """Displays a figure or a layout in the output of the current cell, with Bokeh's library if that is missing.

    Outside a notebook, in a script or a terminal, it prints what the figure shows.
    """
    if not _has_kernel():
        print(f"{_description(figure)} (Figures are drawn in a notebook, and by report() in a file.)")  # noqa: T201
        return
    enable_notebook()
    place = f"loadlab-{uuid4()}"
    item = json.dumps(json_item(figure, target=ID(place)), allow_nan=False).replace("<", "\\u003c")
    description = _description(figure)
    html = _HTML.format(place=place, description=escape(description), item=item)
    _publish({"text/html": html, "text/plain": description})


def _description(figure: LayoutDOM) -> str:
    """The accessible names of the figures in a layout: what is read where nothing can be drawn."""
    plots = [part for part in figure.references() if isinstance(part, Plot)]
    return " ".join(
        plot.html_attributes.get("aria-label", "") for plot in sorted(plots, key=lambda plot: (len(plot.id), plot.id))
    )


def _publish(data: dict[str, str]) -> None:
    display(data, raw=True)  # type: ignore[no-untyped-call]


def _has_kernel() -> bool:
    """False in a script and in IPython in a terminal: nothing there runs a script or shows HTML."""
    return hasattr(get_ipython(), "kernel")


def _current_execution(shell: Any) -> _Execution:
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = (parent or {}).get("metadata", {}).get("cellId", "")
    return _Execution(str(cell), int(shell.execution_count))
