"""Taking a run on Kubernetes over from a dead owner: with it died the way to the master, so another one is made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from load_cluster import NAMESPACE, launcher, load_cluster
from locust_left import until

import loadlab
from loadlab.demo import Storefront
from loadlab.errors import SpecError

MakeTest = Callable[..., loadlab.LoadTest]
OWNER = """
import json, sys
import loadlab
options = json.loads(sys.argv[3])
place = loadlab.make_launcher("kubernetes", **options)
loadlab.run(loadlab.LoadTest.from_dict(json.loads(sys.argv[1])), runs=sys.argv[2], launcher=place)
"""


def test_a_run_is_taken_over_and_its_release_removed(
    make_test: MakeTest, shop: Storefront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    with load_cluster(tmp_path, monkeypatch) as cluster:
        options = {field: value for field, value in launcher().options.to_dict().items() if value}
        words = [sys.executable, "-c", OWNER, json.dumps(make_test(run_time=300).to_dict()), str(runs)]
        owner = subprocess.Popen([*words, json.dumps(options)])
        try:
            until(lambda: any(b'"kind":"second"' in path.read_bytes() for path in runs.glob("r*/journal.ndjson")))
            guest = loadlab.attach("latest", runs)
            assert guest.is_guest
            (tmp_path / "guard.yaml").write_text("contexts: ['*']\nnamespaces: ['*']\ntargets: ['*']\nmax_users: 11\n")
            with pytest.raises(SpecError, match="users: got 12; allowed: 11 at most"):
                loadlab.attach("latest", runs).set_users(12)
        finally:
            owner.kill()
            owner.wait()
        heir = loadlab.attach("latest", runs)
        assert not heir.is_guest
        heir.set_users(11)
        until(lambda: heir.status.users == 11)
        heir.stop()
        run = heir.wait()
        assert [each["metadata"]["name"] for each in cluster.objects("pods", NAMESPACE)] == []
        assert not list(cluster.objects("jobs", NAMESPACE))
    assert (run.info["status"], run.info["end_reason"]) == ("finished", "stopped")
    assert run.conservation["sent"] == shop.counts()["total"]["received"] == run.requests["count"].sum()
    assert run.conservation["lost"] == 0
