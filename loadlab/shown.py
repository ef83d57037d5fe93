"""What a run hands to a notebook to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class ReportFile:
    """A report that was written: where it is. Usable wherever a path is; in a notebook it shows as a link."""

    run_id: str
    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _address(self) -> str:
        """In a notebook that a Jupyter server has opened, from its folder (a browser follows no link from there to a
        file), else as a file."""
        if "JPY_SESSION_NAME" in os.environ:
            return quote(Path(os.path.relpath(self.path)).as_posix())
        return self.path.absolute().as_uri()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from loadlab.report import RUN_MIMETYPE

        link = f'<a href="{escape(self._address())}">{escape(str(self.path))}</a>'
        return {
            "text/plain": str(self.path),
            "text/html": f"Report of {escape(self.run_id)}: {link}",
            RUN_MIMETYPE: {"run_id": self.run_id, "report": str(self.path.absolute())},
        }


class Markup:
    """An HTML fragment that a notebook shows as such, and the same as text for where nothing shows HTML."""

    def __init__(self, html: str, text: str) -> None:
        self.html = html
        self.text = text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text
