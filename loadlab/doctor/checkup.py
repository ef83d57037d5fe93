"""What a checkup answers: findings, as text, as a table in a notebook, and as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SIGNS = {"ok": "✓", "optional": "–", "warning": "!", "missing": "✕"}
PACKAGES = "packages"
"""The area whose findings are shown as one as long as all is well with them."""

_STYLE = Path(__file__).parents[1] / "report" / "templates" / "fragments.css"
_OWN_STYLE = """
.loadlab-part table .state { font-weight: 600; text-align: left; }
.loadlab-part .state::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px;
  border-radius: 50%; background: #009E73; }
.loadlab-part .optional .state::before, .loadlab-part .warning .state::before { background: #E69F00; }
.loadlab-part .missing .state::before { background: #D55E00; }
.loadlab-part tr.missing { background: rgba(213, 94, 0, 0.16) !important; }
.loadlab-part tr.warning { background: rgba(230, 159, 0, 0.16) !important; }
.loadlab-part table .found { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.loadlab-part .found code { display: block; margin-top: 2px; background: none; color: inherit; padding: 0;
  font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; user-select: all; }
.loadlab-part summary { cursor: pointer; }
"""
_STATES = {"ok": "ready", "optional": "not there", "warning": "look at it", "missing": "missing"}


@dataclass(frozen=True)
class Finding:
    """One line of the checkup.

    `status` is "ok", "optional" (not there, and only some things need it), "warning" or "missing"; `mend` is the
    command or the step that helps, empty when there is nothing to mend; `area` is what it belongs to.
    """

    name: str
    status: str
    found: str
    mend: str = ""
    area: str = ""


@dataclass(frozen=True, repr=False)
class Checkup:
    """All findings; `ok` unless something is missing. In a notebook it shows as a table."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing that loadlab needs is missing."""
        return all(finding.status != "missing" for finding in self.findings)

    def to_frame(self) -> pd.DataFrame:
        """A row a finding: area, name, status, found, mend (text)."""
        import pandas as pd

        columns = ["area", "name", "status", "found", "mend"]
        rows = [[getattr(finding, column) for column in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns, dtype="str")

    def lines(self, *, folded: bool = False) -> Iterator[tuple[str, str]]:
        """(status, line of text) of each finding; what mends it is on a line of its own below.

        `folded` makes one line of the packages that are as they should be.
        """
        shown = self._folded() if folded else self.findings
        width = max((len(finding.name) for finding in shown), default=0)
        for finding in shown:
            yield finding.status, f"{SIGNS[finding.status]} {finding.name:<{width}}  {finding.found}"
            if finding.mend:
                yield finding.status, f"  {'':<{width}}  → {finding.mend}"

    def _folded(self) -> list[Finding]:
        """The findings, with one for all packages that are ready in the place of the first of them."""
        ready = self._ready_packages()
        fold = Finding(PACKAGES, "ok", f"{len(ready)} as they should be", area=PACKAGES)
        others = [finding for finding in self.findings if finding not in ready]
        if ready:  # what comes before the first of them stays before it, and no package is among that
            others.insert(self.findings.index(ready[0]), fold)
        return others

    def _ready_packages(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.area == PACKAGES and finding.status == "ok"]

    def __str__(self) -> str:
        return "\n".join(line for _, line in self.lines())

    def __repr__(self) -> str:
        return "\n".join([self._headline(), *(line for _, line in self.lines(folded=True))])

    def _headline(self) -> str:
        counts = {status: sum(finding.status == status for finding in self.findings) for status in SIGNS}
        parts = [
            "ready" if self.ok else f"{counts['missing']} missing: mend what is marked {SIGNS['missing']}",
            f"{counts['warning']} to look at" if counts["warning"] else "",
            f"{counts['optional']} not there that only some things need" if counts["optional"] else "",
        ]
        text = ", ".join(part for part in parts if part)
        return f"{SIGNS['ok' if self.ok else 'missing']} {text[:1].upper()}{text[1:]}."

    def _repr_html_(self) -> str:
        rows = "\n".join(self._row(finding) for finding in self._folded())
        status = "valid" if self.ok else "invalid"
        return (
            f"<style>{_read_style()}{_OWN_STYLE}</style>"
            f'<div class="loadlab-part verdict {status}"><p class="title">{escape(self._headline())}</p></div>'
            '<div class="loadlab-part"><div class="scroll" role="region" aria-label="Checkup" tabindex="0"><table>'
            "<caption>Checkup</caption>"
            '<thead><tr><th scope="col" class="text">What</th><th scope="col" class="text">State</th>'
            '<th scope="col" class="text">Found, and what mends it</th></tr></thead>'
            f"<tbody>\n{rows}\n</tbody></table></div></div>"
        )

    def _row(self, finding: Finding) -> str:
        found = escape(finding.found)
        if finding.name == finding.area == PACKAGES:
            names = ", ".join(f"{each.name} {each.found}" for each in self._ready_packages())
            found = f"<details><summary>{found}</summary>{escape(names)}</details>"
        mend = f"<code>{escape(finding.mend)}</code>" if finding.mend else ""
        return (
            f'<tr class="{finding.status}"><th scope="row" class="text">{escape(finding.name)}</th>'
            f'<td class="state">{_STATES[finding.status]}</td><td class="found">{found}{mend}</td></tr>'
        )


@cache
def _read_style() -> str:
    """Of the report's parts. Read here: importing the report would fail where a package is missing, and that is just
    what is to be told."""
    return _STYLE.read_text(encoding="utf-8")
