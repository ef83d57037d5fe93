"""The live picture of a run: what is known of it now, as a value, as HTML, and as a panel in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadlab.panel.page import render
from loadlab.panel.status import EndpointStatus, Status, Watched, read_status

if TYPE_CHECKING:
    from loadlab.panel.views import Steered

__all__ = ["EndpointStatus", "Status", "Watched", "read_status", "render", "show"]


def show(run: Steered) -> None:
    """See `loadlab.panel.views.show`, which is imported when something is shown."""
    from loadlab.panel import views

    views.show(run)
