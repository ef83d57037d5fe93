import errno

import pytest

from loadlab.agent.failures import MAX_MESSAGE, clean_text, failure_kind, fold_message


@pytest.mark.parametrize(
    ("message", "folded"),
    [
        ("order 4711 not found", "order <n> not found"),
        ("took 12.5 s, 1,024 bytes", "took <n> s, <n> bytes"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "id <uuid> gone"),
        ("at 0x7f3a9c21", "at <hex>"),
        ("commit deadbeef12 failed", "commit <hex> failed"),
        ("facade", "facade"),
        ("HTTP2 error in v2", "HTTP2 error in v2"),
        ("/products/17?page=3", "/products/<n>?<query>"),
        ("URL http://127.0.0.1:40679/search?q=red+socks&page=2: code=503", "URL <host>/search?<query>: code=503"),
        ("what? a=b", "what? a=b"),
        ("status: 404 after 12 ms", "status: 404 after <n> ms"),
        ("code=12345 of 17", "code=<n> of <n>"),
    ],
)
def test_what_varies_is_folded(message: str, folded: str) -> None:
    assert fold_message(message) == folded


def test_a_megabyte_is_shortened_and_marked() -> None:
    folded = fold_message("x" * 1_000_000)
    assert len(folded) == MAX_MESSAGE
    assert folded.endswith("…")


def test_lone_surrogates_become_valid_text() -> None:
    assert clean_text("a\ud800b\0😀", 100) == "a?b\0😀"


class CatchResponseError(Exception):
    pass


def chained(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("exception", "status", "kind"),
    [
        (CatchResponseError("wrong price"), 200, "check failed"),
        (AssertionError("no"), 0, "check failed"),
        ("just a text", 0, "check failed"),
        (Exception("503 Server Error"), 503, "HTTP 503"),
        (TimeoutError("timed out"), 0, "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), 0, "connection refused"),
        (chained(ValueError("wrapped"), ConnectionResetError(errno.ECONNRESET, "reset")), 0, "connection reset"),
        (Exception("HTTPConnectionPool: Read timed out."), 0, "timeout"),
        (Exception("Failed to resolve: Name or service not known"), 0, "name resolution"),
        (KeyError("x"), 0, "KeyError"),
    ],
)
def test_kinds(exception: object, status: int, kind: str) -> None:
    assert failure_kind(exception, status) == kind
