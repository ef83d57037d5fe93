"""`loadlab swarms` in a cluster: one namespace, or all of them."""

import pytest
from load_cluster import load_cluster


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    with load_cluster(tmp_path, monkeypatch) as cluster:
        yield cluster


def test_swarms_of_one_namespace_and_of_all(cli, cluster):
    answer = cli("swarms", "-A")
    assert answer.output == "no swarms in any namespace of double\n"
    labels = {"loadlab.dev/run": "r20261124-120000-ab12", "loadlab.dev/owner": "ana"}
    cluster.create("ConfigMap", {"metadata": {"name": "files", "labels": labels}}, "default")
    pod = {"metadata": {"name": "one", "labels": labels}, "spec": {"containers": [{"name": "a", "image": "none"}]}}
    with cluster.unschedulable():
        cluster.create("Pod", pod, "default")
        assert cli("swarms").output == "no swarms in namespace load of double\n"
        for option in ("-A", "--all-namespaces"):
            answer = cli("swarms", option)
            assert answer.exit_code == 0, answer.output
            row = answer.output.splitlines()[1].split()
            assert row[:4] == ["r20261124-120000-ab12", "default", "ana", "1"]
