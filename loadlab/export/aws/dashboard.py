"""A dashboard for what is sent of load tests: put only where it is missing or differs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from loadlab.errors import ExportError, SpecError
from loadlab.export.aws.dashboard_body import Mark, dashboard_body
from loadlab.export.aws.limits import DASHBOARD_MONTH_USD
from loadlab.export.aws.session import Access, call_patiently
from loadlab.export.aws.tables import build_datums
from loadlab.export.aws.target import Target
from loadlab.export.plan import NotDelivered, write_bodies

if TYPE_CHECKING:
    from loadlab.export.source import Source

MAX_MARKS = 20
"""Runs that are marked: the latest."""

State = Literal["planned", "created", "changed", "unchanged"]


@dataclass(frozen=True, repr=False)
class Dashboard:
    """A dashboard: its name, what became of it, where it is seen, its body, and what CloudWatch remarked on that.

    `file`: of a dry run, where the body was written to.
    """

    name: str
    state: State
    url: str
    body: str
    remarks: tuple[str, ...] = ()
    file: Path | None = None

    def describe(self) -> str:
        """One sentence."""
        if self.file is not None:
            return f"dashboard {self.name}: a dry run, written to {self.file}. Nothing was sent."
        if self.state == "planned":
            price = f"${DASHBOARD_MONTH_USD:.2f} a month where there are three others, else free"
            return f"planned: dashboard {self.name}\n  - {price}"
        remarks = f" CloudWatch remarks: {'; '.join(self.remarks)}." if self.remarks else ""
        return f"dashboard {self.name}: {self.state}, at {self.url}{remarks}"

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        if self.state == "planned":
            return f"<p>{escape(self.describe())}</p>"
        link = f'<a href="{escape(self.url)}">{escape(self.name)}</a>'
        return f"<p>Dashboard {link}: {escape(self.state)}. {escape('; '.join(self.remarks))}</p>"


def check_dashboard_name(name: str) -> str:
    """The name, or SpecError with what CloudWatch takes."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
        raise SpecError("name", name, "1 to 255 letters, digits, '-' and '_'")
    return name


def default_dashboard_name(target: Target) -> str:
    """A name from service and environment."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", f"LoadLab-{target.service}-{target.environment}")[:255]


def render_dashboard(runs: Sequence[Source], target: Target, region: str) -> str:
    """The body, with the latest runs marked, and charts for the business metrics and signals of the latest."""
    ordered = sorted(runs, key=lambda run: str(run.info.get("started") or ""))
    own: set[str] = set()
    signals: set[str] = set()
    if ordered:
        latest = ordered[-1]
        wanted = {"metrics": latest.table("metrics"), "signals": latest.table("signals")}
        names = {
            datum.metric.name
            for datum in build_datums(lambda name: wanted.get(name, latest.table(name).iloc[:0]), target).datums
        }
        signals = {name for name in names if name.startswith("signal.")}
        own = {name for name in names if name.startswith(("metric.", "gauge."))}
    return dashboard_body(target, region, _marks(ordered), own, signals)


def _marks(runs: Sequence[Source]) -> list[Mark]:
    marks = []
    for run in runs[-MAX_MARKS:]:
        start, end = (_time(run.info.get(key)) for key in ("started", "ended"))
        if start is not None:
            marks.append(Mark(run.id, start, end))
    return marks


def _time(text: object) -> str | None:
    """A time of run.json as an annotation has it."""
    if not isinstance(text, str):
        return None
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def put_dashboard(name: str, body: str, access: Access, *, timeout_s: float) -> Dashboard:
    """Make the dashboard, or change it where it differs. Raises ExportError."""
    client = access.client()
    end = time.monotonic() + timeout_s
    region = client.meta.region_name
    url = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards:name={quote(name)}"
    try:
        before = _existing(client, name, end)
        if before is not None and _is_same(before, body):
            return Dashboard(name, "unchanged", url, body)
        answer = call_patiently(client, "put_dashboard", end, DashboardName=name, DashboardBody=body)
    except NotDelivered as reason:
        raise ExportError(f"The dashboard {name} could not be made: {reason}.") from reason
    remarks = tuple(f"{each.get('DataPath', '')} {each.get('Message', '')}".strip() for each in _messages(answer))
    return Dashboard(name, "created" if before is None else "changed", url, body, remarks)


def _messages(answer: dict[str, Any]) -> list[dict[str, str]]:
    return list(answer.get("DashboardValidationMessages") or ())


def _existing(client: Any, name: str, end: float) -> str | None:
    try:
        return str(call_patiently(client, "get_dashboard", end, DashboardName=name)["DashboardBody"])
    except NotDelivered as reason:
        if reason.code in ("DashboardNotFoundError", "ResourceNotFound"):
            return None
        raise


def _is_same(before: str, body: str) -> bool:
    try:
        return bool(json.loads(before) == json.loads(body))
    except ValueError:
        return False


def write_dashboard(name: str, body: str, path: Path) -> Dashboard:
    """Write the body to a file instead. Raises ExportError."""
    return Dashboard(name, "planned", "", body, file=write_bodies(path, [f"{body}\n".encode("ascii")]))
