"""Reading and writing notebook files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadlab.errors import ReportError


def read_notebook(path: Path) -> Any:
    """The notebook (an nbformat node, upgraded to the newest minor version of format 4) in the file `path`.

    Raises:
        ReportError: there is no such file, or it is not a notebook.
    """
    import nbformat

    try:
        node = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise ReportError(f"{path} cannot be read as a notebook: {' '.join(str(error).split())[:200]}") from error
    return nbformat.v4.upgrade(node)  # type: ignore[no-untyped-call]


def write_notebook(notebook: Any, path: Path) -> None:
    """Write an nbformat node. OSError passes through."""
    import nbformat

    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def new_markdown_cell(source: str, tags: list[str]) -> Any:
    """A Markdown cell with `tags`."""
    import nbformat

    return nbformat.v4.new_markdown_cell(source, metadata={"tags": tags})  # type: ignore[no-untyped-call]
