"""The demo storefront: a small shop over HTTP whose capacity is true and known, and that counts exactly what it serves.

``python -m loadlab.demo --help`` runs it by hand, `Storefront` for the length of a ``with`` block.
"""

from __future__ import annotations

from loadlab.demo.faults import ErrorFault, Faults
from loadlab.demo.routes import ENDPOINTS, ROUTES
from loadlab.demo.settings import Settings
from loadlab.demo.storefront import Storefront

__all__ = ["ENDPOINTS", "ROUTES", "ErrorFault", "Faults", "Settings", "Storefront"]
