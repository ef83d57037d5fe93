import random

from loadlab.agent.trace_headers import MADE_AT_ONCE, trace_header_maker


def test_the_headers_are_those_of_w3c_and_the_callers_own_stay() -> None:
    add = trace_header_maker()
    given = {"Accept": "text/html"}
    headers, (trace_id, request_id) = add(given)
    assert given == {"Accept": "text/html"}
    version, sent, span, flags = headers["traceparent"].split("-")
    assert (version, sent, flags) == ("00", trace_id, "01")
    assert (len(trace_id), len(span)) == (32, 16)
    assert headers["X-Request-Id"] == request_id == trace_id
    assert headers["Accept"] == "text/html"


def test_ids_of_the_caller_are_sent_and_told() -> None:
    add = trace_header_maker()
    headers, (trace_id, request_id) = add(
        {"x-request-id": "mine", "TraceParent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    )
    assert headers == {"x-request-id": "mine", "TraceParent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    assert (trace_id, request_id) == ("a" * 32, "mine")
    headers, (trace_id, request_id) = add({"X-Request-ID": "mine"})
    assert headers["traceparent"].split("-")[1] == trace_id
    assert request_id == "mine"


def test_ids_differ_and_leave_the_locustfiles_randomness_alone() -> None:
    add = trace_header_maker()
    random.seed(1)
    before = random.getstate()
    ids = {add(None)[1][0] for _ in range(3 * MADE_AT_ONCE)}
    assert len(ids) == 3 * MADE_AT_ONCE
    assert random.getstate() == before
