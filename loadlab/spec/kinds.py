"""The kinds of values that the fields of a specification take: how a value is checked and brought into its type."""

from __future__ import annotations

import math
import numbers
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from loadlab.errors import SpecError, nearest_name
from loadlab.spec.durations import ALLOWED, nearest_duration, parse_duration
from loadlab.spec.secrets import hide_host, hide_text

Convert = Callable[[str, object], Any]
"""From a field's name, for messages, and the given value to the value that is kept; raises SpecError."""


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    `name` is one of text, choice, path, integer, number, duration, switch, list, mapping, stages; `allowed` says in
    words what may be given; `nullable` says that None is one of them.
    """

    name: str
    allowed: str
    convert: Convert
    nullable: bool = False


def optional(kind: Kind) -> Kind:
    """`kind`, or None."""

    def convert(field: str, value: object) -> Any:
        return None if value is None else kind.convert(field, value)

    return Kind(kind.name, f"{kind.allowed}, or none", convert, nullable=True)


def integer(minimum: int | None = None) -> Kind:
    """A whole number of at least `minimum`; True and False are none."""
    allowed = "a whole number" if minimum is None else f"a whole number of {minimum} or more"

    def convert(field: str, value: object) -> int:
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            result = int(value)
        else:
            real = _real(field, value, allowed, whole=True)
            result = int(real)
            if result != real:
                raise SpecError(field, value, allowed)
        if minimum is not None and result < minimum:
            raise SpecError(field, value, allowed)
        return result

    return Kind("integer", allowed, convert)


def number(*, zero: bool = False) -> Kind:
    """A finite number above 0, or with `zero` also 0."""
    allowed = "a number of 0 or more" if zero else "a number above 0"

    def convert(field: str, value: object) -> float:
        result = _real(field, value, allowed)
        if result < 0 or (result == 0 and not zero):
            raise SpecError(field, value, allowed)
        return result

    return Kind("number", allowed, convert)


def duration(*, zero: bool = False) -> Kind:
    """Seconds above 0 (with `zero` also 0) as a float, from a duration in text (see `parse_duration`) or a number."""
    allowed = f"{ALLOWED}{', or 0' if zero else '; above 0'}"
    seconds = number(zero=zero)

    def convert(field: str, value: object) -> float:
        if isinstance(value, str):
            parsed = parse_duration(value)
            if parsed is None:
                raise SpecError(field, value, allowed, nearest=nearest_duration(value))
            if math.isinf(parsed) or (parsed == 0 and not zero):
                raise SpecError(field, value, allowed)
            return parsed
        try:
            result: float = seconds.convert(field, value)
        except SpecError as error:
            raise SpecError(field, value, allowed) from error
        return result

    return Kind("duration", allowed, convert)


def _convert_switch(field: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    text = str(value).lower()
    raise SpecError(
        field, value, "true or false", nearest=words.get(text) or (text if text in words.values() else None)
    )


switch = Kind("switch", "true or false", _convert_switch)


def text(allowed: str, pattern: str = r"[^\0]*") -> Kind:
    """Text that matches `pattern` as a whole; `allowed` says it in words."""
    compiled = re.compile(pattern, re.DOTALL)

    def convert(field: str, value: object) -> str:
        if not isinstance(value, str):
            raise SpecError(field, value, allowed, nearest=_as_text(value))
        if not compiled.fullmatch(value):
            raise SpecError(field, value, allowed)
        return value

    return Kind("text", allowed, convert)


def choice(*words: str) -> Kind:
    """One of `words`."""
    allowed = " or ".join(f"'{word}'" for word in words)

    def convert(field: str, value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise SpecError(field, value, allowed, nearest=nearest_name(str(value), words))

    return Kind("choice", allowed, convert)


def _convert_path(field: str, value: object) -> Path:
    allowed = "the path of a Python file"
    if not isinstance(value, str | PurePath) or str(value) in ("", "."):
        raise SpecError(field, value, allowed)
    if re.search(r"[,\0\n]", str(value)):
        raise SpecError(field, str(value), f"{allowed} without a comma, which Locust reads as the end of the path")
    return Path(value)


path = Kind("path", "the path of a Python file", _convert_path)


def _convert_url(field: str, value: object) -> str:
    allowed = "a URL with its scheme, such as http://127.0.0.1:8080"
    if not isinstance(value, str):
        raise SpecError(field, value, allowed)
    parts = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*)://(\S+)", value)
    if parts is None:
        shown = hide_host(value)
        bare = re.fullmatch(r"(?:https?:?)?/*([^\s/:]\S*)", shown)
        raise SpecError(field, shown, allowed, nearest=f"http://{bare[1].rstrip('/')}" if bare else None)
    scheme = parts[1].lower()
    if scheme not in _SCHEMES:
        meant = next((known for known in _SCHEMES if _is_one_slip(scheme, known)), None)
        if meant is not None:
            shown = hide_host(value)
            raise SpecError(field, shown, allowed, nearest=meant + shown[len(scheme) :])
    try:
        split = urlsplit(value)
        complete = split.port != 0 and (bool(split.hostname) or not split.scheme.startswith("http"))
    except ValueError:
        complete = False
    if not complete or "?" in value or "#" in value:
        raise SpecError(field, hide_host(value), f"{allowed}, without a query; the locustfile's paths are added to it")
    if "@" in split.path or '"' in value:
        escaped = "with %40, %2F and %22 for any @, / and quotation mark in its password or path"
        raise SpecError(field, hide_host(value), f"{allowed}, {escaped}")
    return value.rstrip("/")


_SCHEMES = ("http", "https", "ws", "wss", "grpc", "rpc")
"""Others are for clients of the locustfile's own, and taken unless they look like one of these with a typing error."""


def _is_one_slip(given: str, meant: str) -> bool:
    """True if one character too many, too few, or another one, or two exchanged neighbours tell the two apart."""
    start = next((place for place, pair in enumerate(zip(given, meant, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(given) - len(meant)) == 1
    left, other = given[start:], meant[start:]
    return left[1:] in (other, other[1:]) or left == other[1:] or left == other[1::-1] + other[2:]


url = Kind("text", "a URL with its scheme, such as http://127.0.0.1:8080", _convert_url)


def split_names(given: str) -> list[str]:
    """Names in one text, separated by commas or blanks: ``"a, b"`` → ``["a", "b"]``; empty for an empty text."""
    return [name for name in re.split(r"\s*,\s*|\s+", given.strip()) if name] if given.strip(" ,") else []


def listing(each: Kind, split: Callable[[str], list[str]] = split_names) -> Kind:
    """A tuple of `each` from a list, or from one text that `split` takes apart."""
    allowed = f"a list; each entry {each.allowed}"

    def convert(field: str, value: object) -> tuple[Any, ...]:
        if isinstance(value, str):
            try:
                value = split(value)
            except ValueError as error:
                raise SpecError(field, hide_text(str(value)), f"{allowed} ({error})") from error
        if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
            raise SpecError(field, value, allowed)
        return tuple(each.convert(f"{field}[{index}]", entry) for index, entry in enumerate(value))

    return Kind("list", allowed, convert)


def split_words(given: str) -> list[str]:
    """Command line words in one text, quoted as in a shell. Raises ValueError for a quote without its end."""
    return shlex.split(given)


def split_pairs(given: str) -> dict[str, str]:
    """``"service=shop, build=42"`` as a dict. Raises ValueError for a part without ``=`` or a key given twice."""
    pairs: dict[str, str] = {}
    for part in (part.strip() for part in given.split(",")):
        if part:
            key, equals, value = part.partition("=")
            if not equals:
                raise ValueError(f"no '=' in {part!r}")
            if key.strip() in pairs:
                raise ValueError(f"{key.strip()!r} is given twice")
            pairs[key.strip()] = value.strip()
    return pairs


def mapping(key: Kind, value: Kind, split: Callable[[str], dict[str, str]] | None = None) -> Kind:
    """A dict from `key` to `value`; also from one text where `split` is given."""
    allowed = f"names with values; a name is {key.allowed}, a value {value.allowed}"

    def convert(field: str, given: object) -> dict[str, str]:
        if isinstance(given, str) and split is not None:
            try:
                given = split(given)
            except ValueError as error:
                raise SpecError(field, given, f"key=value pairs separated by commas ({error})") from error
        if not isinstance(given, Mapping):
            raise SpecError(field, given, allowed)
        return {
            key.convert(f"a name in {field}", name): value.convert(f"{field}[{name!r}]", entry)
            for name, entry in given.items()
        }

    return Kind("mapping", allowed, convert)


def _real(field: str, value: object, allowed: str, *, whole: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        error = SpecError(field, value, allowed)
        error.nearest = _as_number(value, whole=whole)
        if error.nearest:
            error.args = (f"{error} Did you mean {error.nearest}?",)  # a number, so without quotes
        raise error
    try:
        result = float(value)
    except OverflowError as error:
        raise SpecError(field, value, allowed) from error
    if not math.isfinite(result):
        raise SpecError(field, value, allowed)
    return result


def _as_number(value: object, *, whole: bool) -> str | None:
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return f"{number:g}" if math.isfinite(number) and not (whole and number % 1) else None


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
