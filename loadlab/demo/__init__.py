"""The demo storefront: a small shop over HTTP whose capacity is true and known, and that counts exactly what it serves.

``python -m loadlab.demo --help`` runs it by hand, `demo_shop` in the background of a notebook, `Storefront` for the
length of a ``with`` block.
"""

from __future__ import annotations

from loadlab.demo.faults import ErrorFault, Faults
from loadlab.demo.routes import ENDPOINTS, ROUTES
from loadlab.demo.settings import Settings
from loadlab.demo.shop import SHOP, demo_shop
from loadlab.demo.storefront import Storefront

__all__ = ["ENDPOINTS", "ROUTES", "SHOP", "ErrorFault", "Faults", "Settings", "Storefront", "demo_shop"]
