"""What people get wrong most easily, and the hint that they get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import loadlab
from loadlab.errors import SpecError
from loadlab.spec import LoadTest


@pytest.mark.parametrize("scheme", ["htp", "htttp", "hhtp", "ttp", "httpss", "httsp", "HTP", "wsss", "grcp"])
def test_a_misspelt_scheme_is_refused(scheme: str) -> None:
    with pytest.raises(SpecError, match=r"Did you mean '(https?|wss?|grpc)://shop:8080/a'\?"):
        LoadTest(locustfile="a.py", host=f"{scheme}://shop:8080/a")


@pytest.mark.parametrize("scheme", ["http", "HTTPS", "ws", "wss", "grpc", "tcp", "ftp", "mqtt", "amqp", "kafka", "rpc"])
def test_a_scheme_of_ones_own_is_taken(scheme: str) -> None:
    assert LoadTest(locustfile="a.py", host=f"{scheme}://shop:8080").host == f"{scheme}://shop:8080"


@pytest.mark.parametrize(
    ("values", "example"),
    [
        (("http://a", "x.py"), "host='http://a', locustfile='x.py'"),
        (("x.py", 5), "locustfile='x.py', users=5"),
    ],
)
def test_values_without_a_name_are_given_the_one_that_fits(values: tuple[object, ...], example: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"fields given by their names, such as {example}.")):
        LoadTest(*values)


def test_what_is_missing_is_called_missing() -> None:
    with pytest.raises(SpecError, match=r"^stages\[0\].duration: missing; allowed: a duration"):
        LoadTest(locustfile="a.py", stages=[{"users": 3, "spawn_rate": 1}])


@pytest.mark.parametrize(
    ("given", "example"),
    [("checkout.yaml", "LoadTest.from_yaml('checkout.yaml')"), ("a.py", "LoadTest(locustfile='a.py', ...)")],
)
def test_a_path_is_not_a_test(given: str, example: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=re.escape(f"test: got '{given}'; allowed: a LoadTest, such as {example}.")):
        loadlab.run(given, runs=tmp_path)
