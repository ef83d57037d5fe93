"""The notebook: which kernel this is, which one batch runs start, and whether figures will show."""

from __future__ import annotations

import importlib.util
import json
import shlex
import site
import sys
from pathlib import Path

from loadlab.doctor.asking import ask, last_line
from loadlab.doctor.checkup import Finding
from loadlab.doctor.packages import pip_command

LIBRARY = Path("server", "static", "js", "bokeh.min.js")
"""What `loadlab.plot` puts into a notebook, in Bokeh's package."""
WIDGETS = Path("share", "jupyter", "labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")
"""Where JupyterLab finds the widgets, below a prefix."""
_THIS_PYTHON = ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info))
"""What Jupyter replaces by its own Python when a kernel's command begins with it."""


def check_this_kernel() -> Finding:
    """What runs this code. Only a page names the cells that it runs; papermill and nbconvert do not."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it; to ask it first would import it
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return Finding("this session", "ok", "plain Python: runs, reports and text; figures are drawn in a notebook")
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    watched = bool((parent or {}).get("metadata", {}).get("cellId"))
    where = "a notebook that somebody watches" if watched else "a notebook in batch: figures stay, no live panel"
    return Finding("this session", "ok", where)


def check_figures() -> Finding:
    """Whether Bokeh's library, which a notebook with figures carries along, is on this machine.

    It is looked for, not loaded: importing Bokeh takes longer than all else here.
    """
    mend = pip_command("--force-reinstall", "bokeh")
    package = importlib.util.find_spec("bokeh")
    if package is None or package.origin is None:
        return Finding("figures", "missing", "Bokeh is not installed", mend)
    library = Path(package.origin).parent / LIBRARY
    try:
        size = library.stat().st_size
    except OSError as error:
        return Finding("figures", "missing", f"Bokeh's library for the browser: {library}: {error.strerror}", mend)
    return Finding(
        "figures", "ok", f"Bokeh's library for the browser is here, {size / 1e6:.1f} MB: no network is needed"
    )


def check_widgets() -> Finding:
    """Whether JupyterLab has what the live panel's buttons need: the browser's half of ipywidgets."""
    places = (Path(sys.prefix), Path("/usr/local"), Path("/usr"), Path(site.getuserbase()))
    if any((place / WIDGETS).is_file() for place in places):
        return Finding("live panel", "ok", "JupyterLab's half of ipywidgets is here")
    text = "JupyterLab's half of ipywidgets is not in this environment: without it the live panel has no buttons"
    return Finding("live panel", "warning", text, pip_command("--force-reinstall", "jupyterlab_widgets"))


def check_kernel(within_s: float) -> Finding:
    """Whether the kernel that notebooks name runs in this Python."""
    install = f"{shlex.quote(sys.executable)} -m ipykernel install --sys-prefix"
    answer = ask(sys.executable, "-m", "jupyter", "kernelspec", "list", "--json", within_s=within_s)
    try:
        specs = json.loads(answer)["kernelspecs"]
    except (ValueError, KeyError):
        return Finding("notebook kernel", "missing", last_line(answer), f"{pip_command('ipykernel')} && {install}")
    if "python3" not in specs:
        text = f"no kernel 'python3' among: {', '.join(specs) or 'none'}"
        return Finding("notebook kernel", "missing", text, install)
    program = specs["python3"]["spec"]["argv"][0]
    this_python = program in _THIS_PYTHON or Path(program).parent == Path(sys.executable).parent
    if not this_python:
        text = f"'python3' starts {program}, not this Python, so notebooks may not find loadlab"
        return Finding("notebook kernel", "warning", text, install)
    return Finding("notebook kernel", "ok", "'python3' starts this Python")
