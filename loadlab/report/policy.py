"""What every HTML page that loadlab writes keeps to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from loadlab.errors import ReportError

CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing is fetched from anywhere and nothing is sent; scripts and styles only as they stand in the page."""


def write_page(page: str, path: Path) -> Path:
    """Write `page` as UTF-8 to `path`, whole or not at all, and return the path.

    Raises:
        ReportError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(page.encode("utf-8", "replace"))
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # the first error is the one to tell
            part.unlink(missing_ok=True)
        raise ReportError(f"the report could not be written to {path}: {error}") from error
    return path
