"""What has its time in a cluster: pods that wait for a node, and a run that Kubernetes ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from place import Place, test_of, until

import loadlab
from loadlab.errors import LaunchTimeout

DEADLINE_S = int(os.environ.get("LOADLAB_TEST_DEADLINE", "60"))
NODE_WAIT_S = int(os.environ.get("LOADLAB_TEST_NODE_WAIT", "25"))
pytestmark = pytest.mark.usefixtures("clean")


def test_why_pods_find_no_node_is_told(place: Place, folder: Path) -> None:
    said: list[str] = []
    nowhere = place.launcher("worker.nodeSelector.loadlab-test=nowhere", said=said, ready_timeout=NODE_WAIT_S)
    with pytest.raises(LaunchTimeout) as raised:
        loadlab.run(test_of(place, folder), runs=folder / "runs", launcher=nowhere)
    for text in (str(raised.value), *[line for line in said if "worker" in line][-1:]):
        assert "Unschedulable" in text, text
        assert "node affinity/selector" in text, f"the scheduler's own words are missing: {text}"
    assert not list((folder / "runs").iterdir()), "a run that never began has left a folder"


def test_kubernetes_ends_a_run_at_its_deadline(place: Place, folder: Path) -> None:
    test = test_of(place, folder, run_time=900, lease=None)
    began = time.monotonic()
    launcher = place.launcher(f"loadlab.deadlineSeconds={DEADLINE_S}")
    live = loadlab.start(test, runs=folder / "runs", launcher=launcher)
    until(lambda: live.tables.last_second, "the first second of the run")
    run = live.wait()
    took = time.monotonic() - began
    assert run.info["end_reason"] in ("quit", "master_lost"), run.info["end_reason"]
    assert DEADLINE_S - 5 < took < DEADLINE_S + 120, f"{took:.0f} s instead of {DEADLINE_S} s"
    assert run.requests["count"].sum() > 0, "what was measured until then is not kept"
    place.seen_at_rest()
