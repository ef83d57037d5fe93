"""What looks like a secret is not shown, and everything else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlab.redaction import Redactor, redact, secret_values

SECRET = "hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer xyz", "Authorization: ..."),
        ("sent authorization: Basic aHVudGVyMg==, expected 200", "sent authorization: ..., expected 200"),
        ("{'Authorization': 'Bearer hunter2', 'X': 'y'}", "{'Authorization': '...', 'X': 'y'}"),
        ('{"authorization":"Token hunter2","n":1}', '{"authorization":"...","n":1}'),
        ("[('Authorization', 'hunter2 x'), ('Accept', 'a/b')]", "[('Authorization', '...'), ('Accept', 'a/b')]"),
        ('Authorization: Digest username="bob", response="hunter2"', "Authorization: ..."),
        ("Proxy-Authorization: Basic hunter2", "Proxy-Authorization: ..."),
        ("refused: Basic aHVudGVyMg==", "refused: Basic ..."),
        ("sent Bearer hunter2hunter2", "sent Bearer ..."),
        (f"token {JWT} has expired", "token ... has expired"),
        ("/a?token=hunter2&api_key=hunter2&page=2", "/a?token=...&api_key=...&page=2"),
        ("URL http://shop/login?user=bob&key=hunter2: code=503", "URL http://shop/login?user=bob&key=...: code=503"),
        ("https://s3/x?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=ab12&x=1",
         "https://s3/x?X-Amz-Credential=...&X-Amz-Signature=...&x=1"),
        ("AKIAIOSFODNN7EXAMPLE is not allowed", "... is not allowed"),
        ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG+b", "aws_secret_access_key=..."),
        ("ghp_aBcDeFgHiJkLmNoPqRsT0123456789abcdef refused", "... refused"),
        ("password=hunter2, user=bob", "password=..., user=bob"),
        ("wrong password: hunter2 for bob", "wrong password: ... for bob"),
        ("invalid token 'hunter2' sent", "invalid token '...' sent"),
        ('{"password": "hun\\"ter2", "n": 1}', '{"password": "...", "n": 1}'),
        ('body {\\"password\\": \\"hunter2\\", \\"n\\": 1}', 'body {\\"password\\": \\"...\\", \\"n\\": 1}'),
        ("auth=('bob', 'hunter2') failed", "auth=...) failed"),
        ("passwd=b'hunter2' next", "passwd=b'...' next"),
        ("SHOP_TOKEN_V2 => hunter2", "SHOP_TOKEN_V2 => ..."),
        ("X-Api-Key: hunter2", "X-Api-Key: ..."),
        ("Cookie: sid=hunter2; theme=dark\nnext line", "Cookie: ...\nnext line"),
        ("Set-Cookie: JSESSIONID=hunter2; Path=/", "Set-Cookie: ..."),
        ("{'Cookie': 'sid=hunter2; a=b', 'Accept': 'x'}", "{'Cookie': '...', 'Accept': 'x'}"),
        ("<RequestsCookieJar[<Cookie sid=hunter2 for shop/>]>", "<RequestsCookieJar[<Cookie ... for shop/>]>"),
        ("postgres://bob:hunter2@db/shop", "postgres://bob:...@db/shop"),
        ("bad arguments: --api-token hunter2 -x", "bad arguments: --api-token ... -x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- end", "... end"),
        ("cut off: -----BEGIN PRIVATE KEY-----\nhunter2", "cut off: ..."),
    ],
)  # fmt: skip
def test_a_secret_is_left_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "503 Server Error: Service Unavailable for url: http://127.0.0.1:8080/search?q=socks",
        "KeyError: 'price'",
        "InvalidTokenError: Signature has expired",
        "Basic authentication failed; Bearer authentication required",
        "Unexpected token < in JSON at position 0",
        "author: Kafka, primary key: 5, order 4711",
        "GET /products/[id] took 12.5 ms (code=503, status: 404)",
        "tokenizer=fast secretary=Ann",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    ["--key", "token", "password=", "eyJ", "-----BEGIN PRIVATE KEY-----", "'\\\"token", "://:", "authorization:",
     "bearer ", "auth-", "cookie:'", 'token:"', "token='\\", "token=,a", "A"],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    """What a target answers is hostile: a pattern that goes back again and again would take minutes for this."""
    began = time.process_time()
    redact(piece * (300_000 // len(piece)) + "@")
    assert time.process_time() - began < 5


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab=:;,'\" \\\n?&@/.-{(token", max_size=60))
def test_hiding_twice_is_hiding_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_a_known_secret_is_hidden_wherever_it_stands() -> None:
    environment = {
        "SHOP_PASSWORD": "correct horse/battery",
        "DATABASE": "postgres://bob:hunter2@db/shop",
        "GH_TOKEN": "short",
        "THEME": "dark-mode",
    }
    redactor = Redactor(secret_values(environment))
    shown = redactor("said correct horse/battery or correct%20horse%2Fbattery to hunter2, in dark-mode and short")
    assert shown == "said ... or ... to ..., in dark-mode and short"
    assert Redactor()("hunter2 = 5") == "hunter2 = 5"
