"""The shop of the demo, the tutorial and the sample run: one that has something to find."""

from __future__ import annotations

from typing import Any

from loadlab.demo.storefront import Storefront

SHOP: dict[str, Any] = {
    "concurrency": 8,
    "service_time": 0.02,
    "distribution": "lognormal",
    "faults": {"errors": {"GET /search": {"rate": 0.03, "status": 503}}},
}
"""A shop that could take 400 requests a second, and whose search fails now and then."""


def demo_shop(**settings: Any) -> Storefront:
    """Start the demo shop in the background and return it: `url` is where it answers, `close()` ends it.

    It ends by itself with the process that called this, such as a notebook's kernel, also when that is killed.
    `settings` are those of `Storefront` and go over `SHOP`. Raises SpecError for a setting that cannot be, LaunchError
    when the shop does not come up.
    """
    shop = Storefront(**{**SHOP, **settings})
    shop.start()
    return shop
