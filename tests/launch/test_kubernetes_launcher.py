"""The Kubernetes launcher up to the point where pods would start."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from load_cluster import NAMESPACE, launcher, load_cluster

from loadlab.errors import SpecError
from loadlab.spec import LoadTest


def make_test(folder: Path) -> LoadTest:
    (folder / "shop.py").write_text("")
    return LoadTest(locustfile=folder / "shop.py", host="http://127.0.0.1:9", workers=1)


def test_of_two_that_start_at_the_same_time_the_younger_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = make_test(tmp_path)
    with load_cluster(tmp_path, monkeypatch) as double:
        place = launcher(owner="ana")
        older, younger = (place.prepare(test, run_id=run_id, logs=tmp_path / run_id) for run_id in ("r1-a", "r1-b"))
        plan, swarm = older
        swarm.release.claim(plan.bundle, plan.ownership)
        with pytest.raises(SpecError, match="no other run loads; r1-a of ana does"):
            place.bring_up(*younger)
        place._check_alone(plan, swarm.cluster)
        releases = {each["metadata"]["labels"]["loadlab.dev/run"] for each in double.objects("ConfigMap", NAMESPACE)}
        assert releases == {"r1-a"}
        swarm.close()
        assert double.objects("ConfigMap", NAMESPACE) == []


def test_nothing_stays_open_when_the_logs_have_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_cluster(tmp_path, monkeypatch) as double:
        before = set(threading.enumerate())
        with pytest.raises(OSError, match=r"shop\.py") as failed:
            launcher().prepare(make_test(tmp_path), run_id="r1-a", logs=tmp_path / "shop.py" / "logs")
        double.until(lambda: not opened_since(before))  # a thread that was told to end takes a moment
        del failed  # its traceback has kept what was not closed


def opened_since(before: set[threading.Thread]) -> list[threading.Thread]:
    return [each for each in set(threading.enumerate()) - before if "process_request" not in each.name]
