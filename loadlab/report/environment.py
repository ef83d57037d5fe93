"""The templates of the report and of its fragments, and how they are rendered: escaped unless marked."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def template_environment() -> Environment:
    """Jinja's environment over the folder ``templates``; the filter ``svg`` marks what need not be escaped."""
    environment = Environment(
        loader=PackageLoader("loadlab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup
    return environment


def read_template(name: str) -> str:
    """The text of a file in the folder ``templates``, a style sheet for instance."""
    return resources.files("loadlab.report").joinpath("templates", name).read_text(encoding="utf-8")
