"""Criteria as text: the canonical one, which gives the same criterion again to the last bit."""

from __future__ import annotations

from decimal import Decimal

from loadlab.spec.criterion import LATENCIES, OF_REQUESTS, Criterion, Quantity
from loadlab.spec.durations import format_duration

ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
"""What may follow a backslash in quotes, and what it stands for."""


def write_criterion(criterion: Criterion) -> str:
    """The canonical text."""
    words = [write_quantity(criterion.quantity)]
    if criterion.change:
        words.append(criterion.change)
    words += [criterion.comparison, _write_value(criterion)]
    for word, seconds in (("over", criterion.over_s), ("for", criterion.for_s), ("within", criterion.within_s)):
        if seconds is not None:
            words += [word, format_duration(seconds)]
    if criterion.from_start:
        words.append("from start")
    if criterion.stop:
        words.append("else stop")
        if criterion.stop_after_s is not None:
            words += ["after", format_duration(criterion.stop_after_s)]
    return " ".join(words)


def write_quantity(quantity: Quantity) -> str:
    """Such as ``p95(GET /cart)``."""
    measure = quantity.measure
    if measure == "errors":
        return f"count(error:{_write_name(quantity.name, of_requests=False) if quantity.name else '*'})"
    word = f"p{write_number(quantity.quantile or 0.0, 2)}" if measure == "quantile" else measure
    selector = _write_selector(quantity)
    return f"{word}({selector})" if selector else word


def write_number(value: float, places: int = 0) -> str:
    """`value` times 10**places, exactly, without an exponent."""
    number = Decimal(repr(float(value) + 0.0)).scaleb(places)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_value(value: float, measure: str, unit: str) -> str:
    """A number with its unit, as it stands in a criterion: ``300ms``, ``2s``, ``0.5%``, ``10/s``, ``4 cores``."""
    if measure in LATENCIES:
        return f"{write_number(value, -3)}s" if value >= 1000 else f"{write_number(value)}ms"
    if measure == "error_ratio":
        return f"{write_number(value, 2)}%"
    if measure == "rps":
        return write_number(value)
    return f"{write_number(value)}{' ' * (len(unit) > 3)}{unit}"


def _write_value(criterion: Criterion) -> str:
    measure = "error_ratio" if criterion.change else criterion.quantity.measure
    return write_value(criterion.threshold, measure, criterion.unit)


def _write_selector(quantity: Quantity) -> str:
    of_requests = quantity.measure in OF_REQUESTS
    if not quantity.request_type:
        return _write_name(quantity.name, of_requests=of_requests, count=quantity.measure == "count")
    from loadlab.spec.criterion_selector import REQUEST_TYPE

    kind = quantity.request_type
    found = REQUEST_TYPE.fullmatch(f"{kind} ")
    written = kind if found is not None and found[1] == kind else _quote(kind)
    return f"{written} {_write_name(quantity.name, of_requests=False) if quantity.name else '*'}"


def _write_name(name: str, *, of_requests: bool, count: bool = False) -> str:
    """`name` as it is, or in quotes where it would be read as something else."""
    if not name:
        return ""
    from loadlab.spec.criterion_selector import is_plain_name

    return name if is_plain_name(name, of_requests=of_requests, count=count) else _quote(name)


def _quote(name: str) -> str:
    written = {char: f"\\{escape}" for escape, char in ESCAPES.items()}
    return f'"{"".join(written.get(char, char) for char in name)}"'
