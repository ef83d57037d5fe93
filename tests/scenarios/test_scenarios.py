"""Each scenario runs under plain Locust: what loadlab runs unchanged has to be right by itself."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from plain_locust import Counts, PlainRun, run_plain_locust

Runs = dict[str, Future[PlainRun]]

FOLDER = Path(__file__).parent
NOT_LOCUSTFILES = {"test_scenarios", "shop_pages"}
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_LOCUSTFILES)

FAILING = {"catch_response", "measure", "raising"}
"""Those whose tasks fail on purpose: Locust ends with exit code 1."""

ENDING = {"load_shape"}
"""Those that end by themselves."""

SEEN = {
    "catch_response": {"GET /missing": "404", "GET /search": "200", "GET /health": "200", "GET /cart": "200"},
    "custom_arguments": {"GET /products/{id}": "200"},
    "custom_client": {"GET /": "200", "GET /health": "200", "GET /cart": "200"},
    "fast_http_user": {"GET /products/{id}": "200", "POST /cart": "201", "HEAD /health": "200"},
    "http_user": {"GET /": "200", "POST /cart": "201", "GET /products/{id}": "200", "GET /products": "200"},
    "imports_helper": {"GET /products/{id}": "200"},
    "listeners": {"POST /cart": "201", "GET /": "200", "GET /products": "200"},
    "load_shape": {"GET /": "200"},
    "measure": {"POST /checkout": "201", "GET /cart": "200"},
    "paced": {"GET /products/{id}": "200", "GET /cart": "200"},
    "parallel_requests": {"GET /": "200", "GET /products/{id}": "200"},
    "raising": {"GET /health": "200", "GET /products/{id}": "200", "GET /cart": "200"},
    "redirects": {"GET /offers": "302", "GET /products": "200"},
    "renamed": {"GET /products/{id}": "200", "GET /products": "200", "GET /search": "200"},
    "tags_and_weights": {"GET /": "200", "GET /health": "200", "GET /search": "200", "GET /products": "200"},
    "task_sets": {"GET /products": "200", "GET /search": "200", "POST /checkout": "201"},
}
"""Endpoints that a scenario must have reached, and the status of their answers."""


def has_seen_enough(scenario: str, counts: Counts) -> bool:
    """True when `scenario` has reached all that it should and has made some load. One with a shape ends by itself."""
    routes = counts["routes"]
    reached = all(name in routes and status in routes[name]["answered"] for name, status in SEEN[scenario].items())
    return scenario not in ENDING and reached and counts["total"]["received"] >= 30


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The chosen scenarios, four at a time."""
    callspecs = (getattr(item, "callspec", None) for item in request.session.items)
    chosen = {spec.params["scenario"] for spec in callspecs if spec is not None and "scenario" in spec.params}
    folder = tmp_path_factory.mktemp("scenarios")
    with ThreadPoolExecutor(4) as pool:
        yield {
            name: pool.submit(
                run_plain_locust, FOLDER / f"{name}.py", folder, enough=functools.partial(has_seen_enough, name)
            )
            for name in SCENARIOS
            if name in chosen
        }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_runs_under_plain_locust(runs: Runs, scenario: str) -> None:
    run = runs[scenario].result()
    assert run.exit_code == (1 if scenario in FAILING else 0), run.output
    assert run.received >= 10, run.output
    assert ("Traceback" in run.output) == (scenario == "raising"), run.output
    for endpoint, status in SEEN[scenario].items():
        assert list(run.counts["routes"][endpoint]["answered"]) == [status]


def test_every_scenario_says_what_it_reaches() -> None:
    assert sorted(SEEN) == SCENARIOS
    assert set(SCENARIOS) > FAILING | ENDING
