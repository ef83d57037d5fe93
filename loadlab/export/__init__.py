"""Results to other places: a plan that can be looked at first, then sent, with a ledger of what was accepted.

A new place implements `Place` and `Connection` and makes a `Plan`; see `loadlab.export.plan`.
"""

from __future__ import annotations

from loadlab.export.aws.alarms import Alarm, AlarmReport
from loadlab.export.aws.api import cloudwatch, cloudwatch_alarms, cloudwatch_dashboard, plan_cloudwatch
from loadlab.export.aws.dashboard import Dashboard
from loadlab.export.aws.live import LiveExport
from loadlab.export.aws.session import Access
from loadlab.export.ledger import Ledger
from loadlab.export.plan import Connection, NotDelivered, Parcel, Place, Plan
from loadlab.export.prometheus.api import openmetrics, plan_openmetrics
from loadlab.export.receipt import Receipt
from loadlab.export.source import LiveSource, Source

__all__ = [
    "Access",
    "Alarm",
    "AlarmReport",
    "Connection",
    "Dashboard",
    "Ledger",
    "LiveExport",
    "LiveSource",
    "NotDelivered",
    "Parcel",
    "Place",
    "Plan",
    "Receipt",
    "Source",
    "cloudwatch",
    "cloudwatch_alarms",
    "cloudwatch_dashboard",
    "openmetrics",
    "plan_cloudwatch",
    "plan_openmetrics",
]
