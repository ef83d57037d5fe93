"""Real helm, 3 and 4, against the double."""

import pytest

from cluster_double import Cluster
from cluster_double.tools import Tools

pytestmark = pytest.mark.parametrize("major", [3, 4])


def texts(cluster: Cluster) -> dict[str, str]:
    return {it["metadata"]["name"]: it["data"]["text"] for it in cluster.objects("ConfigMap", "load")}


def test_install_upgrade_rollback_uninstall(cluster: Cluster, tools: Tools, major: int) -> None:
    assert tools.helm("install", "r", tools.chart, major=major).returncode == 0
    assert texts(cluster) == {"r-config": "one"}
    cluster.until(lambda: [pod["status"]["phase"] for pod in cluster.objects("Pod", "load")] == ["Running"])
    listed = tools.helm("list", "--output", "json", major=major).stdout
    assert '"name":"r"' in listed
    assert '"status":"deployed"' in listed
    upgraded = tools.helm("upgrade", "--install", "r", tools.chart, "--set", "text=two", major=major)
    assert upgraded.returncode == 0
    assert texts(cluster) == {"r-config": "two"}
    assert tools.helm("rollback", "r", "1", major=major).returncode == 0
    assert texts(cluster) == {"r-config": "one"}
    assert "Rollback to 1" in tools.helm("history", "r", major=major).stdout
    assert tools.helm("get", "values", "r", "--all", major=major).stdout.count("text: one") == 1
    assert len(cluster.objects("Secret", "load")) == 3
    assert tools.helm("uninstall", "r", "--wait", "--timeout", "90s", major=major).returncode == 0
    cluster.until(lambda: not cluster.objects("Pod", "load"))
    assert not cluster.objects("Secret", "load")
    assert not cluster.objects("Job", "load")


def test_upgrading_a_job_fails_in_the_servers_words(cluster: Cluster, tools: Tools, major: int) -> None:
    tools.helm("install", "r", tools.chart, major=major)
    failed = tools.helm("upgrade", "r", tools.chart, "--set", "seconds=61", major=major)
    assert failed.returncode == 1
    assert "field is immutable" in failed.stderr
    assert "STATUS: failed" in tools.helm("status", "r", major=major).stdout


def test_a_refused_install_keeps_the_servers_words(cluster: Cluster, tools: Tools, major: int) -> None:
    method = "POST" if major == 3 else "PATCH"
    cluster.fail(method, "/configmaps", 403)
    failed = tools.helm("install", "r", tools.chart, major=major)
    assert failed.returncode == 1
    verb = "create" if major == 3 else "patch"
    assert f'cannot {verb} resource "configmaps" in API group "" in the namespace "load"' in failed.stderr


def test_install_waits_for_a_job(cluster: Cluster, tools: Tools, major: int) -> None:
    wait = ["--wait", "--wait-for-jobs", "--timeout", "90s", "--set", "seconds=0.5"]
    assert tools.helm("install", "r", tools.chart, *wait, major=major).returncode == 0
    assert cluster.object("Job", "load", "r-job")["status"]["succeeded"] == 1


def test_a_new_namespace(cluster: Cluster, tools: Tools, major: int) -> None:
    done = tools.helm("install", "r", tools.chart, "--namespace", "fresh", "--create-namespace", major=major)
    assert done.returncode == 0
    assert cluster.objects("ConfigMap", "fresh")
    missing = tools.helm("install", "r", tools.chart, "--namespace", "missing", major=major)
    assert 'namespaces "missing" not found' in missing.stderr


def test_only_what_the_role_allows(cluster: Cluster, tools: Tools, major: int) -> None:
    tools.helm("install", "r", tools.chart, major=major)
    tools.helm("uninstall", "r", major=major)
    verbs = {(call.group, call.resource, call.verb) for call in cluster.calls}
    cluster.rules = [{"apiGroups": [g], "resources": [r], "verbs": [v]} for g, r, v in verbs]
    assert tools.helm("install", "r", tools.chart, major=major).returncode == 0
    cluster.rules.remove({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]})
    refused = tools.helm("install", "s", tools.chart, major=major)
    assert 'cannot create resource "jobs" in API group "batch" in the namespace "load"' in refused.stderr
