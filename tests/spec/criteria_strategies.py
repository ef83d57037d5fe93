"""Arbitrary criteria that make sense, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from loadlab.spec import Criterion, Quantity
from loadlab.spec.criterion import LATENCIES, OF_REQUESTS
from loadlab.spec.criterion_rules import CHANGING, MAX_DURATION_S, find_problem

NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["/", "/cart", "checkout*", "GET", "GET /", "POST x", "error:x", "error : x", "(a", "a)", "a (b) c", '"', "a;b"]
    ),
    st.text('()";\\# *?:\n\tAGET/x', max_size=8),
)
NUMBERS = st.one_of(
    st.floats(min_value=0, allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 0.1, 1.0, 1000.0, 1500.0, 5e-324, 1e22, 1.7976931348623157e308, 0.1 + 0.2]),
    st.integers(0, 10**6).map(float),
)
DURATIONS = st.one_of(st.integers(1, MAX_DURATION_S), st.integers(1, 120)).map(float)
UNITS = st.sampled_from(["", "%", "cores", "Mi", "ms", "bytes/s", "/s", "µs", "overs", "m"])


@st.composite
def drafts(draw: st.DrawFn) -> Criterion:
    """A criterion that is well-formed, and may make no sense."""
    measure = draw(st.sampled_from([*OF_REQUESTS, "errors", "users", "metric", "signal"]))
    named = measure in ("metric", "signal") or (measure != "users" and draw(st.booleans()))
    quantity = Quantity(
        measure,
        draw(st.floats(0, 1, exclude_min=True, exclude_max=True)) if measure == "quantile" else None,
        draw(NAMES) if named else "",
        draw(NAMES) if named and measure in OF_REQUESTS and draw(st.booleans()) else "",
    )
    threshold = draw(NUMBERS)
    changes = measure in CHANGING and draw(st.booleans())
    if measure in ("count", "errors"):
        threshold = float(int(threshold))
    if measure == "error_ratio" or changes:
        threshold = min(threshold, 1.0)
    if measure in ("metric", "signal") and not changes and draw(st.booleans()):
        threshold = -threshold
    unit = "ms" if measure in LATENCIES else "/s" if measure == "rps" else ""
    if measure == "metric":
        unit = draw(st.sampled_from(["", "/s"]))
    if measure == "signal":
        unit = draw(UNITS)
    change = draw(st.sampled_from(["drops", "rises"])) if changes else ""
    stop = draw(st.booleans())
    return Criterion(
        quantity,
        draw(st.sampled_from([">", ">="] if changes else ["<", "<=", ">", ">=", "==", "!="])),
        threshold,
        "" if changes else unit,
        change,
        draw(DURATIONS) if changes else None,
        draw(st.none() | DURATIONS),
        None if changes else draw(st.none() | DURATIONS),
        draw(st.booleans()),
        stop,
        draw(st.none() | DURATIONS) if stop else None,
    )


CRITERIA = drafts().filter(lambda criterion: find_problem(criterion) is None)
