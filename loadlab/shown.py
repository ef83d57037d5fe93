"""What a run hands to a notebook to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from loadlab.store import Location, S3Path, parse_location


@dataclass(frozen=True)
class ReportFile:
    """A report that was written: where it is. Usable wherever a path is; in a notebook a file shows as a link."""

    run_id: str
    path: Location

    @classmethod
    def write(cls, run_id: str, text: str, path: str | Path | S3Path) -> ReportFile:
        """Write a report, `text`, to a file or to ``s3://...``, whole or not at all.

        Raises ReportError when it cannot be written, StoreError when S3 refuses.
        """
        from loadlab.report import write_page

        place = parse_location(path)
        if isinstance(place, S3Path):
            place.write_bytes(text.encode("utf-8", "replace"))
        else:
            write_page(text, place)
        return cls(run_id, place)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _link(self) -> str:
        if isinstance(self.path, S3Path):
            return escape(str(self.path))
        return f'<a href="{escape(self._address(self.path))}">{escape(str(self.path))}</a>'

    @staticmethod
    def _address(path: Path) -> str:
        """In a notebook that a Jupyter server has opened, from its folder (a browser follows no link from there to a
        file), else as a file."""
        if "JPY_SESSION_NAME" in os.environ:
            return quote(Path(os.path.relpath(path)).as_posix())
        return path.absolute().as_uri()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from loadlab.report import RUN_MIMETYPE

        path = self.path if isinstance(self.path, S3Path) else self.path.absolute()
        return {
            "text/plain": str(self.path),
            "text/html": f"Report of {escape(self.run_id)}: {self._link()}",
            RUN_MIMETYPE: {"run_id": self.run_id, "report": str(path)},
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
