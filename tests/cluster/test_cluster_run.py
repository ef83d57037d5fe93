"""A whole run, from values to archive: what the target saw is what the archive holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from place import Place, command, test_of, until

import loadlab

pytestmark = pytest.mark.usefixtures("clean")


def test_every_request_is_accounted_for(place: Place, folder: Path) -> None:
    before = place.seen()
    run = loadlab.run(test_of(place, folder), runs=folder / "runs", launcher=place.launcher())
    kept = run.conservation
    seen = place.seen_at_rest() - before
    assert kept["sent"] == seen, f"the target saw {seen} requests, the archive says {kept}"
    assert kept["lost"] == 0, kept
    assert kept["ok"] == run.requests["count"].sum() > 100, kept
    assert run.info["end_reason"] == "run_time", run.info["end_reason"]
    logs = sorted(path.name for path in (run.path / "logs").iterdir())
    assert logs[0] == "master.log", logs
    assert sum(name.startswith("worker") for name in logs) == 2, logs
    where = run.info["kubernetes"]
    assert (where["context"], where["namespace"]) == (place.context, place.namespace)
    assert loadlab.open_run("latest", folder / "runs").id == run.id


def test_the_command_runs_and_reports(place: Place, folder: Path) -> None:
    test_of(place, folder)
    words = ["run", "--locustfile", "visitor.py", "--host", place.host, "--users", "4", "--spawn-rate", "20"]
    words += ["--run-time", "5s", "--workers", "1", *place.options(), "--report", "report.html"]
    said = command(*words, expect=(0, 3), cwd=folder)
    assert f"starting 4 users at 20/s for 5s on {place.host}" in said, said
    assert (folder / "report.html").stat().st_size > 10_000
    assert "no swarms" in command("swarms", *place.where(), cwd=folder)


def test_an_evicted_worker_is_replaced(place: Place, folder: Path) -> None:
    before = place.seen()
    test = test_of(place, folder, run_time=120)
    live = loadlab.start(test, runs=folder / "runs", launcher=place.launcher())
    release = f"loadlab-{live.id}"

    def workers() -> set[str]:
        pods = place.get("pods", f"app.kubernetes.io/instance={release},component=worker")
        return {pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"}

    def at_work() -> set[str]:
        generators = live.tables.last("generators", 3)
        return {name for name in generators["worker"] if "worker" in name}

    try:
        first = until(lambda: at_work() if len(at_work()) == 2 else None, "both workers report")
        evicted = min(workers())
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction"}
        eviction["metadata"] = {"name": evicted, "namespace": place.namespace}  # type: ignore[assignment]
        path = f"/api/v1/namespaces/{place.namespace}/pods/{evicted}/eviction"
        place.kubectl("create", "--raw", path, "--filename", "-", stdin=eviction)
        until(lambda: len(workers() - {evicted}) == 2, "a new pod takes the place of the evicted one", 120)
        until(lambda: len(at_work()) == 2 and at_work() != first, "the new worker reports", 120)
        time.sleep(3)
    finally:
        live.stop()
        run = live.wait()
    kept = run.conservation
    seen = place.seen_at_rest() - before
    recorded = kept["ok"] + kept["failed"]
    unheard = 3 * 30  # what one worker sends within three seconds: it may have had no time for its last report
    assert recorded <= seen <= kept["sent"] + unheard, f"the target saw {seen} requests, the archive says {kept}"
    assert "worker" in " ".join(run.events["text"]), run.events.to_string()
    assert run.validity.status != "valid", "a run that lost a worker is not spotless"
