"""The storefront's routes: which request belongs to which method and route template."""

from __future__ import annotations

from loadlab.errors import SpecError

OTHER = "/(other)"

ROUTES: dict[str, tuple[str, ...]] = {
    "/": ("GET",),
    "/products": ("GET",),
    "/search": ("GET",),
    "/products/{id}": ("GET",),
    "/cart": ("GET", "POST"),
    "/checkout": ("POST",),
    "/health": ("GET",),
    "/offers": ("GET",),
    "/missing": (),
    OTHER: (),
}
"""Route template -> methods that it answers (HEAD wherever GET is). `/missing` and every unknown path answer 404."""

ENDPOINTS = tuple(f"{method} {route}" for route, methods in ROUTES.items() for method in methods or ("GET",))
"""The names by which settings and faults address an endpoint, such as ``GET /products/{id}``."""


def route_of(path: str) -> str:
    """The route template that `path` (without its query) belongs to; `/(other)` when there is none."""
    if path in ROUTES:
        return path
    if path.startswith("/products/") and path[10:].isascii() and path[10:].isdigit():
        return "/products/{id}"
    return OTHER


def validate_endpoint(field: str, name: object, *, wildcard: bool = False) -> str:
    """`name` if it is one of `ENDPOINTS` (or ``*`` when `wildcard`); SpecError with the nearest one otherwise."""
    valid = (*ENDPOINTS, "*") if wildcard else ENDPOINTS
    if isinstance(name, str) and name in valid:
        return name
    raise SpecError.unknown(f"{field} endpoint", str(name), valid)
