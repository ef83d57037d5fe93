"""Real kubectl against the double."""

import json

from cluster_double import Cluster
from cluster_double.tools import Tools, job

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {%s}
"""


def test_apply_get_and_delete(cluster: Cluster, tools: Tools) -> None:
    assert tools.kubectl("apply", "-f", "-", stdin=CONFIG % "a: '1', b: '2'").stdout == "configmap/settings created\n"
    assert (
        tools.kubectl("apply", "-f", "-", stdin=CONFIG % "a: '1', c: '3'").stdout == "configmap/settings configured\n"
    )
    assert cluster.object("ConfigMap", "load", "settings")["data"] == {"a": "1", "c": "3"}
    found = json.loads(tools.kubectl("get", "configmap", "settings", "--output", "json").stdout)
    assert found["data"] == {"a": "1", "c": "3"}
    assert "settings" in tools.kubectl("get", "cm").stdout
    assert tools.kubectl("delete", "configmap", "settings").returncode == 0
    missing = tools.kubectl("get", "configmap", "settings")
    assert missing.stderr == 'Error from server (NotFound): configmaps "settings" not found\n'


def test_server_side_apply_takes_away_what_is_no_longer_named(cluster: Cluster, tools: Tools) -> None:
    tools.kubectl("apply", "--server-side", "-f", "-", stdin=CONFIG % "a: '1', b: '2'")
    tools.kubectl("patch", "configmap", "settings", "--type", "merge", "--patch", '{"data": {"own": "kept"}}')
    tools.kubectl("apply", "--server-side", "-f", "-", stdin=CONFIG % "a: '9'")
    assert cluster.object("ConfigMap", "load", "settings")["data"] == {"a": "9", "own": "kept"}


def test_logs_of_a_job(cluster: Cluster, tools: Tools) -> None:
    cluster.create("Job", job("talk", "echo first; echo second"), "load")
    cluster.until(lambda: cluster.object("Job", "load", "talk")["status"].get("succeeded"))
    assert tools.kubectl("logs", "job/talk").stdout == "first\nsecond\n"
    assert tools.kubectl("logs", "job/talk", "--tail", "1").stdout == "second\n"
    assert tools.kubectl("delete", "job", "talk", "--timeout", "90s").returncode == 0
    assert not cluster.objects("Pod", "load")


def test_waiting_and_permissions(cluster: Cluster, tools: Tools) -> None:
    cluster.create("Job", job("nap", "sleep 0.3"), "load")
    assert tools.kubectl("wait", "job/nap", "--for", "condition=complete", "--timeout", "90s").returncode == 0
    assert tools.kubectl("auth", "can-i", "create", "pods").stdout == "yes\n"
    cluster.rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    assert tools.kubectl("auth", "can-i", "create", "pods").stdout == "no\n"
    refused = tools.kubectl("get", "secrets").stderr
    assert refused == (
        'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:loadlab" cannot list '
        'resource "secrets" in API group "" in the namespace "load"\n'
    )
