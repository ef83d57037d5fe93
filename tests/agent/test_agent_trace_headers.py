import random

import pytest
from geventhttpclient.header import Headers

from loadlab.agent.trace_headers import MADE_AT_ONCE, TraceHeaders


def test_the_headers_are_those_of_w3c_and_the_callers_own_stay() -> None:
    add = TraceHeaders().add
    given = {"Accept": "text/html"}
    headers, (trace_id, request_id) = add(given, {})
    assert given == {"Accept": "text/html"}
    version, sent, span, flags = headers["traceparent"].split("-")
    assert (version, sent, flags) == ("00", trace_id, "01")
    assert (len(trace_id), len(span)) == (32, 16)
    assert headers["X-Request-Id"] == request_id == trace_id
    assert headers["Accept"] == "text/html"


def test_ids_of_the_caller_are_sent_and_told() -> None:
    add = TraceHeaders().add
    headers, (trace_id, request_id) = add(
        {"x-request-id": "mine", "TraceParent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, {}
    )
    assert headers == {"x-request-id": "mine", "TraceParent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    assert (trace_id, request_id) == ("a" * 32, "mine")
    headers, (trace_id, request_id) = add({"X-Request-ID": "mine"}, {})
    assert headers["traceparent"].split("-")[1] == trace_id
    assert request_id == "mine"


def test_ids_differ_and_leave_the_locustfiles_randomness_alone() -> None:
    add = TraceHeaders().add
    random.seed(1)
    before = random.getstate()
    ids = {add(None, {})[1][0] for _ in range(3 * MADE_AT_ONCE)}
    assert len(ids) == 3 * MADE_AT_ONCE
    assert random.getstate() == before


def test_lines_say_what_the_headers_would() -> None:
    lines, (trace_id, request_id) = TraceHeaders().lines(Headers({"Accept": "text/html"}), Headers())
    first, second, rest = lines.split("\r\n")
    assert first.startswith(f"traceparent: 00-{trace_id}-")
    assert (second, rest) == (f"X-Request-Id: {request_id}", "")
    assert len(trace_id) == 32


@pytest.mark.parametrize("name", ["X-Request-ID", "x-request-id"])
def test_no_line_is_added_for_a_header_that_is_there(name: str) -> None:
    trace = TraceHeaders()
    lines, (trace_id, request_id) = trace.lines(Headers({name: "mine"}), Headers())
    assert lines.startswith(f"traceparent: 00-{trace_id}-")
    assert lines.count("\r\n") == 1
    assert request_id == "mine"
    lines, ids = trace.lines(
        Headers({name: "mine", "TraceParent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}), Headers()
    )
    assert (lines, ids) == ("", ("a" * 32, "mine"))


def test_headers_of_the_session_count_and_are_not_sent_twice() -> None:
    trace = TraceHeaders()
    defaults = {"X-Request-Id": "session's"}
    headers, (trace_id, request_id) = trace.add({"Accept": "text/html"}, defaults)
    assert headers.keys() == {"Accept", "traceparent"}
    assert headers["traceparent"].split("-")[1] == trace_id
    assert request_id == "session's"
    assert trace.add({"x-request-id": "own"}, defaults)[1][1] == "own"
    headers, (_, request_id) = trace.add({"x-request-id": None}, defaults)
    assert (headers["x-request-id"], request_id) == (None, "")
    lines, (_, request_id) = trace.lines(Headers(), Headers(defaults))
    assert (lines.count("\r\n"), request_id) == (1, "session's")
