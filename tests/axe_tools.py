"""axe-core, which judges the accessibility of a page: the package of that name, fetched once with npm.

It is unpacked into a folder of the user's cache that is named after its version, and only if it is what is expected.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from helm_tools import cache_folder
from playwright.sync_api import Page

VERSION = "4.14.1"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
TIMEOUT_S = 120.0

_PLAIN = ".scroll, .loadlab-part .scroll { background: none !important; } main { max-width: none !important; }"
"""The shadows at the edges of wide tables are gradients, on which axe-core cannot tell a contrast, and of one that is
wider than its place it does not see all."""


def find_faults(page: Page) -> list[str]:
    """What axe-core finds wrong on `page` that is serious or critical, and text whose contrast it could not tell.

    It cannot tell that of a sign, such as a check mark, and of the legends, which Bokeh lays over its canvas.
    """
    page.add_style_tag(content=_PLAIN)
    page.evaluate(_script())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    assert len(found["passes"]) > 10, "axe-core has not looked at the page"
    faults = [_tell(rule, node) for rule in found["violations"] for node in rule["nodes"]]
    untold = [rule for rule in found["incomplete"] if rule["id"] == "color-contrast"]
    for node in (node for rule in untold for node in rule["nodes"]):
        if node["any"][0]["data"].get("messageKey") != "nonBmp" and 'class="bk-label"' not in node["html"]:
            faults.append(_tell(untold[0], node))
    return [fault for fault in faults if fault.startswith(("serious", "critical"))]


def _tell(rule: dict[str, Any], node: dict[str, Any]) -> str:
    reasons = [check["message"] for check in (*node["any"], *node["all"], *node["none"])]
    return f"{node.get('impact') or rule['impact']} {rule['id']}: {node['html'][:200]} {reasons}"


@functools.cache
def _script() -> str:
    path = cache_folder() / f"axe-core-{VERSION}.js"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as name:
            part = _fetch(Path(name))
            part.replace(path)
    return path.read_text(encoding="utf-8")


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    assert npm, "the accessibility of pages is judged by axe-core, which npm fetches: apt-get install npm"
    subprocess.run(
        [npm, "pack", "--silent", f"axe-core@{VERSION}"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=TIMEOUT_S,
    )
    archive = folder / f"axe-core-{VERSION}.tgz"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert digest == SHA256, f"axe-core {VERSION} is not what it was: its SHA-256 is {digest}"
    with tarfile.open(archive) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None, archive
        part = folder / "axe.min.js"
        part.write_bytes(script.read())
    return part
