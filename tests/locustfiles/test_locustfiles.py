"""The locustfiles under plain Locust."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from plain_locust import PlainRun, run_plain_locust

LOCUSTFILES = Path(__file__).parents[2] / "locustfiles"

Runs = dict[str, Future[PlainRun]]

CART = ("--method", "post", "--path", "/cart", "--body", '{"product_id": 1}', "--expect-status", "201")

CASES: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "visitors": ("storefront.py", 8, 2000, ("--think-time", "0")),
    "buyers": ("storefront.py", 2, 200, ("--think-time", "0", "--tags", "checkout")),
    "thoughtful": ("storefront.py", 2, 8, ("--tags", "health")),
    "negative": ("storefront.py", 2, 1, ("--think-time", "-1")),
    "closed_loop": ("single_endpoint.py", 2, 100, ("--path", "/products/1?a=b")),
    "paced": ("single_endpoint.py", 2, 60, (*CART, "--rps-per-user", "10")),
    "expected_404": ("single_endpoint.py", 2, 100, ("--path", "/missing", "--expect-status", "404")),
    "unexpected_404": ("single_endpoint.py", 2, 100, ("--path", "/missing")),
    "other_status": ("single_endpoint.py", 2, 100, ("--expect-status", "204")),
    "redirect": ("single_endpoint.py", 2, 100, ("--path", "/offers", "--expect-status", "302")),
    "misspelt_path": ("single_endpoint.py", 2, 1, ("--path", "products")),
}
"""Name -> locustfile, users, requests after which it is ended, options."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All cases, four at a time."""
    folder = tmp_path_factory.mktemp("locustfiles")
    with ThreadPoolExecutor(4) as pool:
        yield {
            name: pool.submit(
                run_plain_locust,
                LOCUSTFILES / file,
                folder,
                *options,
                users=users,
                enough=lambda counts, requests=requests: counts["total"]["received"] >= requests,
            )
            for name, (file, users, requests, options) in CASES.items()
        }


def routes(run: PlainRun) -> dict[str, int]:
    """Requests received, by endpoint."""
    return {name: counts["received"] for name, counts in run.counts["routes"].items()}


def test_visitors_come_in_the_proportions_documented(runs: Runs) -> None:
    run = runs["visitors"].result()
    assert run.exit_code == 0, run.output
    seen = routes(run)
    assert run.received >= 2000
    assert set(run.counts["total"]["answered"]) <= {"200", "201"}
    # 987 weights; a purchase is four requests, a filled cart three; five standard deviations are allowed
    weights = {"GET /products": 260, "GET /search": 180, "GET /products/{id}": 382, "GET /": 160}
    for endpoint, weight in weights.items():
        share = weight / (987 + 11 * 2 + 5 * 3)
        assert abs(seen[endpoint] - share * run.received) < 5 * (share * (1 - share) * run.received) ** 0.5 + 8
    assert seen["GET /health"] >= 8
    assert seen.get("POST /checkout", 0) <= seen["POST /cart"]


def test_buyers_order_what_they_put_into_the_cart(runs: Runs) -> None:
    run = runs["buyers"].result()
    assert run.exit_code == 0, run.output
    seen = routes(run)
    assert seen["POST /checkout"] > 10
    assert set(seen) == {"GET /", "GET /health", "GET /products/{id}", "POST /cart", "GET /cart", "POST /checkout"}
    assert "/products/[id]" in run.output


def test_visitors_think(runs: Runs) -> None:
    run = runs["thoughtful"].result()
    assert run.exit_code == 0, run.output
    assert set(routes(run)) == {"GET /", "GET /health"}
    assert run.received >= 8  # two visitors: two requests to warm up and one click at once, the next click 2 s later
    assert run.seconds > 2


@pytest.mark.parametrize(
    ("case", "endpoint", "status"),
    [
        ("closed_loop", "GET /products/{id}", "200"),
        ("paced", "POST /cart", "201"),
        ("expected_404", "GET /missing", "404"),
        ("redirect", "GET /offers", "302"),
    ],
)
def test_one_endpoint_is_asked(runs: Runs, case: str, endpoint: str, status: str) -> None:
    run = runs[case].result()
    assert run.exit_code == 0, run.output
    assert list(run.counts["routes"]) == [endpoint]
    assert list(run.counts["total"]["answered"]) == [status]
    assert run.received >= 60
    if case == "paced":  # two users, each of them ten times a second, the first time at once
        assert (run.received - 2) / 20 < run.seconds


@pytest.mark.parametrize("case", ["unexpected_404", "other_status"])
def test_another_status_is_a_failure(runs: Runs, case: str) -> None:
    run = runs[case].result()
    assert run.exit_code == 1
    assert run.received >= 100
    assert ("status 200 instead of 204" in run.output) == (case == "other_status")


@pytest.mark.parametrize(
    ("case", "words"), [("negative", "from 0 to 1000"), ("misspelt_path", "a path starts with a slash")]
)
def test_wrong_options_are_refused_before_any_load(runs: Runs, case: str, words: str) -> None:
    run = runs[case].result()
    assert run.exit_code == 2
    assert words in run.output
    assert run.received == 0


def test_the_visitors_need_no_loadlab(tmp_path: Path) -> None:
    blocked = tmp_path / "loadlab"
    blocked.mkdir()
    (blocked / "__init__.py").write_text("raise ImportError('there is no loadlab here')\n")
    finished = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(LOCUSTFILES / "storefront.py"), "--list"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Visitor" in finished.stdout
